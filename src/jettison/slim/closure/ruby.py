"""Ruby: encodings and RubyGems, which load their parts late; a standard library that no package manager owns, whole."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from jettison.slim.kept import SPARE, Need
from jettison.slim.view import below

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jettison.image.tree import Node
    from jettison.slim.view import View

_LIBRARY = re.compile(rb"((?:.*/)?ruby/(?:vendor_ruby/)?\d+\.\d+\.\d+)/")
_LATE = re.compile(rb"(?:.*/)?(?:enc|rubygems)/|.*/rbconfig\.rb\Z|(?:rubygems|rbconfig)\.rb\Z")
_UNWANTED = re.compile(rb"(?:.*/)?(?:test|tests|doc|ri|cache)/")


def follow(view: View, fresh: list[Node]) -> Iterator[Need]:
    """What goes with a Ruby library of which a file is used."""
    homes = view.memo("ruby", lambda _: set[bytes]())
    for node in fresh:
        path = node.entry.path
        match = _LIBRARY.match(path)
        if match is None or match[1] in homes or not view.kept.used(path):
            continue
        homes.add(match[1])
        directory = view.directory(match[1])
        for child in below(directory) if directory is not None else ():
            inside = child.entry.path[len(match[1]) + 1 :]
            if _LATE.match(inside) or (view.whole and view.own(child.entry.path) and not _UNWANTED.match(inside)):
                yield Need(child.entry.path, "part of Ruby's library", path, SPARE)
