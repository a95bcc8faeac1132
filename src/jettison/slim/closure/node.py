"""Node.js: the package.json files that decide how a module is read, and Debian's packages of modules, whole.

At the level of packages, so is what the application's own package.json depends on: a handler may require it late.
"""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

from jettison.slim.kept import NEEDED, SPARE, Need
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
    if view.whole:
        yield from _dependencies(view, [home for home in sorted(homes) if b"node_modules" not in home.split(b"/")])
    for home, by in sorted(homes.items()):
        directory = view.tree.get(home)
        if home.startswith(_SYSTEM_MODULES) and directory is not None and directory.children is not None:
            for child in below(directory):
                if b"/node_modules/" not in child.entry.path[len(home) :]:
                    yield Need(child.entry.path, "part of the required package", by, SPARE)


def _dependencies(view: View, homes: list[bytes]) -> Iterator[Need]:
    """The package.json of what an application says that it runs with."""
    for path, content in view.read(home + b"/package.json" for home in homes).items():
        try:
            told = json.loads(content)
        except ValueError:
            continue
        for group in ("dependencies", "optionalDependencies"):
            names = told.get(group) if isinstance(told, dict) else None
            for name in sorted(names) if isinstance(names, dict) else ():
                wanted = path.removesuffix(b"package.json") + b"node_modules/" + os.fsencode(name) + b"/package.json"
                if wanted in view.tree.nodes:
                    yield Need(wanted, "the application depends on it", path, NEEDED)


def _above(path: bytes) -> Iterator[bytes]:
    while path := path.rpartition(b"/")[0]:
        yield path
