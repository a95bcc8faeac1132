"""gconv: the character sets that iconv knows by name, where a program that uses iconv is kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jettison.slim.kept import SPARE, Need

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jettison.image.tree import Node
    from jettison.slim.view import View

_LISTS = (b"gconv-modules", b"gconv-modules.cache", b"gconv-modules.d/gconv-modules-extra.conf")
_USUAL = (b"UTF-16.so", b"UTF-32.so", b"UNICODE.so", b"ISO8859-1.so", b"ISO8859-15.so", b"CP1252.so")
_MAX_SEARCHED = 96 << 20


def follow(view: View, fresh: list[Node]) -> Iterator[Need]:
    """The list and the usual modules; at the level of packages the C library stays whole anyway."""
    library = view.kept_named(b"libc.so.6")
    if library is None or view.whole or view.memo("iconv", lambda _: list[bytes]()):
        return
    programs = []
    for node in fresh:
        elf = view.elf(node)
        if elf is not None and b"libc.so.6" in elf.needed and view.kept.used(node.entry.path):
            programs.append(node.entry.path)
    for path, content in view.read_once(programs, limit=_MAX_SEARCHED):
        if b"\0iconv_open\0" in content:
            view.memo("iconv", lambda _: list[bytes]()).append(path)
            directory = library.rpartition(b"/")[0]
            for name in (*_LISTS, *_USUAL):
                if view.file(directory + b"/gconv/" + name) is not None:
                    yield Need(directory + b"/gconv/" + name, "a usual character set", path, SPARE)
            return
