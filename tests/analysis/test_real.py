"""Real images, built as people write them: what their analysis must hold, whatever they contain."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from jettison import stores
from jettison.analysis import Analysis, analyze, probes
from jettison.difference import compare
from jettison.dockerfile import parse
from jettison.image.indexer import Indexer
from jettison.origin import steps_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from engine.images import BuiltImage

IMAGES = ["apt-three-runs", "node-npm", "go-module", "java-maven"]
EXPECTED = {
    "apt-three-runs": {"recommended-packages", "deleted-later", "package-lists", "overwritten", "bytecode", "logs"},
    "node-npm": {"dockerignore-misses", "npm-cache", "dev-dependencies", "version-control"},
    "go-module": {"go-cache", "build-tools", "debug-symbols"},
    "java-maven": {"maven-cache", "build-tools"},
}
UNEXPECTED = {
    "core-dumps",
    "crash-reports",
    "litter",
    "downloads",
    "kernel-files",
    "orphaned-packages",
    "written-twice",
}
"""Kinds of which these images hold nothing: whatever is claimed is a false alarm."""


def analysed(path: Path, dockerfile: Path | None = None) -> Analysis:
    indexer = Indexer(probes())
    steps = steps_of(parse(dockerfile.read_bytes(), str(dockerfile))) if dockerfile is not None else None
    return analyze(stores.open_image(f"oci:{path}:latest", indexer=indexer), indexer=indexer, steps=steps)


@pytest.mark.parametrize("name", IMAGES)
def test_kinds_and_secrets(built_image: Callable[[str], BuiltImage], name: str) -> None:
    built = built_image(name)
    found = analysed(built.layout(), built.dockerfile())
    raw = {waste.kind.name: 0 for waste in found.waste}
    for waste in found.waste:
        raw[waste.kind.name] += waste.raw
    assert EXPECTED[name] <= {kind for kind, size in raw.items() if size}
    assert not UNEXPECTED & {kind for kind, size in raw.items() if size}
    assert found.exposures == ()
    keys = [(item.layer, item.number) for waste in found.waste for item in waste.items]
    assert len(keys) == len(set(keys))
    for layer in found.layers:
        packed = sum(i.compressed for w in found.waste if w.layer == layer.number for i in w.items)
        assert layer.waste <= layer.raw
        assert packed <= layer.index.stored


@pytest.mark.parametrize("name", IMAGES)
def test_the_fixed_image_lacks_what_was_waste(built_image: Callable[[str], BuiltImage], name: str) -> None:
    built = built_image(name)
    indexer = Indexer(probes())
    before, after = (
        stores.open_image(f"oci:{built.layout(which)}:latest", indexer=indexer) for which in ("before", "after")
    )
    found = compare(before, after, indexer=indexer)
    assert found
    assert (found.after.size.raw or 0) < (found.before.size.raw or 0)
    removed = sum(change.before or 0 for change in found.files if change.sort.value == "removed")
    assert removed > 1_000_000
    assert sum(row.shared for row in found.layers) >= 1
