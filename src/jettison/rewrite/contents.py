"""Reading a few small files out of an image: in one pass over each layer that holds any of them."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from jettison.image.entry import FILE
from jettison.image.stream import BLOCK_SIZE
from jettison.rewrite.rope import Range, RopeReader

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from jettison.image.entry import Entry
    from jettison.image.tree import Node, Tree
    from jettison.rewrite.draft import Draft


def body(entry: Entry, layer: int) -> Range | None:
    """Where a file's content stands in its layer's tar; None for what is stored sparse, as far as sizes tell."""
    start = entry.end - (entry.size + -entry.size % BLOCK_SIZE)
    return Range(layer, start, start + entry.size) if start >= entry.start + BLOCK_SIZE else None


def read_files(draft: Draft, tree: Tree, paths: Iterable[bytes], *, limit: int = 64 << 20) -> dict[bytes, bytes]:
    """The contents of the files at `paths`, of a draft that still shows its image's members; others are left out."""
    return dict(each_file(draft, {path: node for path in paths if (node := tree.get(path)) is not None}, limit=limit))


def each_file(draft: Draft, nodes: dict[bytes, Node], *, limit: int) -> Iterator[tuple[bytes, bytes]]:
    """Each file that `nodes` show, with its content, layer by layer; those that cannot be read whole are left out."""
    reader = RopeReader(draft.image.layers, draft.image.reference)
    wanted = sorted(nodes.items(), key=lambda item: (item[1].inode.layer, item[1].inode.number))
    for path, node in wanted:
        entry = node.content
        if entry.kind != FILE or not 0 < entry.size <= limit or node.inode.layer < 0:
            continue
        member = draft.member(node.inode.layer, node.inode.number)
        place = body(entry, member.source) if member.pieces is None else None
        if place is None:
            continue
        content = b"".join(reader.read((place,)))
        if hashlib.sha256(content).digest() == entry.sha256:
            yield path, content
