"""Symbolic links: what a kept link leads to is kept, and so is every link on the way."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jettison.image.entry import SYMLINK
from jettison.slim.kept import Need

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jettison.image.tree import Node
    from jettison.slim.view import View


def follow(view: View, fresh: list[Node]) -> Iterator[Need]:
    """The targets of links that were kept for their own sake."""
    for node in fresh:
        if node.content.kind == SYMLINK:
            path = node.entry.path
            yield Need(path, "the link leads to it", path, view.kept.reasons[path].strength)
