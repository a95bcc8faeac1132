"""Time zones: the local one and that of TZ; all of them where code asks for zones by name, at the level of packages."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from jettison.slim.kept import NEEDED, SPARE, Need
from jettison.slim.view import below

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jettison.image.tree import Node
    from jettison.slim.view import View

_ZONES = b"usr/share/zoneinfo"
_BASIC = (b"etc/localtime", b"etc/timezone", _ZONES + b"/UTC", _ZONES + b"/Etc/UTC", _ZONES + b"/tzdata.zi")
_BY_NAME = re.compile(rb"(?:.*/)?zoneinfo/__init__\.py\Z|" + re.escape(_ZONES) + rb"/.+")


def always(view: View) -> Iterator[Need]:
    """The zone of the machine, and the one that the configuration sets."""
    for path in _BASIC[:4]:
        if view.tree.resolve(path) is not None:
            yield Need(path, "the local time zone", None, SPARE if path.startswith(_ZONES) else NEEDED)
    zone = view.environment.get("TZ", "").lstrip(":").encode("utf-8", "surrogateescape")
    path = zone.lstrip(b"/") if zone.startswith(b"/") else _ZONES + b"/" + zone
    if zone and view.file(path) is not None:
        yield Need(path, "$TZ names it")


def follow(view: View, fresh: list[Node]) -> Iterator[Need]:
    """Every zone, where one is asked for by name: the next request may ask for another."""
    if not view.whole:
        return
    by = next((n.entry.path for n in fresh if _BY_NAME.match(n.entry.path) and view.kept.used(n.entry.path)), None)
    directory = view.directory(_ZONES) if by is not None and by != _ZONES else None
    for node in below(directory) if directory is not None else ():
        yield Need(node.entry.path, "zones are asked for by name", by, SPARE)
