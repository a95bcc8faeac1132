"""Where dive's figures are wrong, ours are right: bytes, paths, efficiency; and who made a file waste, and how."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from jettison.waste.dive import figures
from waste.fixtures import fixture_analysis, here
from waste.layering import GONE, OPAQUE, analysis, booked, directory, file, hard, kinds, link

if TYPE_CHECKING:
    from jettison.analysis import Analysis
    from jettison.waste.ledger import Waste

BIG = bytes(range(256)) * 400
SIZE = len(BIG)


DEAD = [
    b"root/example/somefile1.txt",
    b"root/example/somefile1.txt",
    b"root/example/somefile2.txt",
    b"root/example/somefile3.txt",
    b"root/saved.txt",
]


def only(found: Analysis) -> Waste:
    (waste,) = [waste for waste in found.waste if waste.raw]
    return waste


def dive(found: Analysis) -> tuple[int, float]:
    numbers = figures([layer.index for layer in found.layers])
    return numbers.wasted, numbers.efficiency


@pytest.mark.parametrize(
    "lower",
    [
        {"d": directory(), "d/e": directory(), "d/e/f": BIG},
        {"d/e/f": BIG},
    ],
    ids=["directories named", "directories implied"],
)
def test_a_directory_removed_by_one_whiteout(lower: dict[str, bytes]) -> None:
    found = analysis(lower, {"d": GONE})
    assert dive(found) == (0, 1.0)
    assert booked(found)["d/e/f"] == ("deleted-later", SIZE)
    assert only(found).by == 1
    assert (found.total.raw, found.reclaimable, found.efficiency) == (SIZE, SIZE, 0.0)


def test_an_opaque_directory() -> None:
    found = analysis({"d": directory(), "d/f": BIG}, {"d": OPAQUE, "d/g": BIG[:1000]})
    assert dive(found) == (0, 1.0)
    assert booked(found) == {"d/f": ("deleted-later", SIZE)}
    assert found.efficiency == pytest.approx(1000 / (SIZE + 1000))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"mode": 0o755}, "chmod"),
        ({"uid": 1000}, "chown"),
        ({"mode": 0o755, "gid": 7}, "chmod, chown"),
        ({"mtime": 99}, "touch"),
        ({}, "written again unchanged"),
    ],
)
def test_metadata_changed_in_a_later_layer(change: dict[str, int], reason: str) -> None:
    found = analysis({"f": BIG}, {"f": file(BIG, **change)})
    assert dive(found) == (2 * SIZE, 0.5)
    waste = only(found)
    assert (waste.kind.name, waste.raw, waste.layer, waste.by) == ("metadata-copy", SIZE, 0, 1)
    assert dict(waste.reasons) == {reason: SIZE}
    assert found.efficiency == 0.5


def test_an_empty_file_that_grows_wastes_nothing() -> None:
    found = analysis({"var/lib/db": b""}, {"var/lib/db": BIG})
    assert dive(found) == (SIZE, 0.0)
    assert found.reclaimable == 0
    assert found.efficiency == 1.0


def test_a_move_agrees_with_dive() -> None:
    found = analysis({"a": BIG}, {"a": GONE, "b": BIG})
    assert dive(found) == (SIZE, 0.5)
    assert booked(found) == {"a": ("deleted-later", SIZE)}
    assert found.efficiency == 0.5


def test_the_same_content_at_two_paths() -> None:
    found = analysis({"a": BIG}, {"b": BIG})
    assert dive(found) == (0, 1.0)
    assert booked(found) == {"b": ("duplicates", SIZE)}
    assert found.efficiency == 0.5


def test_one_layer_of_which_four_fifths_are_apts_cache() -> None:
    found = analysis({"bin/app": BIG, "var/cache/apt/archives/x_1_all.deb": BIG[::-1] * 4})
    assert dive(found) == (0, 1.0)
    assert booked(found) == {"var/cache/apt/archives/x_1_all.deb": ("package-archives", 4 * SIZE)}
    assert found.efficiency == pytest.approx(0.2)


def test_what_dives_fixture_hides() -> None:
    """dive's own 14-layer image in small: totals agree by chance, paths do not."""
    text = b"x" * 6405
    found = analysis(
        {"root": directory(), "root/example": directory(), "root/example/somefile1.txt": text},
        {"root/example/somefile1.txt": file(text, mode=0o755)},
        {"root/example/somefile2.txt": b"y" * 6405},
        {"root/example/somefile3.txt": b"z" * 6405},
        {"root/example/somefile3.txt": GONE, "root/saved.txt": b"z" * 6405},
        {"root/saved.txt": b"a" * 6405},
        {"root/example": GONE},
    )
    assert sorted(item.path for waste in found.waste for item in waste.items if item.raw) == DEAD
    assert found.reclaimable == 5 * 6405


@here
@pytest.mark.parametrize(("name", "size"), [("test-docker-image.tar", 6405), ("test-kaniko-image.tar", 9249)])
def test_what_dives_own_fixtures_hide(name: str, size: int) -> None:
    found = fixture_analysis(name)
    dead = [waste for waste in found.waste if waste.by is not None]
    assert sorted(item.path for waste in dead for item in waste.items if item.raw) == DEAD
    assert sum(waste.raw for waste in dead) == 5 * size == figures([layer.index for layer in found.layers]).wasted
    assert {waste.kind.name for waste in dead if waste.raw} == {"deleted-later", "metadata-copy"}
    assert sum(waste.raw for waste in found.waste if waste.kind.name == "duplicates") == 3 * size


def test_a_file_gone_and_back_again() -> None:
    found = analysis({"f": BIG}, {"f": GONE}, {"f": BIG})
    waste = only(found)
    assert (waste.kind.name, waste.layer, waste.by) == ("deleted-later", 0, 1)


def test_a_directory_that_becomes_a_file_and_a_file_that_becomes_a_directory() -> None:
    assert kinds({"d": directory(), "d/f": BIG}, {"d": b"now a file"}) == {"d/f": "deleted-later"}
    assert kinds({"d": BIG}, {"d": directory(), "d/f": b"below"}) == {"d": "overwritten"}
    assert kinds({"d": BIG}, {"d/f": b"below"}) == {"d": "overwritten"}


def test_a_directory_written_again_hides_nothing() -> None:
    assert kinds({"d": directory(), "d/f": BIG}, {"d": directory(0o700)}) == {}


def test_a_whiteout_acts_on_lower_layers_only_wherever_it_stands() -> None:
    assert kinds({"a": BIG}, [("a", b"new"), ("a", GONE)]) == {"a": "deleted-later"}


def test_twice_in_one_layer() -> None:
    found = analysis([("f", BIG), ("f", b"last wins")])
    assert booked(found) == {"f": ("written-twice", SIZE)}


class TestHardLinks:
    def test_a_deleted_name_whose_link_lives_wastes_nothing(self) -> None:
        assert kinds({"a": BIG, "b": hard("a")}, {"a": GONE}) == {}

    def test_it_is_waste_once_the_last_name_goes_by_the_layer_that_took_it(self) -> None:
        found = analysis({"a": BIG, "b": hard("a"), "c": hard("b")}, {"a": GONE}, {"c": GONE}, {"b": GONE}, {"z": b"1"})
        waste = only(found)
        assert (waste.kind.name, waste.raw, waste.layer, waste.by) == ("deleted-later", SIZE, 0, 3)

    def test_a_chmod_of_a_linked_file_writes_its_content_once(self) -> None:
        new = [("b", file(BIG, mode=0o755)), ("a", hard("b"))]
        found = analysis({"a": BIG, "b": hard("a")}, new)
        waste = only(found)
        assert (waste.kind.name, waste.raw) == ("metadata-copy", SIZE)

    def test_a_kept_link_keeps_the_content(self) -> None:
        cache = "root/.local/share/pnpm/store/v3/files/00/aa"
        used = "app/node_modules/.pnpm/x@1.0.0/node_modules/x/index.js"
        assert analysis({cache: BIG, used: hard(cache)}).reclaimable == 0
        assert analysis({used: BIG, cache: hard(used)}).reclaimable == 0
        assert analysis({cache: BIG}).reclaimable == SIZE

    def test_content_whose_names_are_all_waste_is_waste_whichever_name_has_the_bytes(self) -> None:
        one, two = "usr/share/doc/x/manual", "var/cache/apt/archives/x.deb"
        for first, second in ((one, two), (two, one)):
            found = analysis({first: BIG, second: hard(first)})
            assert found.wasted.raw == SIZE

    def test_content_that_only_a_wasteful_link_still_shows_is_waste(self) -> None:
        found = analysis({"bin/a": BIG, "var/cache/apt/archives/a": hard("bin/a")}, {"bin/a": GONE})
        waste = only(found)
        assert (waste.kind.name, waste.raw, waste.layer) == ("package-archives", SIZE, 0)
        assert {item.path for item in waste.items} == {b"var/cache/apt/archives/a"}

    def test_a_link_to_nothing(self) -> None:
        found = analysis({"a": hard("nowhere"), "f": b"x"})
        assert found.wasted.raw == 0


def test_symbolic_links_and_their_targets_are_two_things() -> None:
    assert kinds({"a": BIG, "l": link("a")}, {"l": GONE}) == {"l": "deleted-later"}
    assert kinds({"a": BIG, "l": link("a")}, {"a": GONE}) == {"a": "deleted-later"}
