"""Static libraries: only a linker reads them. Not libtool's .la files, by which some programs load their modules."""

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
        directory=rb"(?:usr|lib\d*|opt|root|home)/",
        named=rb".+\.a",
    ),
)
