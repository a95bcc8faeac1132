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
        # Python's sysconfig reads pyconfig.h, with no compiler in sight.
        directory=rb"usr/(?:local/)?include/",
        named=rb"(?!pyconfig\.h$).+",
        also=(
            (rb"usr/lib(?:exec)?/gcc/.*/(?:include|include-fixed|plugin)/", rb".+"),
            (
                rb"(?>usr|opt|(?:.*?/)??(?:site|dist)-packages)/(?:.*/)?include/",
                rb"(?!pyconfig\.h$).+\.(?:h|hh|hpp|cuh|inl)",
            ),
            (rb"(?:usr|opt)/(?:.*/)?(?:lib|lib64|share|[^/]+-linux-[^/]+)/pkgconfig/$", rb".+\.pc"),
            (rb"(?:usr|opt)/(?:.*/)?share/aclocal/", rb".+\.m4"),
            (rb"(?:usr|opt)/(?:.*/)?(?:lib|lib64|share|[^/]+-linux-[^/]+)/cmake/", rb".+\.cmake"),
        ),
    ),
)
