"""What the rooms of package managers read: facts that probes left in the layer indexes, found by visible path."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from jettison.image.entry import DIRECTORY, SYMLINK, show

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from jettison.image.index import LayerIndex
    from jettison.image.tree import Node, Tree


class Owned(NamedTuple):
    """Paths of a package that the tree shows, their bytes (a hard-linked file once), and the newest layer of them."""

    paths: tuple[bytes, ...]
    size: int
    last_layer: int


class Reader:
    """Content of visible paths and of the versions that lower layers hold, as far as probes kept it.

    `base_layers` says how many layers count as the base image; `notes` collects what deserves a word.
    """

    def __init__(self, tree: Tree, indexes: Sequence[LayerIndex], base_layers: int = 1) -> None:
        self.tree = tree
        self.indexes = indexes
        self.base_layers = base_layers
        self.notes: list[str] = []
        self._facts = [index.facts for index in indexes]
        self._visible: dict[str, list[tuple[Node, bytes]]] | None = None
        self._versions: dict[tuple[bytes, str], list[tuple[int, bytes]]] = {}
        self._moved = _merged_directories(tree)

    def fact(self, node: Node, probe: str) -> bytes | None:
        """What `probe` kept of the content that `node` shows; None where it kept nothing."""
        inode = node.inode
        if inode.layer < 0:
            return None
        found = self._facts[inode.layer].get(inode.number)
        return found.get(probe) if found else None

    def content(self, path: bytes, probe: str) -> bytes | None:
        """What `probe` kept of the file that `path` leads to, links followed."""
        node = self.tree.get(path) or self.tree.resolve(path)
        if node is not None and node.entry.kind == SYMLINK:
            node = self.tree.resolve(path)
        return self.fact(node, probe) if node is not None else None

    def every(self, probe: str) -> list[tuple[Node, bytes]]:
        """All visible files of which `probe` kept something, with what it kept, in the order of layers."""
        if self._visible is None:
            self._visible, self._versions = self._collect()
        return self._visible.get(probe, [])

    def versions(self, path: bytes, probe: str) -> list[tuple[int, bytes]]:
        """What `probe` kept of the file at exactly `path` in each layer that has it: (layer, bytes), base first."""
        if self._visible is None:
            self._visible, self._versions = self._collect()
        return self._versions.get((path, probe), [])

    def since(self, node: Node, probe: str) -> int:
        """The layer from which on the file at this path has had the bytes that `probe` kept: the first-seen layer."""
        fact, first = self.fact(node, probe), node.layer
        for layer, bytes_then in reversed(self.versions(node.entry.path, probe)):
            if bytes_then != fact:
                break
            first = min(first, layer)
        return first

    @staticmethod
    def first(history: Sequence[tuple[int, bool]]) -> int:
        """The layer from which on something has been there, given (layer, there?) of each version; -1 for none."""
        first = history[-1][0] if history else -1
        for layer, there in reversed(history):
            if not there:
                break
            first = layer
        return first

    def note_deleted(self, manager: str, path: bytes, probe: str, count: Callable[[bytes], int]) -> None:
        """Say so when a database that lower layers hold is gone from the tree: packages are hidden, not removed."""
        versions = self.versions(path, probe)
        number = count(versions[-1][1]) if versions else 0
        if number:
            layer = versions[-1][0]
            self.notes.append(f"{manager}: {show(path)} was deleted; in layer {layer} it still lists {number} packages")

    def _collect(
        self,
    ) -> tuple[dict[str, list[tuple[Node, bytes]]], dict[tuple[bytes, str], list[tuple[int, bytes]]]]:
        visible: dict[str, list[tuple[Node, bytes]]] = {}
        versions: dict[tuple[bytes, str], list[tuple[int, bytes]]] = {}
        nodes = self.tree.nodes
        links = {(n.inode.layer, n.inode.number): n for n in nodes.values() if n.inode is not n and n.inode.layer >= 0}
        for layer, index in enumerate(self.indexes):
            entries = index.entries
            for number, found in index.facts.items():
                path = entries[number].path
                node = nodes.get(path)
                if node is None or node.layer != layer or node.number != number:
                    node = links.get((layer, number))  # its own path is gone, a hard link still shows it
                for probe, fact in found.items():
                    versions.setdefault((path, probe), []).append((layer, fact))
                    if node is not None:
                        visible.setdefault(probe, []).append((node, fact))
        return visible, versions

    def locate(self, path: bytes) -> bytes | None:
        """The path under which the tree holds what a package's list calls `path`; None where it is not visible.

        Lists say `/lib/x` for files that a merged /usr stores at `usr/lib/x`, and the other way round.
        """
        nodes = self.tree.nodes
        if path in nodes:
            return path
        top, slash, rest = path.partition(b"/")
        moved = self._moved.get(top)
        if moved is not None and slash and moved + slash + rest in nodes:
            return moved + slash + rest
        if top == b"usr" and rest in nodes:
            return rest
        node = self.tree.resolve(path, follow_last=False)
        return node.entry.path if node is not None and node.parent is not None else None

    def owned(self, paths: Iterable[bytes]) -> Owned:
        """Which of a package's paths (no leading `/`) are visible, directories left out, and what they weigh.

        Of a merged /usr, `lib` is a directory to each package that lists it, and not its file.
        """
        nodes, locate = self.tree.nodes, self.locate
        kept: dict[bytes, None] = {}
        size, last = 0, -1
        counted: set[tuple[int, int]] = set()
        for path in paths:
            node = nodes.get(path)
            if node is None:
                found = locate(path)
                if found is None:
                    continue
                path, node = found, nodes[found]
            if node.children is not None or path in kept or path in self._moved:
                continue
            kept[path] = None
            if node.layer > last:
                last = node.layer
            inode = node.inode
            key = (inode.layer, inode.number)
            if key not in counted:
                counted.add(key)
                size += inode.entry.size
        return Owned(tuple(kept), size, last)

    def below(self, directory: Node, *, without: bytes = b"") -> Iterator[bytes]:
        """The paths below a directory, directories left out; directories named `without` are not entered."""
        stack = [directory]
        while stack:
            for name, child in (stack.pop().children or {}).items():
                if child.entry.kind != DIRECTORY:
                    yield child.entry.path
                elif name != without:
                    stack.append(child)


def _merged_directories(tree: Tree) -> dict[bytes, bytes]:
    """Top-level links to directories (`lib` → `usr/lib`): where a merged /usr really keeps things."""
    moved: dict[bytes, bytes] = {}
    for name, node in (tree.root.children or {}).items():
        if node.entry.kind == SYMLINK:
            target = tree.resolve(name)
            if target is not None and target.children is not None and target.parent is not None:
                moved[name] = target.entry.path
    return moved
