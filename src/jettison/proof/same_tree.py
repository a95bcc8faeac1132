"""Two images show the same files: compared path by path, by all that a container can see of them.

Type, content, mode, owner, time of change, extended attributes, targets of symbolic links, device numbers, and which
paths are one file by hard links. A hard link shows its target's content and says the rest in its own header. A
directory that no layer has an entry for is root's, of mode 755, as engines make it, and dated 1970.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from jettison.image.entry import HARDLINK, KIND_NAMES, show
from jettison.image.tree import stack

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from jettison.image.image import Image
    from jettison.image.indexer import Indexer
    from jettison.image.tree import Node, Tree


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that two trees differ in: at which path, in what, and how it is before and after."""

    path: bytes
    what: str
    before: str
    after: str

    def __str__(self) -> str:
        return f"/{show(self.path)}: {self.what} {self.before or 'none'}, then {self.after or 'none'}"


@dataclass(frozen=True, slots=True)
class SameTree:
    """The evidence: how many paths and bytes of content were compared, and what was found to differ."""

    paths: int
    content: int
    differences: tuple[Difference, ...]

    @property
    def holds(self) -> bool:
        """True when nothing differs."""
        return not self.differences

    def beyond(
        self, gone: Collection[bytes], changed: Collection[bytes], *, links: bool = False
    ) -> tuple[Difference, ...]:
        """The differences that were not meant.

        Paths other than those to be `gone`, content other than of those to be `changed`, and, unless they were meant
        with `links`, files that became one, or several.
        """
        return tuple(
            difference
            for difference in self.differences
            if not (
                (difference.what == "path" and not difference.after and difference.path in gone)
                or (difference.what in ("content", "size") and difference.path in changed)
                or (difference.what == "hard link with" and links)
            )
        )


def same_tree(before: Tree, after: Tree, *, gone: Collection[bytes] = ()) -> SameTree:
    """Compare two trees. A name that is meant to be `gone`, and is, does not count among those of a file."""
    missing = {path for path in gone if path not in after.nodes}
    groups = _link_groups(before, missing), _link_groups(after)
    shared = _shared_attributes(before), _shared_attributes(after)
    differences: list[Difference] = []
    content = 0
    for path, node in before.nodes.items():
        other = after.nodes.get(path)
        if other is None:
            differences.append(Difference(path, "path", KIND_NAMES[node.content.kind], ""))
            continue
        if node.inode is node:
            content += node.entry.size
        if _quick(node, other) and node.inode is node and other.inode is other:
            continue
        differences += _differences(path, _seen(node, shared[0]), _seen(other, shared[1]))
    for path, node in after.nodes.items():
        if path not in before.nodes:
            differences.append(Difference(path, "path", "", KIND_NAMES[node.content.kind]))
    differences += _differing_groups(*groups)
    return SameTree(len(before.nodes), content, tuple(differences))


def same_image(before: Image, after: Image, indexer: Indexer) -> SameTree:
    """Compare the trees of two images; their layers are read and verified where they are not known."""
    return same_tree(stack(indexer.image(before)), stack(indexer.image(after)))


def _quick(node: Node, other: Node) -> bool:
    """True when two entries are surely the same: all fields but their places in the layers."""
    a, b = node.entry, other.entry
    return (
        a.kind == b.kind
        and a.sha256 == b.sha256
        and a.mtime == b.mtime
        and a.size == b.size
        and (a.mode, a.uid, a.gid) == (b.mode, b.uid, b.gid)
        and a.link == b.link
        and a.device == b.device
        and a.xattrs == b.xattrs
    )


def _differences(path: bytes, before: Iterable[Seen], after: Iterable[Seen]) -> Iterator[Difference]:
    for (what, a), (_, b) in zip(before, after, strict=True):
        if a != b:
            yield Difference(path, what, a, b)


Seen = tuple[str, str]
"""Something that is seen of a path, and how it is, in words."""


def _seen(node: Node, shared: dict[int, dict[str, bytes]]) -> Iterator[Seen]:
    entry, content = node.entry, node.content
    if content.kind == HARDLINK:  # it names nothing: no engine could unpack it
        content = entry
    yield "type", KIND_NAMES[content.kind]
    yield "size", f"{content.size:,} bytes"
    yield "content", content.sha256.hex()
    yield "mode", f"{entry.mode:04o}"
    yield "owner", f"{entry.uid}:{entry.gid}"
    yield "time", str(entry.mtime)
    yield "extended attributes", repr(sorted(shared.get(id(node.inode), entry.xattrs or {}).items()))
    yield "link target", show(content.link)
    yield "device", str(content.device)


def _shared_attributes(tree: Tree) -> dict[int, dict[str, bytes]]:
    """The extended attributes of files with several names: those of all their entries, since engines set them all."""
    shared: dict[int, dict[str, bytes]] = {}
    for node in tree.nodes.values():
        if node.inode is not node:
            there = shared.setdefault(id(node.inode), dict(node.content.xattrs or {}))
            there.update(node.entry.xattrs or {})
    return shared


def _link_groups(tree: Tree, without: Collection[bytes] = ()) -> dict[bytes, bytes]:
    """For each path that shares its file with others, the first of their names, but for those `without`."""
    members: dict[int, list[bytes]] = {}
    for path, node in tree.nodes.items():
        if node.inode is not node and path not in without:
            members.setdefault(id(node.inode), []).append(path)
    for node in tree.nodes.values():
        if id(node) in members and node.entry.path not in without:
            members[id(node)].append(node.entry.path)
    return {path: min(paths) for paths in members.values() if len(paths) > 1 for path in paths}


def _differing_groups(before: dict[bytes, bytes], after: dict[bytes, bytes]) -> Iterator[Difference]:
    for path in before.keys() | after.keys():
        a, b = before.get(path, path), after.get(path, path)
        if a != b:
            yield Difference(path, "hard link with", f"/{show(a)}", f"/{show(b)}")


def linked(tree: Tree, paths: Collection[bytes]) -> set[bytes]:
    """All paths that are one file with one of `paths`."""
    groups = _link_groups(tree)
    wanted = {groups[path] for path in paths if path in groups}
    return {path for path, first in groups.items() if first in wanted}


def fingerprint(tree: Tree) -> str:
    """A digest of all that is compared: equal for two trees exactly when `same_tree` finds no difference."""
    groups, shared = _link_groups(tree), _shared_attributes(tree)
    whole = hashlib.sha256()
    for path in sorted(tree.nodes):
        seen = [text for _, text in _seen(tree.nodes[path], shared)]
        whole.update(msgspec.msgpack.encode([path, groups.get(path, path), seen]))
    return "sha256:" + whole.hexdigest()
