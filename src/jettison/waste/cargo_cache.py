"""Cargo's registry and git checkouts, which no program needs at run time."""

from __future__ import annotations

from jettison.waste import Kind

KINDS = (
    Kind(
        "cargo-cache",
        "Cargo registry and checkouts",
        rank=13,
        remedy="build in a stage of its own, or mount a cache for the registry",
        fix="one-run",
        counts=True,
        directory=rb"(?:(?:.*/)?\.cargo|usr/local/cargo)/(?:registry|git)/",
        used_by=r"\bcargo(?:-\w+)?\s|/cargo/(?:registry|git)/",
    ),
)
