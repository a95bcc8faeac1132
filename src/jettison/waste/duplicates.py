"""The same content at several paths, where one copy and links would do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jettison.image.entry import FILE, show
from jettison.waste import Claim, Kind, View

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jettison.image.tree import Node

DUPLICATE = Kind(
    "duplicates",
    "the same content again",
    rank=50,
    remedy="keep one and link the others, or do not copy it twice",
    fix="drop",
    counts=True,
)
KINDS = (DUPLICATE,)

SMALLEST = 4096
"""Smaller files are left alone: a link costs a tar header of 512 bytes and an inode too."""


def detect(view: View) -> Iterator[tuple[Kind, Claim]]:
    """All but the first of each group of equal visible files that nothing else claims."""
    groups: dict[bytes, list[Node]] = {}
    for node in view.tree.nodes.values():
        if node.entry.kind == FILE and node.entry.size >= SMALLEST and (node.layer, node.number) not in view.taken:
            groups.setdefault(node.entry.sha256, []).append(node)
    for nodes in groups.values():
        if len(nodes) > 1:
            first, *others = sorted(nodes, key=lambda node: (node.layer, node.entry.path))
            for node in others:
                yield DUPLICATE, Claim(node.layer, node.number, reason=show(first.entry.path))
