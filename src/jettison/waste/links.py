"""Leftovers that are in use after all: a symbolic link that is no leftover itself leads to them.

Some installers link programs into their caches (uv and bun when they are told to, pnpm's global store), and people link
what they unpacked into /tmp.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from jettison.image.entry import SYMLINK

if TYPE_CHECKING:
    from collections.abc import Callable

    from jettison.image.tree import Tree


def in_use(tree: Tree, is_leftover: Callable[[bytes], bool]) -> Callable[[bytes], bool]:
    """A question for paths of the tree: does a link from elsewhere lead there, or to a directory above it?

    A link to a whole place of leftovers (/var/tmp -> /tmp) says nothing of what lies there.
    """
    files: set[bytes] = set()
    directories: list[bytes] = []
    for path, node in tree.nodes.items():
        if node.entry.kind != SYMLINK or is_leftover(path):
            continue
        target = tree.resolve(path)
        if target is None or not is_leftover(target.entry.path):
            continue
        if target.children is None:
            files.add(target.entry.path)
        else:
            directories.append(target.entry.path + b"/")
    above = tuple(directories)
    return lambda path: path in files or path.startswith(above)
