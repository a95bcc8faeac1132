"""Directories: the skeleton of the file system stays, whatever was touched; parents of what stays do anyway.

Programs list directories, write into them, and depend on who may. Left out are only directories of libraries and of
shared data without anything in them that stays: an empty one there would pass for an installed module.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from jettison.image.entry import SYMLINK
from jettison.slim.kept import SPARE, Need

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jettison.image.tree import Node
    from jettison.slim.view import View

_PRUNED = (
    *(b"usr/share/", b"usr/lib/", b"usr/lib64/", b"usr/libexec/", b"usr/include/", b"usr/src/", b"lib/", b"lib64/"),
    *(b"usr/local/share/", b"usr/local/lib/", b"usr/local/include/", b"usr/local/src/", b"var/lib/dpkg/", b"boot/"),
    *(b"var/lib/apt/", b"var/cache/apt/", b"var/cache/debconf/", b"opt/", b"root/"),
)
_OPEN = 0o1022
"""Bits that let others than the owner write, or keep them from it."""


def last(view: View) -> Iterator[Need]:
    """The directories that stay for their own sake."""
    for path, node in view.tree.nodes.items():
        if node.children is not None and path and _stands(path, node):
            yield Need(path, "the skeleton of the file system", None, SPARE)
    for name, node in (view.tree.root.children or {}).items():
        if node.children is None and (node.content.kind == SYMLINK or not node.content.size):
            yield Need(name, "a link or an empty file at the root", None, SPARE)


def _stands(path: bytes, node: Node) -> bool:
    if not (path + b"/").startswith(_PRUNED) or path.count(b"/") < 2:
        return True
    entry = node.entry
    return bool(entry.uid or entry.gid or entry.mode & _OPEN)
