"""Duplicates as hard links: one file where several have the same content, owner, mode, times and attributes.

Links reach within a layer only, so duplicates are linked where one layer has them. What differs in anything but its
name stays a file of its own: a link shares all that with its target.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from jettison.image.entry import FILE, HARDLINK
from jettison.rewrite.layering import written

if TYPE_CHECKING:
    from jettison.image.tree import Node
    from jettison.rewrite.draft import Draft, Member

SMALLEST = 1
"""Files without content are often there to be written to, each by itself."""


def link_duplicates(draft: Draft, step: str | None = None) -> Draft:
    """The draft with all but the first of equal files of a layer as hard links to it."""
    tree = draft.tree()
    links: dict[tuple[int, int], Member] = {}
    first: dict[tuple[object, ...], Node] = {}
    for node in sorted(tree.nodes.values(), key=lambda node: (node.layer, node.number)):
        entry = node.entry
        if entry.kind != FILE or entry.size < SMALLEST or node.layer < draft.base:
            continue
        key = (node.layer, entry.sha256, entry.mtime, entry.mode, entry.uid, entry.gid, repr(entry.xattrs))
        original = first.setdefault(key, node)
        if original is not node:
            link = msgspec.structs.replace(
                entry, kind=HARDLINK, size=0, link=original.entry.path, sha256=b"", xattrs=None
            )
            links[node.layer, node.number] = written(link)
    layers = [
        layer.having([links.get((number, n), member) for n, member in enumerate(layer.members)])
        for number, layer in enumerate(draft.layers)
    ]
    return draft.having(layers, step)
