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
        # Not .yarn/cache beside a .pnp.cjs, which zero installs run from, nor ~/.cache/node: corepack's managers.
        directory=rb"(?:.*/)?(?:\.npm/(?:_cacache|_logs|_npx)|\.cache/(?:yarn|node-gyp|pnpm|bower|electron)|\.node-gyp"
        rb"|\.yarn/berry/cache|\.local/share/pnpm/store|\.pnpm-store|\.bun/install/cache)/"
        rb"|usr/local/share/\.cache/(?:yarn|pnpm)/",
    ),
)
