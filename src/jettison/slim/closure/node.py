"""Node.js: the package.json files that decide how a module is read, and Debian's packages of modules, whole."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jettison.slim.kept import SPARE, Need
from jettison.slim.view import below

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jettison.image.tree import Node
    from jettison.slim.view import View

_ENDINGS = (b".js", b".cjs", b".mjs", b".node", b".json", b".wasm")
_SYSTEM_MODULES = (b"usr/share/nodejs/", b"usr/lib/nodejs/")


def follow(view: View, fresh: list[Node]) -> Iterator[Need]:
    """Node looks for package.json in each directory up to the root (its documentation, "Determining module system")."""
    homes: dict[bytes, bytes] = {}
    for node in fresh:
        path = node.entry.path
        if node.children is None and path.endswith(_ENDINGS) and view.kept.used(path):
            for place in _above(path):
                if place + b"/package.json" in view.tree.nodes:
                    yield Need(place + b"/package.json", "it tells how the module is read", path)
                    homes.setdefault(place, path)
    for home, by in sorted(homes.items()):
        directory = view.tree.get(home)
        if home.startswith(_SYSTEM_MODULES) and directory is not None and directory.children is not None:
            for child in below(directory):
                if b"/node_modules/" not in child.entry.path[len(home) :]:
                    yield Need(child.entry.path, "part of the required package", by, SPARE)


def _above(path: bytes) -> Iterator[bytes]:
    while path := path.rpartition(b"/")[0]:
        yield path
