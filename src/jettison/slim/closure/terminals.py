"""Terminals: the descriptions of the usual ones, where a library that reads them is kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jettison.slim.kept import SPARE, Need

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jettison.slim.view import View

_HOMES = (b"etc/terminfo", b"lib/terminfo", b"usr/lib/terminfo", b"usr/share/terminfo")
_USUAL = (
    *(b"ansi", b"dumb", b"linux", b"screen", b"screen-256color", b"tmux", b"tmux-256color", b"vt100", b"xterm"),
    *(b"xterm-256color", b"xterm-color"),
)


def last(view: View) -> Iterator[Need]:
    """Descriptions by the first letter of their name, as ncurses keeps them (term(5)), also in its other spelling."""
    by = view.kept_named(b"libtinfo.so", b"libncurses")
    if by is None:
        return
    term = view.environment.get("TERM", "").encode("utf-8", "surrogateescape")
    for home in _HOMES:
        for name in (*_USUAL, term):
            for letter in (name[:1], b"%02x" % name[0]) if name and b"/" not in name else ():
                path = b"/".join((home, letter, name))
                if view.file(path) is not None:
                    yield Need(path, "a usual terminal", by, SPARE)
