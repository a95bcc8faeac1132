"""Caches of Python's installers: pip, pipx, poetry, uv, conda's package archives."""

from __future__ import annotations

from jettison.waste import Kind

KINDS = (
    Kind(
        "pip-cache",
        "Python installers' caches",
        rank=13,
        remedy="install with --no-cache-dir, or mount a cache (RUN --mount=type=cache,target=/root/.cache/pip)",
        fix="one-run",
        counts=True,
        directory=rb"(?:.*/)?\.cache/(?:pip|pipx|uv|pypoetry/(?:cache|artifacts))/|(?:opt/conda|root/miniconda3)/pkgs/",
    ),
)
