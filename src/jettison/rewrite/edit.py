"""Editing: other content for a few files, such as package databases; all else of them stays."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import msgspec

from jettison.image import tar
from jettison.rewrite.draft import DraftLayer, Member
from jettison.rewrite.layering import directories

if TYPE_CHECKING:
    from collections.abc import Mapping

    from jettison.rewrite.draft import Draft


def edit(draft: Draft, contents: Mapping[bytes, bytes], step: str | None = None) -> Draft:
    """The draft with these contents at these paths, which its tree shows as files.

    A file of a base layer gets its new version in a new layer on top, since base layers stay as they are.
    """
    tree = draft.tree()
    here: dict[tuple[int, int], Member] = {}
    above: list[Member] = []
    for path, content in sorted(contents.items()):
        node = tree.nodes[path].inode
        member = _with_content(draft.member(node.layer, node.number), content)
        if node.layer >= draft.base:
            here[node.layer, node.number] = member
        else:
            above.append(member)
    layers = [
        layer.having([here.get((number, n), member) for n, member in enumerate(layer.members)])
        for number, layer in enumerate(draft.layers)
    ]
    if above:
        paths = [member.entry.path for member in above]
        layers.append(DraftLayer((*directories(paths, tree), *above)))
    return draft.having(layers, step)


def _with_content(member: Member, content: bytes) -> Member:
    entry = msgspec.structs.replace(member.entry, size=len(content), sha256=hashlib.sha256(content).digest())
    return Member(entry, -1, (tar.header(entry), content + tar.padding(len(content))))
