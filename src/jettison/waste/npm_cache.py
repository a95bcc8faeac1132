"""Caches of JavaScript's installers: npm, yarn, pnpm, bun, node-gyp."""

from __future__ import annotations

from jettison.waste import Kind

KINDS = (
    Kind(
        "npm-cache",
        "JavaScript installers' caches",
        rank=13,
        remedy="clean in the same RUN (npm cache clean --force; yarn cache clean) or mount a cache",
        fix="one-run",
        counts=True,
        directory=rb"(?:.*/)?(?:\.npm/(?:_cacache|_logs|_npx)|\.cache/(?:yarn|node-gyp|node|pnpm)|\.yarn/berry/cache"
        rb"|\.local/share/pnpm/store|\.pnpm-store|\.bun/install/cache)/|usr/local/share/\.cache/yarn/",
    ),
)
