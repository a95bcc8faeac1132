"""Caches of Python's installers: pip, pipx, poetry, pdm, uv, conda's package archives."""

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
        # Poetry keeps virtual environments beside its caches, pipx and uv keep programs in ~/.local: those are in use.
        directory=rb"(?:.*/)?\.cache/(?:pip|pip-tools|pipx|pipenv|pdm|uv|hatch|pre-commit|pypoetry/(?:cache|artifacts))/"
        rb"|(?:.*/)?(?:\.?conda|(?:ana|mini)conda[23]?|mini(?:forge|mamba)3?|mambaforge|micromamba)/pkgs/",
    ),
)
