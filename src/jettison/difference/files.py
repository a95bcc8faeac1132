"""Files that differ between two trees, as a container sees them: links to content followed, times left out."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from jettison.image.entry import DIRECTORY, FILE, HARDLINK, KIND_NAMES
from jettison.waste.ledger import payload

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jettison.image.tree import Node, Tree


class Sort(Enum):
    """What became of a file."""

    ADDED = "added"
    REMOVED = "removed"
    CONTENT = "content"
    METADATA = "metadata"


@dataclass(frozen=True, slots=True)
class FileChange:
    """One path that differs. Bytes are those of the content, None where there is no such path.

    `details` says what differs: `content`, `type`, `mode`, `owner`, `link`, `device`, `xattrs`. Layers are numbers, -1
    for a directory that no layer describes, None where there is no such path.
    """

    path: bytes
    sort: Sort
    kind: str
    before: int | None
    after: int | None
    details: tuple[str, ...] = ()
    layer_before: int | None = None
    layer_after: int | None = None

    @property
    def delta(self) -> int:
        """Bytes that the second image has more."""
        return (self.after or 0) - (self.before or 0)


def compare_trees(before: Tree, after: Tree) -> tuple[list[FileChange], int]:
    """The paths that differ, in byte order, and how many differ in their time only."""
    changes: list[FileChange] = []
    touched = 0
    for path in sorted(before.nodes.keys() | after.nodes.keys()):
        old, new = before.nodes.get(path), after.nodes.get(path)
        if old is None or new is None:
            changes.append(_only(path, old, new))
            continue
        details = tuple(_details(old, new))
        if details:
            sort = Sort.CONTENT if details[0] in ("content", "type", "link") else Sort.METADATA
            kind = KIND_NAMES[_kind(new)]
            changes.append(
                FileChange(path, sort, kind, _size(old), _size(new), details, old.inode.layer, new.inode.layer)
            )
        elif old.layer >= 0 <= new.layer and old.content.mtime != new.content.mtime:
            touched += 1
    return changes, touched


def _only(path: bytes, old: Node | None, new: Node | None) -> FileChange:
    """A path that one image lacks. A further name of a file weighs nothing."""
    node = old or new
    assert node is not None
    size = payload(node.entry) if node.inode is not node and node.entry.kind == HARDLINK else _size(node)
    kind = KIND_NAMES[_kind(node)]
    if new is None:
        return FileChange(path, Sort.REMOVED, kind, size, None, layer_before=node.inode.layer)
    return FileChange(path, Sort.ADDED, kind, None, size, layer_after=node.inode.layer)


def _kind(node: Node) -> int:
    """The kind of what is at a path: a hard link is what it links to."""
    return FILE if node.content.kind == HARDLINK else node.content.kind


def _size(node: Node) -> int:
    return payload(node.content)


def _details(old: Node, new: Node) -> Iterator[str]:
    a, b = old.content, new.content
    if _kind(old) != _kind(new):
        yield "type"
        return
    if a.sha256 != b.sha256:
        yield "content"
    if a.link != b.link and HARDLINK not in (a.kind, b.kind):
        yield "link"
    if _kind(old) == DIRECTORY and -1 in (old.layer, new.layer):
        return
    if a.mode != b.mode:
        yield "mode"
    if (a.uid, a.gid) != (b.uid, b.gid):
        yield "owner"
    if a.device != b.device:
        yield "device"
    if (a.xattrs or {}) != (b.xattrs or {}):
        yield "xattrs"
