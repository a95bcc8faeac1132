"""Translations and locale definitions: read only where LANG names them. C.UTF-8 and the aliases stay."""

from __future__ import annotations

from jettison.waste import Kind

KINDS = (
    Kind(
        "locales",
        "locales and translations",
        rank=32,
        remedy="remove the languages that are not used from /usr/share/locale and /usr/share/i18n",
        fix="drop",
        safe=False,
        directory=rb"usr/(?:local/)?share/(?:locale/(?!en/|C/)[^/]+/|i18n/|locale-langpack/)|usr/lib/locale/(?!C\.|C\.utf8/)",
    ),
)
