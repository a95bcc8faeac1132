"""What sets two images apart: files, packages, settings, layers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jettison.analysis import probes
from jettison.difference import Difference, Sort, compare
from jettison.difference.versions import compare_deb, compare_rpm, newer
from jettison.image.cache import Cache
from jettison.image.indexer import Indexer
from jettison.image.random import random_image
from jettison.oci.platform import parse
from waste.layering import GONE, Layer, directory, file, hard, image, link

if TYPE_CHECKING:
    from jettison.image.image import Image


def difference(before: Image, after: Image) -> Difference:
    return compare(before, after, indexer=Indexer(probes(), Cache(None)))


def files(before: Layer | list[Layer], after: Layer | list[Layer]) -> dict[str, tuple[str, tuple[str, ...]]]:
    """Path → (what became of it, details)."""
    one, other = (layers if isinstance(layers, list) else [layers] for layers in (before, after))
    found = difference(image(*one), image(*other))
    return {change.path.decode(): (change.sort.value, change.details) for change in found.files}


class TestFiles:
    def test_added_removed_changed(self) -> None:
        before = {"same": b"1", "gone": b"22", "new content": b"3"}
        after = {"same": b"1", "come": b"4444", "new content": b"55555"}
        found = {change.path: change for change in difference(image(before), image(after)).files}
        assert set(found) == {b"gone", b"come", b"new content"}
        gone, come, changed = found[b"gone"], found[b"come"], found[b"new content"]
        assert (gone.sort, gone.before, gone.after, gone.delta) == (Sort.REMOVED, 2, None, -2)
        assert (come.sort, come.before, come.after, come.delta) == (Sort.ADDED, None, 4, 4)
        assert (changed.sort, changed.before, changed.after, changed.delta) == (Sort.CONTENT, 1, 5, 4)

    @pytest.mark.parametrize(
        ("old", "new", "sort", "details"),
        [
            (file(b"1"), file(b"1", mode=0o755), "metadata", ("mode",)),
            (file(b"1"), file(b"1", uid=5), "metadata", ("owner",)),
            (file(b"1"), file(b"1", mode=0o600, gid=5), "metadata", ("mode", "owner")),
            (file(b"1"), file(b"2", mode=0o600), "content", ("content", "mode")),
            (file(b"1"), link("x"), "content", ("type",)),
            (link("x"), link("y"), "content", ("link",)),
            (file(b"1"), directory(), "content", ("type",)),
            (directory(), directory(0o700), "metadata", ("mode",)),
        ],
    )
    def test_details(self, old: Any, new: Any, sort: str, details: tuple[str, ...]) -> None:
        assert files({"f": old}, {"f": new}) == {"f": (sort, details)}

    def test_times_are_counted_and_left_aside(self) -> None:
        found = difference(image({"f": file(b"1", mtime=1)}), image({"f": file(b"1", mtime=2)}))
        assert not found
        assert found.touched == 1

    def test_how_a_tree_came_about_says_nothing(self) -> None:
        grown: list[Layer] = [{"a": b"1", "b": b"2"}, {"a": b"new", "c": b"3"}, {"b": GONE}]
        assert files(grown, {"a": b"new", "c": b"3"}) == {}

    def test_directories_that_no_layer_describes_have_no_attributes(self) -> None:
        assert files({"d": directory(0o700), "d/f": b"1"}, {"d/f": b"1"}) == {}

    def test_hard_links_are_their_content(self) -> None:
        assert files({"a": b"1", "b": hard("a")}, {"b": b"1", "a": hard("b")}) == {}
        assert files({"a": b"1", "b": hard("a")}, {"a": b"1", "b": b"1"}) == {}
        assert files({"a": b"1", "b": hard("a")}, {"a": b"1", "b": b"2"}) == {"b": ("content", ("content",))}

    def test_a_further_name_of_a_file_weighs_nothing(self) -> None:
        found = difference(image({"a": b"1" * 100}), image({"a": b"1" * 100, "b": hard("a")}))
        assert [(change.path, change.after) for change in found.files] == [(b"b", 0)]

    def test_devices_and_kinds(self) -> None:
        found = difference(image({"d": directory(), "l": link("x")}), image({}))
        assert {(change.path, change.kind) for change in found.files} == {(b"d", "directory"), (b"l", "symbolic link")}


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 2**32), st.integers(0, 2**32))
def test_laws(one: int, other: int) -> None:
    a, b = random_image(one), random_image(other)
    assert not difference(a, random_image(one, compression="gzip"))
    there, back = difference(a, b), difference(b, a)
    turned = {Sort.ADDED: Sort.REMOVED, Sort.REMOVED: Sort.ADDED}
    assert {(c.path, c.sort, c.before, c.after) for c in there.files} == {
        (c.path, turned.get(c.sort, c.sort), c.after, c.before) for c in back.files
    }
    assert there.touched == back.touched
    paths = {change.path for change in there.files}
    common = there.before.tree.nodes.keys() & there.after.tree.nodes.keys()
    for path in common - paths:
        assert there.before.tree.nodes[path].content.sha256 == there.after.tree.nodes[path].content.sha256
    assert {c.path for c in there.files if c.sort is Sort.ADDED} == there.after.tree.nodes.keys() - common


class TestSettings:
    @pytest.mark.parametrize(
        ("before", "after", "found"),
        [
            ({"User": "root"}, {"User": "app"}, [("user", None, "root", "app")]),
            ({"Cmd": ["a", "b c"]}, {"Cmd": "a"}, [("cmd", None, '["a", "b c"]', "a")]),
            ({"Entrypoint": ["x"]}, {}, [("entrypoint", None, '["x"]', None)]),
            ({"Env": ["A=1", "B=2"]}, {"Env": ["B=2", "A=3"]}, [("env", "A", "1", "3")]),
            ({"Env": ["A=1"]}, {"Env": ["B="]}, [("env", "A", "1", None), ("env", "B", None, "")]),
            ({"Labels": {"l": "1"}}, {"Labels": {"l": "2"}}, [("labels", "l", "1", "2")]),
            ({"ExposedPorts": {"80/tcp": {}}}, {}, [("exposed_ports", "80/tcp", "yes", None)]),
            ({}, {"Volumes": {"/data": {}}}, [("volumes", "/data", None, "yes")]),
            ({"WorkingDir": "/"}, {"WorkingDir": "/app"}, [("working_dir", None, "/", "/app")]),
            ({"StopSignal": "SIGQUIT"}, {}, [("stop_signal", None, "SIGQUIT", None)]),
            ({"User": ""}, {}, []),
            ({"Labels": None}, {"Labels": {}}, []),
            (
                {"Healthcheck": {"Test": ["CMD", "x"], "Interval": 5_000_000_000, "Retries": 3}},
                {"Healthcheck": {"Test": ["NONE"]}},
                [("healthcheck", None, '["CMD", "x"] interval=5s retries=3', '["NONE"]')],
            ),
        ],
    )
    def test_each(self, before: dict[str, Any], after: dict[str, Any], found: list[Any]) -> None:
        changes = difference(image({}, container=before), image({}, container=after)).settings
        assert [(c.field, c.key, c.before, c.after) for c in changes] == found

    def test_the_platform(self) -> None:
        found = difference(image({}), image({}, platform=parse("linux/arm64")))
        assert [(c.field, c.before, c.after) for c in found.settings] == [("platform", "linux/amd64", "linux/arm64")]


def status(**versions: str) -> Layer:
    text = "\n".join(
        f"Package: {name}\nStatus: install ok installed\nArchitecture: amd64\nVersion: {version}\n"
        for name, version in versions.items()
    )
    return {"var/lib/dpkg/status": text.encode()}


class TestPackages:
    def test_added_removed_up_and_down(self) -> None:
        before = status(gone="1", up="1.9-1", down="2", same="3")
        after = status(come="1", up="1.10-1", down="2~rc1", same="3")
        found = difference(image(before), image(after)).packages
        assert {change.name: change.word for change in found} == {
            "gone": "removed",
            "come": "added",
            "up": "upgraded",
            "down": "downgraded",
        }

    def test_one_name_several_versions(self) -> None:
        def module(place: str, version: str) -> dict[str, bytes]:
            return {f"{place}/node_modules/x/package.json": f'{{"name": "x", "version": "{version}"}}'.encode()}

        before = {**module("app", "1.0.0"), **module("app/node_modules/y", "2.0.0")}
        after = {**module("app", "1.0.0"), **module("app/node_modules/y", "2.1.0")}
        (found,) = difference(image(before), image(after)).packages
        assert (found.before, found.after, found.word) == (("2.0.0",), ("2.1.0",), "upgraded")


class TestLayers:
    def test_shared_gone_new(self) -> None:
        base: Layer = {"base": b"b" * 100}
        found = difference(image(base, {"x": b"1"}), image(base, {"y": b"22"}, {"z": b"333"}))
        assert [(row.before, row.after, row.size.raw, row.shared) for row in found.layers] == [
            (0, 0, 100, True),
            (1, None, 1, False),
            (None, 1, 2, False),
            (None, 2, 3, False),
        ]
        assert found.to_pull.raw == 5

    def test_the_same_layer_twice(self) -> None:
        layer: Layer = {"a": b"1"}
        found = difference(image(layer, layer), image(layer))
        assert [(row.before, row.after) for row in found.layers] == [(0, 0), (1, None)]

    def test_repacked_layers_have_to_be_pulled(self) -> None:
        layer: Layer = {"a": b"1" * 5000}
        found = difference(image(layer, compression="gzip"), image(layer, compression="zstd"))
        assert not found
        (row,) = found.layers
        assert row.shared and row.repacked
        assert found.to_pull == row.size


ORDERS = Path(__file__).resolve().parents[3] / "shared" / "data" / "version-order"


class TestVersions:
    @pytest.mark.parametrize(
        ("kind", "old", "new", "direction"),
        [
            ("deb", "1:1.0-1", "2.0-1", -1),
            ("deb", "1.0~rc1-1", "1.0-1", 1),
            ("deb", "1.0-1", "1.0-1+b1", 1),
            ("rpm", "1.0-1.fc39", "1.0-2.fc39", 1),
            ("rpm", "1.0~rc1-1", "1.0-1", 1),
            ("rpm", "1.0^git1-1", "1.0-1", -1),
            ("npm", "1.9.0", "1.10.0", 1),
            ("golang", "v1.10.0", "v1.9.0", -1),
            ("pypi", "1.0", "1.0.0", 0),
            ("pypi", "1.0rc1", "1.0", 0),
            ("pypi", "1!1.0", "2.0", 0),
            ("maven", "v2", "1", 0),
            ("apk", "4.09-r0", "4.5-r0", 0),
            ("gem", "next", "1.0", 0),
        ],
    )
    def test_order(self, kind: str, old: str, new: str, direction: int) -> None:
        assert newer(kind, old, new) == direction
        assert newer(kind, new, old) == -direction

    @pytest.mark.skipif(not ORDERS.is_dir(), reason="the version orders are not at hand: ../shared/data/version-order")
    def test_debians_order_in_full(self) -> None:
        pairs = list(_pairs("debian*"))
        assert len(pairs) > 14_000
        for left, sign, right in pairs:
            assert compare_deb(left, right) == sign, (left, right)

    @pytest.mark.skipif(not ORDERS.is_dir(), reason="the version orders are not at hand: ../shared/data/version-order")
    def test_rpms_order_but_for_missing_releases(self) -> None:
        for left, sign, right in _pairs("redhat*"):
            if ("-" in left) == ("-" in right):
                assert compare_rpm(left, right) == sign, (left, right)


def _pairs(pattern: str) -> list[tuple[str, int, str]]:
    found = []
    for path in ORDERS.glob(pattern):
        for line in path.read_text("utf-8").splitlines():
            words = line.split()
            if len(words) == 3 and words[1] in ("<", "=", ">") and not line.startswith(("#", "//")):
                found.append((words[0], "<=>".index(words[1]) - 1, words[2]))
    return found
