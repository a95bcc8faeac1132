"""dive's figures, exactly, for those whose budgets are written in them (`--dive-compat`).

dive visits the leaves of each layer's own tree; per path it keeps how often it was seen, the sum and the least of the
sizes. A path seen twice counts as wasted with its full sum, the copy that must stay included; a removed directory is
charged to its own path. Known to be wrong in several ways (docs/efficiency.md); reproduced here without judgement, in
linear time. Source of the definition: reading of dive 0.13.1, `filetree/efficiency.go`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from jettison.image.entry import DIRECTORY, WHITEOUT

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from jettison.image.entry import Entry
    from jettison.image.index import LayerIndex

_META = b".wh..wh."


@dataclass(frozen=True, slots=True)
class DivePath:
    """One path that dive calls inefficient: times seen, and the sum of its sizes in bytes."""

    path: bytes
    count: int
    size: int


@dataclass(frozen=True, slots=True)
class DiveFigures:
    """dive's figures, in bytes and shares. `wasted_user_percent` is NaN for an image of one layer, as dive has it."""

    efficiency: float
    size: int
    user_size: int
    wasted: int
    wasted_user_percent: float
    layer_sizes: tuple[int, ...]
    inefficient: tuple[DivePath, ...]


class _Node:
    __slots__ = ("children", "entry")

    def __init__(self, entry: Entry | None) -> None:
        self.entry = entry
        self.children: dict[bytes, _Node] = {}

    def size(self) -> int:
        own = self.entry.size if self.entry is not None else 0
        return own if not self.children else own + sum(child.size() for child in self.children.values())


class _Record:
    __slots__ = ("cumulative", "least", "seen")

    def __init__(self) -> None:
        self.seen = 0
        self.cumulative = 0
        self.least = -1

    def add(self, size: int) -> None:
        self.cumulative += size
        if self.least < 0 or size < self.least:
            self.least = size


def figures(indexes: Sequence[LayerIndex]) -> DiveFigures:
    """dive's figures for the layers, given from the base up."""
    records: dict[bytes, _Record] = {}
    stacked = _Node(None)
    for index in indexes:
        own = _Node(None)
        for entry in index.entries:
            if not entry.name.startswith(_META):
                _insert(own, entry)
        _visit(own, stacked, records)
        for entry in index.entries:
            _apply(stacked, entry)
    wasted = [(path, record) for path, record in records.items() if record.seen >= 2]
    sizes = tuple(sum(e.size for e in index.entries if not e.name.startswith(_META)) for index in indexes)
    least = sum(record.least for record in records.values())
    cumulative = sum(record.cumulative for record in records.values())
    total, lost = sum(sizes), sum(record.cumulative for _, record in wasted)
    user = total - (sizes[0] if sizes else 0)
    return DiveFigures(
        efficiency=least / cumulative if cumulative else 1.0,
        size=total,
        user_size=user,
        wasted=lost,
        wasted_user_percent=lost / user if user else float("nan"),
        layer_sizes=sizes,
        inefficient=tuple(
            DivePath(path, record.seen, record.cumulative)
            for path, record in sorted(wasted, key=lambda item: -item[1].cumulative)
        ),
    )


def _insert(root: _Node, entry: Entry) -> None:
    node = root
    for part in entry.path.split(b"/"):
        if part:
            node = node.children.setdefault(part, _Node(None))
    node.entry = entry


def _leaves(root: _Node) -> Iterator[tuple[bytes, _Node]]:
    stack = [(b"", root)]
    while stack:
        path, node = stack.pop()
        if not node.children:
            if path:
                yield path, node
            continue
        stack.extend((path + b"/" + name, node.children[name]) for name in sorted(node.children, reverse=True))


def _visit(own: _Node, lower: _Node, records: dict[bytes, _Record]) -> None:
    for path, node in _leaves(own):
        directory, _, name = path.rpartition(b"/")
        hides = name.startswith(WHITEOUT)
        target = directory + b"/" + (name[len(WHITEOUT) :] if hides else name)
        record = records.setdefault(target, _Record())
        if hides:
            hidden = _find(lower, target)
            if hidden is None:
                return  # dive gives up on the rest of this layer
            size = hidden.size() if hidden.entry is None or hidden.entry.kind == DIRECTORY else 0
        else:
            size = node.entry.size if node.entry is not None else 0
        record.seen += 1
        record.add(size)


def _find(root: _Node, path: bytes) -> _Node | None:
    node: _Node | None = root
    for part in path.split(b"/"):
        if part and node is not None:
            node = node.children.get(part)
    return node


def _apply(stacked: _Node, entry: Entry) -> None:
    name = entry.name
    if name.startswith(_META):
        return
    if not name.startswith(WHITEOUT):
        _insert(stacked, entry)
        return
    parent = _find(stacked, entry.parent)
    if parent is not None:
        parent.children.pop(name[len(WHITEOUT) :], None)
