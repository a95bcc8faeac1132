"""dive's figures, on dive's own fixtures (where they are at hand) and on images that show each of its definitions."""

from __future__ import annotations

import math

import pytest

from jettison.waste.dive import figures
from waste.fixtures import fixture_figures, here
from waste.layering import GONE, OPAQUE, directory, hard, indexes, link


@here
def test_the_14_layer_image_to_the_last_digit() -> None:
    _, found = fixture_figures("test-docker-image.tar")
    assert found.efficiency == 0.9844212134184309
    assert found.size == 1220598
    assert found.user_size == 66237
    assert found.wasted == 32025
    assert found.wasted_user_percent == 0.4834911001404049
    assert {(path.path, path.count, path.size) for path in found.inefficient} == {
        (b"/root/saved.txt", 2, 12810),
        (b"/root/example/somefile1.txt", 2, 12810),
        (b"/root/example/somefile3.txt", 2, 6405),
    }
    sizes = (1154361, 6405, 0, 6405, 6405, 6405, 6405, 6405, 6405, 0, 2187, 6405, 6405, 6405)
    assert found.layer_sizes == sizes


@here
def test_the_kaniko_image() -> None:
    _, found = fixture_figures("test-kaniko-image.tar")
    assert round(found.efficiency, 5) == 0.97937
    assert found.size == 1326410
    assert found.wasted == 46245
    assert round(found.wasted_user_percent, 5) == 0.48845


@here
@pytest.mark.parametrize("form", ["gzip", "zstd", "estargz", "uncompressed"])
def test_the_one_layer_archives(form: str) -> None:
    image, found = fixture_figures(f"test-oci-{form}-image.tar")
    assert len(image.layers) == 1
    # A single file of 11,189 bytes; eStargz adds its own two members to the layer.
    assert found.size >= 11189
    assert found.wasted == 0
    assert found.efficiency == 1.0
    assert math.isnan(found.wasted_user_percent)


def test_a_path_seen_twice_wastes_its_full_sum() -> None:
    found = figures(indexes({"a": b"x" * 100}, {"a": b"x" * 40}))
    assert (found.size, found.user_size, found.wasted) == (140, 40, 140)
    assert found.efficiency == 40 / 140
    assert found.wasted_user_percent == 140 / 40
    assert [(p.path, p.count, p.size) for p in found.inefficient] == [(b"/a", 2, 140)]


def test_a_removed_file_counts_as_seen_at_no_size() -> None:
    found = figures(indexes({"a": b"x" * 100, "b": b"y" * 300}, {"a": GONE}))
    assert (found.wasted, found.efficiency) == (100, 300 / 400)


def test_a_removed_directory_is_charged_to_its_own_path_and_is_no_waste() -> None:
    found = figures(indexes({"d": directory(), "d/a": b"x" * 100, "d/e/b": b"y" * 50}, {"d": GONE}))
    assert found.wasted == 0
    assert found.efficiency == 1.0  # 150 charged to /d, in the sum and in the least


def test_an_opaque_marker_is_dropped() -> None:
    found = figures(indexes({"d/a": b"x" * 100}, {"d": OPAQUE, "d/b": b"z"}))
    assert (found.size, found.wasted, found.efficiency) == (101, 0, 1.0)


def test_directories_that_are_leaves_count_as_paths() -> None:
    found = figures(indexes({"etc": directory(), "a": b"1"}, {"etc": directory()}))
    assert [(p.path, p.count, p.size) for p in found.inefficient] == [(b"/etc", 2, 0)]
    assert found.wasted == 0


def test_a_whiteout_of_nothing_ends_the_layers_visit() -> None:
    layers = ({"a": b"x" * 10}, {"a": b"x" * 10, "b": GONE, "c": b"z" * 10})
    found = figures(indexes(*layers))
    # Leaves in the order of names: `.wh.b` comes first, its target is missing, and `a` and `c` are never seen.
    assert (found.size, found.wasted) == (30, 0)
    assert found.efficiency == (10 - 1) / 10  # the new path keeps its least size of -1


def test_a_mere_parent_is_no_directory_to_dive() -> None:
    found = figures(indexes({"d/a": b"x" * 100}, {"d": GONE}))
    assert (found.wasted, found.efficiency) == (0, 1.0)
    assert figures(indexes({"d": directory(), "d/a": b"x" * 100}, {"d/b": b"y"}, {"d": GONE})).efficiency == 1.0
    # `d` was a file when it was seen as a leaf: only with its directory flag would the whiteout weigh 100.
    forgotten = figures(indexes({"d": b""}, {"d/a": b"x" * 100}, {"d": GONE}))
    assert [(p.path, p.count, p.size) for p in forgotten.inefficient] == [(b"/d", 2, 0)]
    known = figures(indexes({"d": directory()}, {"d": directory(), "d/a": b"x" * 100}, {"d": GONE}))
    assert [(p.path, p.count, p.size) for p in known.inefficient] == [(b"/d", 2, 100)]
    assert known.efficiency == 100 / 200


def test_an_opaque_markers_parents_stay() -> None:
    found = figures(indexes({"d": directory()}, {"d": OPAQUE}))
    assert [(p.path, p.count) for p in found.inefficient] == [(b"/d", 2)]


def test_a_file_over_its_own_whiteout_stays() -> None:
    found = figures(indexes({"a": b"x" * 10}, [("a", b"y" * 20), ("a", GONE)], {"a": GONE}))
    assert [(p.path, p.count, p.size) for p in found.inefficient] == [(b"/a", 4, 30)]


def test_hard_links_and_symbolic_links_weigh_nothing() -> None:
    found = figures(indexes({"a": b"x" * 10, "b": hard("a"), "c": link("a")}, {"b": hard("a") and b"y" * 4}))
    assert (found.size, found.wasted, found.efficiency) == (14, 4, 10 / 14)


def test_an_empty_image() -> None:
    found = figures([])
    assert (found.efficiency, found.size, found.wasted) == (1.0, 0, 0)


def test_a_path_of_two_thousand_components() -> None:
    deep = "/".join(["d"] * 2000)
    found = figures(indexes({f"{deep}/a": b"x" * 7}, {"d": GONE}))
    assert (found.size, found.wasted, found.efficiency) == (7, 0, 1.0)
