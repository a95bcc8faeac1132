"""Locales: those that the environment names, C.UTF-8, and the catalogues of messages in their languages."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from jettison.slim.kept import NEEDED, Need
from jettison.slim.view import below

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jettison.slim.view import View

_FILES = (b"etc/default/locale", b"etc/locale.conf", b"etc/locale.alias", b"usr/share/locale/locale.alias")
_PLAIN = re.compile(r"(?:C|POSIX)(?:\..*)?\Z")
_HOME = b"usr/lib/locale"


def last(view: View) -> Iterator[Need]:
    """What setlocale and gettext look for under this environment, where a C library is kept."""
    library = view.kept_named(b"libc.so.6")
    if library is None:
        return
    for path in _FILES:
        if view.tree.get(path) is not None:
            yield Need(path, "the system's locale", library)
    names = _named(view)
    directory = view.directory(_HOME)
    for name, child in sorted((directory.children or {}).items()) if directory is not None else ():
        if child.children is not None and _spelled(name) in names:
            for node in below(child):
                yield Need(node.entry.path, f"the locale {name.decode('utf-8', 'replace')}", library, NEEDED)
    if any(not _PLAIN.match(name) for name in _values(view)) and view.file(_HOME + b"/locale-archive") is not None:
        yield Need(_HOME + b"/locale-archive", "the environment's locale is in it", library)
    for language in sorted(_languages(view)):
        folder = view.directory(b"usr/share/locale/" + language)
        for node in below(folder) if folder is not None else ():
            yield Need(node.entry.path, "messages in the environment's language", library)


def _values(view: View) -> list[str]:
    return [value for name, value in view.environment.items() if (name.startswith("LC_") or name == "LANG") and value]


def _named(view: View) -> set[bytes]:
    return {_spelled(name.encode("utf-8", "surrogateescape")) for name in [*_values(view), "C.UTF-8"]}


def _spelled(name: bytes) -> bytes:
    """A locale's name as the C library compares it: the encoding in lower case without punctuation."""
    language, dot, encoding = name.partition(b".")
    return language + dot + re.sub(rb"[^a-z0-9]", b"", encoding.lower())


def _languages(view: View) -> set[bytes]:
    words = [*_values(view), *view.environment.get("LANGUAGE", "").split(":")]
    found: set[bytes] = set()
    for word in words:
        name = re.split(r"[.@]", word)[0]
        if name and name not in ("C", "POSIX"):
            found.update((name.encode("utf-8", "surrogateescape"), name.partition("_")[0].encode("ascii", "ignore")))
    return found - {b""}
