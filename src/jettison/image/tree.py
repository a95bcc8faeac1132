"""The tree of an image: its layers stacked, as a container sees them, and what each layer hid.

The rules are overlayfs' and the OCI image specification's, chapter "Layer Filesystem Changeset": a layer's whiteouts
act on lower layers only, wherever they stand in its tar; an opaque marker hides all lower content of its directory; a
directory over a directory keeps the lower children and takes the new attributes; anything else replaces what was
there, children included. Within one layer, the last member of a path wins.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from jettison.image.entry import DIRECTORY, HARDLINK, OPAQUE, WHITEOUT, Entry, show

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from jettison.image.index import LayerIndex


class Node:
    """One visible path. `layer` and `number` find its entry among the indexes; `children` is None but for directories.

    `entry` is the member at this path; `inode` the node whose content it shows: itself, or, for a hard link, the node
    that the link named when it was made (which stays, even when its own path is replaced or removed later).
    """

    __slots__ = ("children", "entry", "inode", "layer", "number", "parent")

    def __init__(self, entry: Entry, layer: int, number: int, parent: Node | None) -> None:
        self.entry = entry
        self.layer = layer
        self.number = number
        self.parent = parent
        self.children: dict[bytes, Node] | None = {} if entry.kind == DIRECTORY else None
        self.inode: Node = self

    @property
    def content(self) -> Entry:
        """The entry that holds the content: the link's target for a hard link, else the entry itself."""
        return self.inode.entry

    def walk(self) -> Iterator[Node]:
        """This node and all below it, parents first, names in byte order."""
        stack = [self]
        while stack:
            node = stack.pop()
            yield node
            if node.children:
                stack.extend(node.children[name] for name in sorted(node.children, reverse=True))


class Hidden:
    """An entry that the final tree does not show: what hid it, and where.

    `by` is the layer whose entry or whiteout hid it (its own layer, for a member that a later member of the same
    layer replaces); `by_number` is that entry. `replaced` tells a new file at the same path from a removal.
    """

    __slots__ = ("by", "by_number", "entry", "layer", "number", "replaced")

    def __init__(self, node: Node, by: int, by_number: int, replaced: bool) -> None:
        self.entry = node.entry
        self.layer = node.layer
        self.number = node.number
        self.by = by
        self.by_number = by_number
        self.replaced = replaced


class Tree:
    """All visible paths (`nodes`, by path; the root is b""), what is hidden, and what was odd (`notes`)."""

    def __init__(self) -> None:
        self.root = Node(Entry(b"", DIRECTORY, 0, 0o755, 0, 0, 0, 0, 0), -1, -1, None)
        self.nodes: dict[bytes, Node] = {b"": self.root}
        self.hidden: list[Hidden] = []
        self.notes: list[str] = []

    def get(self, path: bytes) -> Node | None:
        """The node at `path`, symbolic links not followed."""
        return self.nodes.get(path)

    def resolve(self, path: bytes, *, follow_last: bool = True) -> Node | None:
        """The node that `path` leads to inside the image, links followed as in a chroot; None where it leads nowhere.

        Cycles end after 40 links, as in the kernel; no link leaves the root.
        """
        node, parts, hops = self.root, [p for p in path.split(b"/") if p][::-1], 0
        while parts:
            name = parts.pop()
            if name == b"..":
                node = node.parent or self.root
                continue
            if name == b".":
                continue
            child = (node.children or {}).get(name)
            if child is None:
                return None
            if child.entry.kind == 2 and (parts or follow_last):
                hops += 1
                if hops > 40:
                    return None
                target = child.entry.link
                if target.startswith(b"/"):
                    node = self.root
                parts.extend(p for p in reversed(target.split(b"/")) if p)
                continue
            node = child
        return node

    def add(self, layer: int, entries: Sequence[Entry]) -> None:
        """Stack one more layer: first its whiteouts, then its entries, in their order."""
        mark = WHITEOUT
        for number, entry in enumerate(entries):
            if mark in entry.path:
                self._apply_whiteout(layer, number, entry)
        for number, entry in enumerate(entries):
            if mark not in entry.path or not entry.name.startswith(WHITEOUT):
                self._place(layer, number, entry)

    def _apply_whiteout(self, layer: int, number: int, entry: Entry) -> None:
        name = entry.name
        if not name.startswith(WHITEOUT):
            return
        if name == OPAQUE:
            directory = self.nodes.get(entry.parent)
            for child in list((directory.children if directory else None) or {}):
                self._remove(self.nodes[_join(entry.parent, child)], layer, number, replaced=False)
        elif name.startswith(WHITEOUT + WHITEOUT):
            return  # AUFS bookkeeping, such as .wh..wh.plnk, means nothing to anybody else
        else:
            target = self.nodes.get(_join(entry.parent, name[len(WHITEOUT) :]))
            if target is None or target is self.root:
                self.notes.append(f"layer {layer}: whiteout {show(entry.path)!r} removes nothing")
            else:
                self._remove(target, layer, number, replaced=False)

    def _remove(self, node: Node, by: int, by_number: int, *, replaced: bool) -> None:
        if node.parent is not None and node.parent.children is not None:
            del node.parent.children[node.entry.path.rpartition(b"/")[2]]
        for gone in node.walk():
            del self.nodes[gone.entry.path]
            if gone.layer >= 0:
                self.hidden.append(Hidden(gone, by, by_number, replaced and gone is node))

    def _place(self, layer: int, number: int, entry: Entry) -> None:
        path = entry.path
        present = self.nodes.get(path)
        target = self.nodes.get(entry.link) if entry.kind == HARDLINK else None
        if present is not None:
            if entry.kind == DIRECTORY and present.children is not None:
                self._replace_directory(present, layer, number, entry)
                return
            if target is present:
                self.notes.append(f"layer {layer}: {show(path)!r} is a hard link to itself")
                return
            self._remove(present, layer, number, replaced=True)
        parent = self._directory(entry.parent, layer, number)
        node = Node(entry, layer, number, parent)
        if entry.kind == HARDLINK:
            if target is None:
                self.notes.append(
                    f"layer {layer}: hard link {show(path)!r} names {show(entry.link)!r}, which is not there"
                )
            else:
                node.inode = target.inode
        self.nodes[path] = node
        if parent.children is not None:
            parent.children[path.rpartition(b"/")[2]] = node

    def _replace_directory(self, present: Node, layer: int, number: int, entry: Entry) -> None:
        if present.layer >= 0:
            self.hidden.append(Hidden(present, layer, number, True))
        present.entry, present.layer, present.number = entry, layer, number

    def _directory(self, path: bytes, layer: int, number: int) -> Node:
        missing: list[bytes] = []
        node = self.nodes.get(path)
        while node is None or node.children is None:
            if node is not None:
                self._remove(node, layer, number, replaced=True)
            missing.append(path)
            path = path.rpartition(b"/")[0]
            node = self.nodes.get(path)
        for path in reversed(missing):
            parent = node
            node = Node(Entry(path, DIRECTORY, 0, 0o755, 0, 0, 0, 0, 0), -1, -1, parent)
            self.nodes[path] = node
            if parent.children is not None:
                parent.children[path.rpartition(b"/")[2]] = node
        return node


def _join(directory: bytes, name: bytes) -> bytes:
    return directory + b"/" + name if directory else name


def stack(indexes: Sequence[LayerIndex]) -> Tree:
    """The tree of layers given from the base up."""
    tree = Tree()
    for layer, index in enumerate(indexes):
        tree.add(layer, index.entries)
    return tree
