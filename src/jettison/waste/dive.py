"""dive's figures, exactly, for those whose budgets are written in them (`--dive-compat`).

dive visits the leaves of each layer's own tree; per path it keeps how often it was seen, the sum and the least of the
sizes. A path seen twice counts as wasted with its full sum, the copy that must stay included; a removed directory is
charged to its own path. Known to be wrong in several ways (docs/efficiency.md); reproduced here without judgement, in
linear time. Source of the definition: reading of dive 0.13.1, `filetree/efficiency.go` and `file_tree.go`.
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
    """A path in one of dive's trees. One that stands there only as a parent has no size and is no directory."""

    __slots__ = ("children", "directory", "size")

    def __init__(self) -> None:
        self.size = 0
        self.directory = False
        self.children: dict[bytes, _Node] = {}

    def weight(self) -> int:
        """The sum of all sizes from here down."""
        total, stack = 0, [self]
        while stack:
            node = stack.pop()
            total += node.size
            stack.extend(node.children.values())
        return total


class _Record:
    __slots__ = ("cumulative", "least", "seen")

    def __init__(self) -> None:
        self.seen = 0
        self.cumulative = 0
        self.least = -1

    def add(self, size: int) -> None:
        self.seen += 1
        self.cumulative += size
        if self.least < 0 or size < self.least:
            self.least = size


def figures(indexes: Sequence[LayerIndex]) -> DiveFigures:
    """dive's figures for the layers, given from the base up."""
    records: dict[bytes, _Record] = {}
    stacked = _Node()
    for index in indexes:
        own = _Node()
        for entry in index.entries:
            _insert(own, entry)
        _visit(own, stacked, records)
        _stack(stacked, own)
    wasted = [(path, record) for path, record in records.items() if record.seen >= 2]
    sizes = tuple(sum(entry.size for entry in index.entries) for index in indexes)
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
        if part.startswith(_META):
            return  # its parents stay
        if part:
            node = node.children.setdefault(part, _Node())
    node.size, node.directory = entry.size, entry.kind == DIRECTORY


def _walk(root: _Node) -> Iterator[tuple[bytes, _Node]]:
    """All nodes but the root with their paths, children before parents, in the order of names."""
    stack: list[tuple[bytes, _Node, bool]] = [(b"", root, False)]
    while stack:
        path, node, done = stack.pop()
        if done or not node.children:
            if path:
                yield path, node
            continue
        stack.append((path, node, True))
        stack.extend((path + b"/" + name, node.children[name], False) for name in sorted(node.children, reverse=True))


def _named(path: bytes) -> tuple[bytes, bool]:
    """The path that a node stands for, and whether it is a whiteout of it."""
    directory, _, name = path.rpartition(b"/")
    if not name.startswith(WHITEOUT):
        return path, False
    return directory + b"/" + name[len(WHITEOUT) :], True


def _visit(own: _Node, lower: _Node, records: dict[bytes, _Record]) -> None:
    for path, node in _walk(own):
        if node.children:
            continue
        target, hides = _named(path)
        record = records.setdefault(target, _Record())
        size = node.size
        if hides:
            hidden = _find(lower, target)
            if hidden is None:
                return  # dive gives up on the rest of this layer
            size = hidden.weight() if hidden.directory else 0
        record.add(size)


def _find(root: _Node, path: bytes) -> _Node | None:
    node: _Node | None = root
    for part in path.split(b"/"):
        if part and node is not None:
            node = node.children.get(part)
    return node


def _stack(lower: _Node, own: _Node) -> None:
    """Lay a layer's tree on the lower ones, as dive does: a mere parent makes the lower directory forget what it is."""
    for path, node in _walk(own):
        target, hides = _named(path)
        directory, _, name = target.rpartition(b"/")
        if hides:
            parent = _find(lower, directory)
            if parent is not None:
                parent.children.pop(name, None)
            continue
        place = lower
        for part in target.split(b"/"):
            if part:
                place = place.children.setdefault(part, _Node())
        place.size, place.directory = node.size, node.directory
