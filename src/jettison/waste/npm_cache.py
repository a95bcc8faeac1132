"""Caches of JavaScript's installers: npm, yarn, pnpm, bun, node-gyp."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jettison.image.entry import FILE, HARDLINK
from jettison.waste import Claim, Kind, View

if TYPE_CHECKING:
    from collections.abc import Iterator

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
        rb"|\.local/share/pnpm/store|\.pnpm-store|\.bun/install/cache)/"
        rb"|usr/local/share/\.cache/(?:yarn|pnpm)/",
        used_by=r"\b(?:npx|bunx)\b|\b(?:pnpm|yarn)\s+dlx\b",
    ),
)

_BERRY = b".yarn/berry/cache/"


def detect(view: View) -> Iterator[tuple[Kind, Claim]]:
    """Yarn's archives below a home directory, unless a .pnp.cjs somewhere tells a program to run from them."""
    nodes = view.tree.nodes
    if any(path.endswith((b".pnp.cjs", b".pnp.js")) for path in nodes):
        return
    for path, node in nodes.items():
        if _BERRY in path and node.entry.kind in (FILE, HARDLINK):
            yield KINDS[0], Claim(node.layer, node.number)
