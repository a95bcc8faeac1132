"""Records: what package managers say of packages of which something stays, so that scanners see what is there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jettison.packages.apk import DATABASES, WORLD
from jettison.packages.dpkg import INFO, STATUS
from jettison.slim.kept import SPARE, Need
from jettison.slim.view import LANGUAGES, below

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jettison.image.tree import Node
    from jettison.packages import Package
    from jettison.slim.view import View

_LISTS = (b".list", b".md5sums", b".conffiles")
_WHY = "what its package manager says of {}"


def last(view: View) -> Iterator[Need]:
    """The databases and lists of packages that stay, wholly or partly."""
    for package in view.inventory.packages:
        kept = next((file for file in package.files if file in view.kept), None)
        if kept is None:
            continue
        why = _WHY.format(package)
        yield Need(package.evidence, why, kept, SPARE)
        if package.kind == "deb":
            yield from _dpkg(view, package, why, kept)
        elif package.kind == "apk":
            for path in (*DATABASES, WORLD, b"etc/apk/arch", b"etc/apk/repositories"):
                if view.tree.get(path) is not None:
                    yield Need(path, why, kept, SPARE)
        elif package.kind == "rpm":
            yield from _beside(view, package.evidence + b"-", why, kept)
        elif package.kind in LANGUAGES:
            yield from _language(view, package, why, kept)
    dpkg = view.file(b"usr/bin/dpkg")
    if dpkg is not None and view.kept.used(dpkg.entry.path):
        directory = view.directory(b"var/lib/dpkg")
        for node in below(directory) if directory is not None else ():
            yield Need(node.entry.path, "dpkg itself is used", dpkg.entry.path, SPARE)


def _dpkg(view: View, package: Package, why: str, kept: bytes) -> Iterator[Need]:
    if package.evidence != STATUS:
        yield from _beside(view, package.evidence.removesuffix(b".control") + b".md5sums", why, kept)
        return
    for stem in (package.name.encode(), f"{package.name}:{package.arch}".encode()):
        for ending in _LISTS:
            if view.tree.get(INFO + stem + ending) is not None:
                yield Need(INFO + stem + ending, why, kept, SPARE)


def _language(view: View, package: Package, why: str, kept: bytes) -> Iterator[Need]:
    """The files of a dist-info or egg-info directory: entry points, licences, the list of files."""
    home = package.evidence.rpartition(b"/")[0]
    directory: Node | None = view.tree.get(home) if home.endswith((b".dist-info", b".egg-info")) else None
    for node in below(directory) if directory is not None else ():
        yield Need(node.entry.path, why, kept, SPARE)


def _beside(view: View, start: bytes, why: str, kept: bytes) -> Iterator[Need]:
    """The files whose paths begin so."""
    directory = view.tree.get(start.rpartition(b"/")[0])
    for child in (directory.children or {}).values() if directory is not None else ():
        if child.entry.path.startswith(start) and child.children is None:
            yield Need(child.entry.path, why, kept, SPARE)
