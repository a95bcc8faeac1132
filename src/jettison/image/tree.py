"""The tree of an image: its layers stacked, as a container sees them, and what each layer hid.

The rules are overlayfs' and the OCI image specification's, chapter "Layer Filesystem Changeset": a layer's whiteouts
act on lower layers only, wherever they stand in its tar; an opaque marker hides all lower content of its directory; a
directory over a directory keeps the lower children and takes the new attributes; anything else replaces what was
there, children included. Within one layer, the last member of a path wins, and a path that leads through one of the
layer's own symbolic links is followed. A lower layer's link is not: a directory takes its place, as on the overlayfs of
Docker and Podman (containerd, which unpacks onto the mounted tree, follows it).

Every entry is accounted for once: it is visible, hidden, or a marker.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from jettison.image.entry import DIRECTORY, HARDLINK, OPAQUE, SYMLINK, WHITEOUT, Entry, show

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from jettison.image.index import LayerIndex


_MAX_HOPS = 40
"""Symbolic links on one way, after which Linux gives up."""

_AUFS = WHITEOUT + WHITEOUT
"""How the names of AUFS's own files begin, at the root of old layers; hard links may lead into its directory."""


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
            if child.content.kind == SYMLINK and (parts or follow_last):
                hops += 1
                if hops > _MAX_HOPS:
                    return None
                target = child.content.link
                if target.startswith(b"/"):
                    node = self.root
                parts.extend(p for p in reversed(target.split(b"/")) if p)
                continue
            node = child
        return node

    def add(self, layer: int, entries: Sequence[Entry]) -> None:
        """Stack one more layer: first its whiteouts, then its entries, in their order."""
        mark, aufs = WHITEOUT, {}
        marked = [(number, entry) for number, entry in enumerate(entries) if mark in entry.path]
        markers = {number for number, entry in marked if is_marker(entry)}
        for number, entry in marked:
            if entry.path.startswith(_AUFS) and entry.name != OPAQUE:
                aufs[entry.path] = Node(entry, layer, number, None)
            elif number in markers:
                self._apply_whiteout(layer, number, entry)
        for number, entry in enumerate(entries):
            if number not in markers:
                self._place(layer, number, entry, aufs)

    def _apply_whiteout(self, layer: int, number: int, entry: Entry) -> None:
        if entry.name == OPAQUE:
            directory = self.nodes.get(entry.parent)
            for child in list((directory.children if directory else None) or {}):
                self._remove(self.nodes[_join(entry.parent, child)], layer, number, replaced=False)
            return
        target = self.nodes.get(_join(entry.parent, entry.name[len(WHITEOUT) :]))
        if target is not None and target is not self.root:
            self._remove(target, layer, number, replaced=False)
        elif not entry.name.startswith(_AUFS):
            self.notes.append(f"layer {layer}: whiteout {show(entry.path)!r} removes nothing")

    def _remove(self, node: Node, by: int, by_number: int, *, replaced: bool) -> None:
        if node.parent is not None and node.parent.children is not None:
            del node.parent.children[node.entry.path.rpartition(b"/")[2]]
        for gone in node.walk():
            del self.nodes[gone.entry.path]
            if gone.layer >= 0:
                self.hidden.append(Hidden(gone, by, by_number, replaced and gone is node))

    def _place(self, layer: int, number: int, entry: Entry, aufs: dict[bytes, Node]) -> None:
        path = entry.path
        present = self.nodes.get(path)
        parent = present.parent if present is not None else self._directory(entry.parent, layer, number)
        if present is None and parent is not None and parent.entry.path != entry.parent:
            path = _join(parent.entry.path, entry.name)  # through a symbolic link
            entry, present = replace(entry, path=path), self.nodes.get(path)
        target = self._link_target(layer, entry, aufs) if entry.kind == HARDLINK else None
        if present is not None:
            if entry.kind == DIRECTORY and present.children is not None:
                self._replace_directory(present, layer, number, entry)
                return
            self._remove(present, layer, number, replaced=True)
        node = Node(entry, layer, number, parent)
        if target is not None:
            node.inode = target.inode
        self._insert(node)

    def _insert(self, node: Node) -> None:
        path = node.entry.path
        self.nodes[path] = node
        if node.parent is not None and node.parent.children is not None:
            node.parent.children[path.rpartition(b"/")[2]] = node

    def _link_target(self, layer: int, entry: Entry, aufs: dict[bytes, Node]) -> Node | None:
        """What a hard link leads to; None, and a note, where engines would fail."""
        target = self.nodes.get(entry.link) or self._through_links(entry.link, layer) or aufs.get(entry.link)
        if target is not None and target.children is None:
            return target
        what = "is not there" if target is None else "is a directory"
        self.notes.append(f"layer {layer}: hard link {show(entry.path)!r} names {show(entry.link)!r}, which {what}")
        return None

    def _through_links(self, path: bytes, layer: int) -> Node | None:
        """The node at a path that leads through symbolic links, where `layer` owns one of them."""
        parent = path.rpartition(b"/")[0]
        while parent and parent not in self.nodes:
            parent = parent.rpartition(b"/")[0]
        link = self.nodes[parent]
        return self.resolve(path, follow_last=False) if link.layer == layer and link.content.kind == SYMLINK else None

    def _replace_directory(self, present: Node, layer: int, number: int, entry: Entry) -> None:
        if present.layer >= 0:
            self.hidden.append(Hidden(present, layer, number, True))
        present.entry, present.layer, present.number = entry, layer, number

    def _directory(self, path: bytes, layer: int, number: int) -> Node:
        """The directory at `path`: what is in its place gives way, what is missing is made, as engines do."""
        missing: list[bytes] = []
        node = self.nodes.get(path)
        while node is None or node.children is None:
            if node is not None:
                followed = self.resolve(path) if node.layer == layer and node.content.kind == SYMLINK else None
                if followed is not None and followed.children is not None:
                    node = followed
                    break
                if node.content.kind == SYMLINK:
                    self.notes.append(f"layer {layer}: a directory takes the place of the symbolic link {show(path)!r}")
                self._remove(node, layer, number, replaced=True)
            path, _, name = path.rpartition(b"/")
            missing.append(name)
            node = self.nodes.get(path)
        for name in reversed(missing):
            path = _join(node.entry.path, name)
            below = self.nodes.get(path)
            if below is None or below.children is None:
                if below is not None:
                    self._remove(below, layer, number, replaced=True)
                below = Node(Entry(path, DIRECTORY, 0, 0o755, 0, 0, 0, 0, 0), -1, -1, node)
                self._insert(below)
            node = below
        return node


def is_marker(entry: Entry) -> bool:
    """True for whiteouts, opaque markers and AUFS's bookkeeping, which say something of a layer and show nothing."""
    return entry.name.startswith(WHITEOUT) or entry.path.startswith(_AUFS)


def _join(directory: bytes, name: bytes) -> bytes:
    return directory + b"/" + name if directory else name


def stack(indexes: Sequence[LayerIndex]) -> Tree:
    """The tree of layers given from the base up."""
    tree = Tree()
    for layer, index in enumerate(indexes):
        tree.add(layer, index.entries)
    return tree
