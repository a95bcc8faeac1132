"""The analysis as a whole: sums, base image, predictions, what is exact."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jettison.analysis import Analysis, analyze, probes
from jettison.image.cache import Cache
from jettison.image.indexer import Indexer
from jettison.image.random import random_image
from jettison.origin import Step
from waste.layering import GONE, Layer, analysis, hard, image, tar

BASE: Layer = {"bin/sh": b"s" * 5000, "usr/share/doc/sh/README": b"d" * 700, "var/log/base.log": b"l" * 300}
OWN: list[Layer] = [
    {"var/lib/apt/lists/x": b"a" * 1000, "app/main": b"m" * 6000},
    {"var/lib/apt/lists/x": GONE, "usr/share/doc/app/README": b"r" * 100},
]


def analysed(*layers: Layer, base: Layer | None = None, **options: object) -> Analysis:
    indexer = Indexer(probes(), Cache(None))
    steps = options.pop("steps", None)
    return analyze(
        image(*layers, **options),  # type: ignore[arg-type]
        indexer=indexer,
        steps=steps,  # type: ignore[arg-type]
        base=image(base) if base is not None else None,
    )


def test_sums() -> None:
    found = analysed(BASE, *OWN)
    assert found.total.raw == 5000 + 700 + 300 + 1000 + 6000 + 100
    assert [layer.raw for layer in found.layers] == [6000, 7000, 100]
    assert [layer.waste for layer in found.layers] == [1000, 1000, 100]
    assert found.visible == 12_100
    assert found.wasted.raw == 2100
    assert found.reclaimable == 1300
    assert found.efficiency == pytest.approx(1 - 1300 / 13_100)


def test_an_image_of_nothing() -> None:
    for layers in ((), ({},)):
        found = analysis(*layers)
        assert (found.efficiency, found.wasted.raw, found.total.raw) == (1.0, 0, 0)
        assert found.predictions == ()


def test_a_base_image_is_told_by_its_layers() -> None:
    found = analysed(BASE, *OWN, base=BASE)
    assert found.base_layers == 1
    assert [layer.origin.base for layer in found.layers] == [True, False, False]


def test_no_dockerfile_takes_bytes_out_of_its_base_image() -> None:
    found = analysed(BASE, *OWN, base=BASE)
    assert [(p.fixes, p.saved.raw) for p in found.predictions] == [
        (("one-run",), 1000),
        (found.predictions[1].fixes, 1100),
    ]
    assert found.predictions[-1].left.raw == found.total.raw - 1100  # type: ignore[operator]


def test_lines_come_from_the_dockerfile() -> None:
    steps = [Step("RUN", "apt-get update", 2, 3), Step("COPY", ". /app", 5, 5)]
    found = analysed(BASE, *OWN, commands=["ADD root /", "RUN apt-get update", "COPY . /app"], steps=steps)
    assert [layer.origin.line for layer in found.layers] == [None, 2, 5]
    assert found.base_layers == 1


@pytest.mark.parametrize(("compression", "exact"), [(None, False), ("gzip", True), ("zstd", True)])
def test_compressed_bytes_are_exact_where_layers_are_stored_so(compression: str | None, exact: bool) -> None:
    found = analysed(BASE, *OWN, compression=compression)
    assert found.exact is exact
    if exact:
        assert found.total.compressed == sum(layer.index.stored for layer in found.layers)


def test_a_layer_of_noise_and_one_of_zeros() -> None:
    import random

    noise = random.Random(1).randbytes(400_000)
    found = analysed({"noise": noise}, {"tmp/zeros": bytes(400_000)}, compression="gzip")
    (waste,) = found.waste
    assert waste.raw == 400_000
    assert waste.compressed < 2000 < 400_000 < (found.total.compressed or 0)


def test_content_that_only_a_link_still_shows_is_visible() -> None:
    found = analysis({"a": b"x" * 500, "b": hard("a")}, {"a": GONE})
    assert found.wasted.raw == 0


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 2**32))
def test_predictions_only_grow_and_stay_within_the_image(seed: int) -> None:
    indexer = Indexer(probes(), Cache(None))
    found = analyze(random_image(seed), indexer=indexer)
    saved = [prediction.saved.raw or 0 for prediction in found.predictions]
    assert saved == sorted(saved)
    assert all(prediction.left.raw is not None and prediction.left.raw >= 0 for prediction in found.predictions)
    assert [layer.raw for layer in found.layers] == [
        sum(min(entry.size, entry.end - entry.start) for entry in layer.index.entries) for layer in found.layers
    ]


def test_the_same_layer_twice() -> None:
    layer = tar({"a": b"x" * 5000})
    found = analysis(layer, layer)
    assert found.efficiency == 0.5
    assert [waste.kind.name for waste in found.waste if waste.raw] == ["metadata-copy"]
