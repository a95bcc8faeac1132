"""Stripping: programs and libraries without symbol tables and debug sections (`jettison.rewrite.symbols`).

Left alone are object files, static libraries and kernel modules, which need their symbols; detached debug files, which
are nothing else; files with a signature in their attributes (IMA, EVM); and files with something appended. The build id
stays, and all that Go's runtime reads, since both are loaded.
"""

from __future__ import annotations

import hashlib
import mmap
import tempfile
from typing import TYPE_CHECKING

import msgspec

from jettison.image import tar
from jettison.image.entry import FILE
from jettison.packages import elf
from jettison.rewrite.contents import body
from jettison.rewrite.draft import Member
from jettison.rewrite.rope import Range, RopeReader
from jettison.rewrite.symbols import Stripped, strip

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from jettison.image.tree import Node, Tree
    from jettison.rewrite.draft import Draft

WORTHWHILE = 512
"""Bytes that must go: a tar has blocks of so many."""
_SIGNED = ("security.ima", "security.evm")
_KEPT = (b"usr/lib/debug/", b"usr/lib/modules/", b"lib/modules/")


def strip_programs(
    draft: Draft, step: str | None = None, *, besides: Collection[bytes] = ()
) -> tuple[Draft, set[bytes]]:
    """The draft with its programs stripped, but for those in `besides`, and the paths that this changes.

    The indexes must have been made with the probe for ELF files. Each program is read once, layer by layer.
    """
    tree = draft.tree()
    changed: dict[tuple[int, int], Member] = {}
    with tempfile.TemporaryFile() as room:
        reader = RopeReader(draft.image.layers, draft.image.reference)
        for node in _candidates(draft, tree):
            if node.entry.path in besides:
                continue
            member = draft.member(node.layer, node.number)
            place = body(member.entry, member.source)
            if place is None:
                continue
            room.seek(0)
            room.truncate()
            room.writelines(reader.read((place,)))
            room.flush()
            with mmap.mmap(room.fileno(), 0, access=mmap.ACCESS_READ) as content:
                stripped = strip(content)
                if stripped is not None and len(content) - stripped.size >= WORTHWHILE:
                    changed[node.layer, node.number] = _member(member, place, stripped, content)
    paths = {path for path, node in tree.nodes.items() if (node.inode.layer, node.inode.number) in changed}
    layers = [
        layer.having([changed.get((number, n), member) for n, member in enumerate(layer.members)])
        for number, layer in enumerate(draft.layers)
    ]
    return draft.having(layers, step), paths


def _candidates(draft: Draft, tree: Tree) -> Iterator[Node]:
    """Files that the index knows to be programs with symbols, in the order of their layers."""
    nodes = {id(node.inode): node.inode for node in tree.nodes.values()}.values()
    for node in sorted(nodes, key=lambda node: (node.layer, node.number)):
        entry = node.entry
        if node.layer < draft.base or entry.kind != FILE or draft.member(node.layer, node.number).pieces is not None:
            continue
        if entry.path.startswith(_KEPT) or any(name in (entry.xattrs or {}) for name in _SIGNED):
            continue
        source = draft.layers[node.layer].origin
        fact = draft.indexes[source].facts.get(node.number, {}).get("elf") if source is not None else None
        if fact is not None and elf.decode(fact).strippable:
            yield node


def _member(member: Member, place: Range, stripped: Stripped, content: mmap.mmap) -> Member:
    whole = hashlib.sha256(stripped.head)
    with memoryview(content) as view:
        whole.update(view[len(stripped.head) : stripped.cut])
    whole.update(stripped.tail)
    entry = msgspec.structs.replace(member.entry, size=stripped.size, sha256=whole.digest())
    kept = Range(place.layer, place.start + len(stripped.head), place.start + stripped.cut)
    pieces = (tar.header(entry), stripped.head, kept, stripped.tail + tar.padding(stripped.size))
    return Member(entry, member.source, pieces)
