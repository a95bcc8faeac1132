"""Composer's cache of downloaded PHP packages."""

from __future__ import annotations

from jettison.waste import Kind

KINDS = (
    Kind(
        "composer-cache",
        "Composer cache",
        rank=13,
        remedy="run composer with --no-cache, or composer clear-cache in the same RUN",
        fix="one-run",
        counts=True,
        directory=rb"(?:.*/)?(?:\.composer/cache|\.cache/composer)/|tmp/cache/(?:files|repo|vcs)/",
    ),
)
