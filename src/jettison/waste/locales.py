"""Translations and locale definitions: read only where LANG and its like name them. C.UTF-8 and the aliases stay."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from jettison.image.entry import FILE, HARDLINK, SYMLINK
from jettison.waste import Claim, Kind, View

if TYPE_CHECKING:
    from collections.abc import Iterator

LOCALES = Kind(
    "locales",
    "locales and translations",
    rank=32,
    remedy="remove the languages that are not used from /usr/share/locale and /usr/share/i18n",
    fix="drop",
    safe=False,
)
KINDS = (LOCALES,)

_TRANSLATION = re.compile(rb"usr/(?:local/)?share/(?:locale|locale-langpack)/([^/]+)/")
_LOCALE = re.compile(rb"usr/lib/locale/([^/]+)")
_DEFINITION = re.compile(rb"usr/(?:local/)?share/i18n/")
_VARIABLES = ("LANG=", "LANGUAGE=", "LC_")
_ALWAYS = frozenset({b"en", b"C", b"POSIX"})


def detect(view: View) -> Iterator[tuple[Kind, Claim]]:
    """All but English, C, and the languages that the image's environment names."""
    wanted = frozenset(_languages(view.image.config.container.env or []))
    for path, node in view.tree.nodes.items():
        if not path.startswith(b"usr/") or node.entry.kind not in (FILE, HARDLINK, SYMLINK):
            continue
        if (found := _TRANSLATION.match(path)) is not None:
            superfluous = _language(found.group(1)) not in _ALWAYS | wanted
        elif (found := _LOCALE.match(path)) is not None:
            archive = found.group(1) == b"locale-archive"
            superfluous = not wanted if archive else _language(found.group(1)) not in wanted | {b"C"}
        else:
            superfluous = _DEFINITION.match(path) is not None
        if superfluous:
            yield LOCALES, Claim(node.layer, node.number)


def _languages(environment: list[str]) -> Iterator[bytes]:
    """The languages that variables such as `LANG=de_DE.UTF-8` and `LANGUAGE=de:fr` name, but C and POSIX."""
    for variable in environment:
        if variable.startswith(_VARIABLES):
            for name in variable.partition("=")[2].split(":"):
                language = _language(name.encode("utf-8", "surrogateescape"))
                if language and language not in (b"C", b"POSIX"):
                    yield language


def _language(locale: bytes) -> bytes:
    return re.split(rb"[_.@]", locale, maxsplit=1)[0]
