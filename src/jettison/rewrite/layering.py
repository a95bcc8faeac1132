"""Making layers of members: what a layer above others must have besides them.

A layer that is unpacked by itself, as Docker's overlay driver does, gives directories that it has no entry for the
owner and mode of its own choice, and lays them over those below. So a new layer names every directory on the way to its
members, with the attributes that the tree shows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from jettison.image import tar
from jettison.image.entry import FILE, WHITEOUT, Entry
from jettison.rewrite.draft import Member

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from jettison.image.tree import Node, Tree


def directories(
    paths: Iterable[bytes], tree: Tree, *, besides: Iterable[bytes] = (), stated: Collection[bytes] = ()
) -> list[Member]:
    """Entries for all directories above `paths`, and for those of `besides`, as `tree` has them, parents first.

    Directories above them that no layer has an entry for stay without, but for those in `stated`.
    """
    named = set(besides)
    wanted = set(named)
    for path in paths:
        parent = path.rpartition(b"/")[0]
        while parent not in wanted:
            wanted.add(parent)
            parent = parent.rpartition(b"/")[0]
    nodes = [tree.nodes[path] for path in sorted(wanted) if path in tree.nodes]
    return [
        written(node.entry)
        for node in nodes
        if node.children is not None and (node.layer >= 0 or node.entry.path in named or node.entry.path in stated)
    ]


def written(entry: Entry) -> Member:
    """A member without content, its headers written anew."""
    return Member(entry, -1, (tar.header(entry),))


def whiteouts(below: Tree, tree: Tree) -> list[Member]:
    """The whiteouts that a layer over `below` needs, so that nothing of it shows that `tree` does not have."""
    return [written(whiteout(path)) for path in _missing(below.root, tree)]


def _missing(directory: Node, tree: Tree) -> Iterator[bytes]:
    """Paths below `directory`, which both trees have, that `tree` has not; of those below one another the topmost."""
    for _, child in sorted((directory.children or {}).items()):
        path = child.entry.path
        there = tree.get(path)
        if there is None:
            yield path
        elif child.children and there.children is not None:
            yield from _missing(child, tree)


def whiteout(path: bytes) -> Entry:
    """The entry that removes `path` from lower layers."""
    head, slash, name = path.rpartition(b"/")
    return Entry(head + slash + WHITEOUT + name, FILE, 0, 0, 0, 0, 0, 0, 0)
