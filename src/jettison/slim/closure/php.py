"""PHP: Composer's loader, which finds classes by their names when they are used first: all of `vendor` stays."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from jettison.slim.kept import SPARE, Need
from jettison.slim.view import below

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jettison.image.tree import Node
    from jettison.slim.view import View

_LOADER = re.compile(rb"(.+)/(?:autoload\.php|composer/autoload_[a-z]+\.php)\Z")


def follow(view: View, fresh: list[Node]) -> Iterator[Need]:
    """The directory around a loader that is used."""
    homes = view.memo("php", lambda _: set[bytes]())
    for node in fresh:
        match = _LOADER.match(node.entry.path)
        if match is None or match[1] in homes or not view.kept.used(node.entry.path):
            continue
        homes.add(match[1])
        directory = view.directory(match[1]) if match[1] + b"/composer" in view.tree.nodes else None
        for child in below(directory) if directory is not None else ():
            yield Need(child.entry.path, "Composer's loader may load it", node.entry.path, SPARE)
