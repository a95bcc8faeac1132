"""Static libraries and libtool's descriptions: only a linker reads them."""

from __future__ import annotations

from jettison.waste import Kind

KINDS = (
    Kind(
        "static-libraries",
        "static libraries",
        rank=23,
        remedy="build in a stage of its own, or remove them (find / -name '*.a' -delete)",
        fix="stage",
        safe=False,
        directory=rb"usr/|lib|opt/",
        named=rb".+\.(?:a|la)",
    ),
)
