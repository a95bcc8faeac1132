"""Packages: whole where they are touched, with their configuration and licence; documentation stays out.

At the level of packages, a system's package of which the trace used a file stays whole. A package of a language
(Python, Node.js, Ruby, PHP) stays whole at both levels, since what its code imports late no trace shows; at the level
of packages, so do those it depends on.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from jettison.packages.package import Package, closure
from jettison.slim.kept import NEEDED, SPARE, Need
from jettison.slim.view import LANGUAGES, SYSTEM

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jettison.image.tree import Node
    from jettison.slim.view import View

DOCUMENTATION = re.compile(
    rb"usr/(?:local/)?share/(?:doc|doc-base|man|info|help|locale|lintian|bug|gtk-doc|menu|bash-completion|zsh|fish)/"
    rb"|usr/(?:local/)?man/"
)
"""What no running program reads but by being asked for it; catalogues of messages go by the rule of locales."""
BYTECODE = re.compile(rb"/__pycache__/[^/]+\.pyc\Z")
_LICENCE = re.compile(rb"usr/share/(?:doc/[^/]+/copyright|licenses/.+|common-licenses/.+)\Z")
_CONFIGURATION = b"etc/"


def follow(view: View, fresh: list[Node]) -> Iterator[Need]:
    """The files of packages of which one is used for the first time."""
    for node in fresh:
        path = node.entry.path
        package = view.owner(path)
        if package is None or not view.kept.used(path) or package in view.whole_packages:
            continue
        if package.kind in LANGUAGES:
            yield from _language(view, package, path)
        elif package.kind in SYSTEM:
            yield from _system(view, package, path)


def _language(view: View, package: Package, path: bytes) -> Iterator[Need]:
    family = [package]
    if view.whole:
        same = [other for other in view.inventory.packages if other.kind == package.kind]
        family += sorted(closure(same, [package]) - {package}, key=lambda other: other.evidence)
    for member in family:
        if member in view.whole_packages:
            continue
        view.whole_packages.add(member)
        why = f"part of {package}" if member is package else f"part of {member}, on which {package} depends"
        for file in member.files:
            if not BYTECODE.search(file):
                yield Need(file, why, path, NEEDED if member is package and file.endswith(b".so") else SPARE)


def _system(view: View, package: Package, path: bytes) -> Iterator[Need]:
    if not view.touched(path):
        return
    if view.whole:
        view.whole_packages.add(package)
    elif package in (configured := view.memo("configured packages", lambda _: set[Package]())):
        return
    else:
        configured.add(package)
    for file in package.files:
        if view.whole and not DOCUMENTATION.match(file) and not BYTECODE.search(file):
            yield Need(file, f"part of {package}", path, SPARE)
        elif file.startswith(_CONFIGURATION):
            yield Need(file, f"configuration of {package}", path, SPARE)


def last(view: View) -> Iterator[Need]:
    """The licences of packages of which something stays, at the level of packages."""
    for package in view.inventory.packages if view.whole else ():
        if package.kind not in SYSTEM:
            continue
        kept = next((file for file in package.files if file in view.kept and not DOCUMENTATION.match(file)), None)
        if kept is not None:
            for file in package.files:
                if _LICENCE.match(file):
                    yield Need(file, f"the licence of {package}", kept, SPARE)
