"""Go's caches: compiled packages and downloaded modules, which no program needs at run time."""

from __future__ import annotations

from jettison.waste import Kind

KINDS = (
    Kind(
        "go-cache",
        "Go build and module caches",
        rank=13,
        remedy="build in a stage of its own, or mount caches for /root/.cache/go-build and /go/pkg/mod",
        fix="one-run",
        counts=True,
        directory=rb"(?:.*/)?\.cache/go-build/|(?:go|root/go|home/[^/]+/go)/pkg/(?:mod|sumdb)/",
        used_by=r"\bgo\s+(?:run|test|build|install|tool|generate)\b|\b(?:air|gow|dlv|reflex|CompileDaemon)\b|/pkg/mod/",
    ),
)
