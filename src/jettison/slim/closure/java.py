"""Java: the run-time image around a JVM, without what only compiles; the archives beside one that is used."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from jettison.slim.kept import SPARE, Need
from jettison.slim.view import below

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jettison.image.tree import Node
    from jettison.slim.view import View

_HOME = re.compile(rb"(.+?)/(?:jre/)?lib/(?:[^/]+/)?(?:(?:server|client|minimal|zero)/libjvm\.so|modules)\Z")
_FOR_BUILDING = re.compile(rb"(?:jmods|demo|sample|man|include)/|(?:lib/)?src\.zip\Z|lib/ct\.sym\Z")


def follow(view: View, fresh: list[Node]) -> Iterator[Need]:
    """The parts of a JRE, which load one another by name, and class paths that name a directory."""
    for node in fresh:
        path = node.entry.path
        if node.children is not None or not view.kept.used(path):
            continue
        home = _HOME.match(path)
        if home is not None:
            yield from _runtime(view, home[1], path)
        elif path.endswith(b".jar") and view.touched(path):
            directory = node.parent
            for child in (directory.children or {}).values() if directory is not None else ():
                if child.entry.path.endswith(b".jar") and view.own(child.entry.path):
                    yield Need(child.entry.path, "beside an archive that is used", path, SPARE)


def _runtime(view: View, home: bytes, path: bytes) -> Iterator[Need]:
    directory = view.directory(home)
    for child in below(directory) if directory is not None else ():
        inside = child.entry.path[len(home) + 1 :]
        if inside.startswith((b"lib/", b"conf/", b"jre/", b"release")) and not _FOR_BUILDING.match(inside):
            yield Need(child.entry.path, "part of the Java run time", path, SPARE)
