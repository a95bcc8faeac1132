"""What compilers and bundlers keep beside their result, for the next build, which an image never sees."""

from __future__ import annotations

from jettison.waste import Kind

KINDS = (
    Kind(
        "build-leftovers",
        "intermediate results of builds",
        rank=19,
        remedy="build in a stage of its own and copy the result",
        fix="stage",
        counts=True,
        directory=rb"(?:.*/)?(?:target/(?:[^/]+-[^/]+-[^/]+/)?(?:debug|release)/(?:deps|build|incremental|\.fingerprint)"
        rb"|CMakeFiles|node_modules/\.cache|\.next/cache|\.nuxt/cache|\.angular/cache|\.turbo/cache|\.parcel-cache"
        rb"|\.svelte-kit/generated|\.mypy_cache|\.pytest_cache|\.ruff_cache|\.eslintcache)/",
        named=rb".+",
        also=(
            (rb"", rb".+\.tsbuildinfo|\.eslintcache|\.coverage"),
            (rb"(?:.*/)?build/temp\.[^/]+/", rb".+\.o"),
        ),
    ),
)
