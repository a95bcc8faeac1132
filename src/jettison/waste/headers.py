"""C and C++ headers, and the files that point a compiler at libraries."""

from __future__ import annotations

from jettison.waste import Kind

KINDS = (
    Kind(
        "headers",
        "headers",
        rank=22,
        remedy="build in a stage of its own",
        fix="stage",
        safe=False,
        directory=rb"usr/(?:local/)?include/|usr/lib/gcc/.*/(?:include|plugin)/|(?:.*/)?(?:pkgconfig|aclocal|cmake)/",
    ),
)
