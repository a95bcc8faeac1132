"""What Node packages carry for those who develop with them: source maps, type declarations, readmes."""

from __future__ import annotations

from jettison.waste import Kind

KINDS = (
    Kind(
        "node-extras",
        "source maps, types and readmes of Node packages",
        rank=26,
        remedy="bundle the program (esbuild, ncc), or prune node_modules in the RUN that installs",
        fix="drop",
        safe=False,
        # TypeScript's own lib.*.d.ts are what tsc and ts-node run on.
        directory=rb"(?!(?:.*/)?node_modules/typescript/lib/)(?:.*/)?node_modules/",
        named=rb".+\.(?:[cm]?js|css)\.map|.+\.d\.[cm]?ts|(?i:(?:readme|changelog|history|changes|contributing|security)"
        rb"(?:\.(?:md|markdown|txt))?)|.+\.js\.flow",
    ),
)
