"""Perl: the tables of Unicode and the configuration, which the interpreter loads late; an unowned library whole."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from jettison.slim.kept import SPARE, Need
from jettison.slim.view import below

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jettison.image.tree import Node
    from jettison.slim.view import View

_CORE = re.compile(rb"(.+)/(?:strict|warnings|Config|Exporter)\.pm\Z")
_LATE = re.compile(rb"unicore/|utf8_heavy\.pl\Z|Config[^/]*\.(?:pm|pl)\Z|feature\.pm\Z|Carp(?:/Heavy)?\.pm\Z")


def follow(view: View, fresh: list[Node]) -> Iterator[Need]:
    """What goes with a Perl library of which a module is used."""
    homes = view.memo("perl", lambda _: set[bytes]())
    for node in fresh:
        match = _CORE.match(node.entry.path)
        if match is None or match[1] in homes or not view.kept.used(node.entry.path):
            continue
        homes.add(match[1])
        directory = view.directory(match[1])
        for child in below(directory) if directory is not None else ():
            inside = child.entry.path[len(match[1]) + 1 :]
            if _LATE.match(inside) or (view.whole and view.own(child.entry.path)):
                yield Need(child.entry.path, "part of Perl's library", node.entry.path, SPARE)
