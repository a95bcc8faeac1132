"""The contract of every store: a random image, written, opened and checked, is the same image."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jettison import stores
from jettison.image.check import check
from jettison.image.entry import DIRECTORY
from jettison.image.random import random_image
from jettison.image.tree import stack

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from jettison.image.image import Image
    from jettison.image.indexer import Indexer
    from jettison.image.tree import Tree

Form = "Callable[[Image, Path], str]"


def shown(tree: Tree) -> list[object]:
    """All that a tree shows, in an order that does not depend on how it was stacked."""
    return sorted(
        (path, node.layer, node.entry, node.inode.entry.path, node.entry.kind == DIRECTORY)
        for path, node in tree.nodes.items()
    )


def demand_same(opened: Image, image: Image, indexer: Indexer) -> None:
    assert opened.config_bytes == image.config_bytes
    assert [layer.diff_id for layer in opened.layers] == [layer.diff_id for layer in image.layers]
    check(opened).demand()
    expected, actual = indexer.image(image), indexer.image(opened)
    assert [index.entries for index in actual] == [index.entries for index in expected]
    assert shown(stack(actual)) == shown(stack(expected))


@pytest.mark.parametrize("seed", range(6))
def test_written_image_opens_as_the_same(
    seed: int, form: Callable[[Image, Path], str], tmp_path: Path, indexer: Indexer
) -> None:
    image = random_image(seed)
    demand_same(stores.open_image(form(image, tmp_path), indexer=indexer), image, indexer)


@given(seed=st.integers(0, 1 << 32), compression=st.sampled_from([None, "gzip", "zstd"]))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_digests_stay_where_nothing_is_packed_anew(
    seed: int, compression: str | None, tmp_path_factory: pytest.TempPathFactory, indexer: Indexer
) -> None:
    image = random_image(seed, compression=compression)
    folder = tmp_path_factory.mktemp("image")
    for target in (f"oci:{folder}/layout", f"oci-archive:{folder}/oci.tar", f"docker-archive:{folder}/saved.tar"):
        stores.write_image(image, target)
        opened = stores.open_image(target, indexer=indexer)
        assert opened.digest == image.digest
        assert [layer.digest for layer in opened.layers] == [layer.digest for layer in image.layers]
        assert check(opened).ok


def test_writing_is_deterministic(form: Callable[[Image, Path], str], tmp_path: Path) -> None:
    image = random_image(11)
    written = []
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        form(image, tmp_path / name)
        files = sorted(path for path in (tmp_path / name).rglob("*") if path.is_file())
        written.append([(str(path.relative_to(tmp_path / name)), path.read_bytes()) for path in files])
    assert written[0] == written[1]


def test_listing_tells_the_image(form: Callable[[Image, Path], str], tmp_path: Path) -> None:
    image = random_image(5)
    listing = [*stores.list_images(form(image, tmp_path))]
    assert len(listing) == 1
    assert listing[0].platform == "linux/amd64"
    assert listing[0].raw or listing[0].compressed


@pytest.mark.parametrize("seed", range(20))
def test_checking_finds_any_damage(seed: int) -> None:
    """A bit turned in any blob is found, by its digest at the latest."""
    import random
    from dataclasses import replace

    from jettison.image.source import BytesSource

    dice = random.Random(seed)
    image = random_image(seed, layers=2, compression=dice.choice([None, "gzip", "zstd"]))
    assert check(image).ok
    number = dice.randrange(2)
    layer = image.layers[number]
    data = bytearray(b"".join(layer.source.chunks()))
    data[dice.randrange(len(data))] ^= 1 << dice.randrange(8)
    layers = list(image.layers)
    layers[number] = replace(layer, source=BytesSource(bytes(data)))
    report = check(replace(image, layers=tuple(layers)))
    assert len(report.problems) >= 1
    assert f"layer {number}" in report.problems[0]
