"""Dropping kinds, globs and packages: what goes, what follows, and what the databases say afterwards."""

from __future__ import annotations

import sqlite3
import sys
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from images_on_demand import file, image_of, other

from jettison import packages
from jettison.analysis import analyze, probes
from jettison.dropping import Wishes, chosen_kinds, resolve
from jettison.errors import NotFound, UsageError
from jettison.image.cache import Cache
from jettison.image.entry import DIRECTORY, HARDLINK
from jettison.image.indexer import Indexer
from jettison.image.tree import stack
from jettison.lighten import Lightened, Recipe, lighten
from jettison.packages import rpmdb
from jettison.rewrite.contents import read_files
from jettison.rewrite.draft import Draft
from jettison.rewrite.spool import Spool

sys.path.insert(0, str(Path(__file__).parents[1] / "packages"))
import rpmwriting

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jettison.image.image import Image

STATUS = """Package: a
Status: install ok installed
Architecture: all
Version: 1

Package: b
Status: install ok installed
Architecture: all
Version: 2
Depends: a

"""
DEBIAN = [
    other("usr/bin", DIRECTORY),
    file("usr/bin/a", b"a"),
    file("usr/bin/b", b"b"),
    file("usr/share/doc/a/manual", b"long"),
    file("usr/share/doc/a/copyright", b"terms"),
    file("var/lib/dpkg/status", STATUS.encode()),
    file("var/lib/dpkg/info/a.list", b"/.\n/usr\n/usr/bin/a\n/usr/share/doc/a/manual\n/usr/share/doc/a/copyright\n"),
    file("var/lib/dpkg/info/a.md5sums", b"00  usr/bin/a\n11  usr/share/doc/a/manual\n"),
    file("var/lib/dpkg/info/a.postinst", b"#!/bin/sh\n"),
    file("var/lib/dpkg/info/b.list", b"/.\n/usr/bin/b\n"),
    file("var/lib/apt/extended_states", b"Package: a\nArchitecture: all\nAuto-Installed: 1\n\n"),
]


@contextmanager
def lightened(image: Image, wishes: Wishes, recipe: Recipe | None = None) -> Iterator[Lightened]:
    indexer = Indexer(probes(), cache=Cache(None))
    dropping = resolve(wishes, analyze(image, indexer=indexer), base=recipe.base if recipe else 0)
    with Spool() as spool:
        yield lighten(image, recipe or Recipe(), spool, indexer, dropping=dropping)


def contents(image: Image) -> dict[str, bytes]:
    """All files, by path."""
    indexes = Indexer(cache=Cache(None)).image(image)
    tree = stack(indexes)
    found = read_files(Draft.of(image, indexes), tree, tree.nodes)
    return {path.decode(): found.get(path, b"") for path, node in tree.nodes.items() if node.children is None}


def installed(image: Image) -> list[str]:
    indexes = Indexer(probes(), cache=Cache(None)).image(image)
    return [str(package) for package in packages.inventory(stack(indexes), indexes).packages]


def test_a_dropped_package_leaves_with_its_records() -> None:
    with lightened(image_of(DEBIAN), Wishes(packages=("a",))) as done:
        assert done.after is not None
        after = contents(done.after)
        assert installed(done.after) == ["b 2"]
        assert set(after) == {
            *("usr/bin/b", "var/lib/dpkg/status", "var/lib/dpkg/info/b.list", "var/lib/apt/extended_states")
        }
        assert after["var/lib/dpkg/status"].startswith(b"Package: b\n")
        assert after["var/lib/apt/extended_states"].strip() == b""
        assert any("needed by b" in note for note in done.notes)


def test_a_package_that_loses_some_files_keeps_its_record_and_lists_the_rest() -> None:
    with lightened(image_of(DEBIAN), Wishes(kinds=("docs",))) as done:
        assert done.after is not None
        after = contents(done.after)
        assert "usr/share/doc/a/manual" not in after
        assert after["usr/share/doc/a/copyright"] == b"terms"
        assert after["var/lib/dpkg/info/a.list"] == b"/.\n/usr\n/usr/bin/a\n/usr/share/doc/a/copyright\n"
        assert after["var/lib/dpkg/info/a.md5sums"] == b"00  usr/bin/a\n"
        assert after["var/lib/dpkg/status"] == STATUS.encode()
        assert sorted(done.changed) == [b"var/lib/dpkg/info/a.list", b"var/lib/dpkg/info/a.md5sums"]


def test_a_package_without_files_loses_its_record() -> None:
    with lightened(image_of(DEBIAN), Wishes(globs=("usr/bin/b",))) as done:
        assert done.after is not None
        assert installed(done.after) == ["a 1"]


def test_base_layers_keep_their_files_and_get_a_new_database_on_top() -> None:
    base, mine = DEBIAN[:1], DEBIAN[1:]
    status = [file("var/lib/dpkg/status", STATUS.encode())]
    image = image_of([*base, *status], [m for m in mine if m[0].path != b"var/lib/dpkg/status"])
    with lightened(image, Wishes(packages=("a",)), Recipe(base=1)) as done:
        assert done.after is not None
        assert done.after.layers[0].diff_id == image.layers[0].diff_id
        assert installed(done.after) == ["b 2"]
        assert len(done.after.layers) == 3


def test_databases_go_on_telling_of_what_base_layers_keep() -> None:
    mine = file("usr/share/doc/b/manual", b"mine")
    with lightened(image_of(DEBIAN, [mine]), Wishes(kinds=("docs",), packages=("a",)), Recipe(base=1)) as done:
        assert done.after is not None
        after = contents(done.after)
        assert installed(done.after) == ["a 1", "b 2"]
        assert after["var/lib/dpkg/info/a.list"].count(b"\n/usr/share/doc/a/") == 2
        assert done.gone == {b"usr/share/doc/b/manual"}
        assert ("docs", 1, 4) in done.dropped
        assert any("a 1 stays: files of it are in base layers" in note for note in done.notes)
        assert any("paths stay: in base layers" in note for note in done.notes)


def test_a_dropped_file_does_not_bring_back_the_one_below_it() -> None:
    image = image_of([file("etc/secret", b"old")], [file("etc/secret", b"new"), file("etc/x")])
    with lightened(image, Wishes(globs=("etc/secret",)), Recipe(base=1)) as done:
        assert done.after is not None
        assert set(contents(done.after)) == {"etc/x"}
        entries = Indexer(cache=Cache(None)).image(done.after)[1].entries
        assert [entry.path for entry in entries] == [b"etc/.wh.secret", b"etc/x"]


def test_a_hard_link_takes_the_content_of_a_dropped_target() -> None:
    link = other("b", HARDLINK, link=b"a")
    with lightened(image_of([file("a", b"text"), link]), Wishes(globs=("a",))) as done:
        assert done.after is not None
        assert contents(done.after) == {"b": b"text"}


def test_apk_follows() -> None:
    database = b"""P:musl
V:1
A:x86_64
F:lib
R:ld-musl.so
a:0:0:755
Z:Q1aaa

P:docs
V:2
A:x86_64
F:usr/share/doc
R:x
Z:Q1bbb
R:y

"""
    image = image_of(
        [
            *(file("lib/ld-musl.so", b"1"), file("usr/share/doc/x", b"2"), file("usr/share/doc/y", b"2")),
            *(file("lib/apk/db/installed", database), file("etc/apk/world", b"musl\ndocs\n")),
        ]
    )
    with lightened(image, Wishes(globs=("usr/share/doc/x",))) as done:
        assert done.after is not None
        text = contents(done.after)["lib/apk/db/installed"]
        assert text == database.replace(b"R:x\nZ:Q1bbb\n", b"")
        assert installed(done.after) == ["docs 2", "musl 1"]
    with lightened(image, Wishes(packages=("docs",))) as done:
        assert done.after is not None
        assert installed(done.after) == ["musl 1"]
        assert contents(done.after)["etc/apk/world"] == b"musl\n"


@pytest.mark.parametrize("journal", ["wal", "delete"])
def test_rpm_follows_in_sqlite(tmp_path: Path, journal: str) -> None:
    headers = [rpmwriting.header("a", files=["/usr/bin/a"]), rpmwriting.header("b", files=["/usr/bin/b"])]
    data = rpmwriting.sqlite(headers, tmp_path, journal=journal)
    image = image_of([file("usr/bin/a", b"a"), file("usr/bin/b", b"b"), file("var/lib/rpm/rpmdb.sqlite", data)])
    with lightened(image, Wishes(packages=("a",))) as done:
        assert done.after is not None
        after = contents(done.after)["var/lib/rpm/rpmdb.sqlite"]
        assert after[18:20] == data[18:20]
        assert [record.name for record in rpmdb.read(memoryview(after))] == ["b"]
        path = tmp_path / "after.sqlite"
        path.write_bytes(after)
        with closing(sqlite3.connect(path)) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_rpm_of_an_older_form_keeps_its_record_and_says_so() -> None:
    data = rpmwriting.ndb([rpmwriting.header("a", files=["/usr/bin/a"])])
    image = image_of([file("usr/bin/a", b"a"), file("var/lib/rpm/Packages.db", data)])
    with lightened(image, Wishes(packages=("a",))) as done:
        assert any("still lists 1 packages" in note for note in done.notes)


def test_a_wheel_lists_what_is_left() -> None:
    site = "usr/lib/python3/site-packages"
    names = (
        "x/__init__.py",
        "x/__pycache__/__init__.cpython-311.pyc",
        "x-1.dist-info/METADATA",
        "x-1.dist-info/RECORD",
    )
    record = "".join(f"{name},,\n" for name in names).encode()
    image = image_of(
        [
            file(f"{site}/x/__init__.py", b"1"),
            file(f"{site}/x/__pycache__/__init__.cpython-311.pyc", b"22"),
            file(f"{site}/x-1.dist-info/METADATA", b"Metadata-Version: 2.1\nName: x\nVersion: 1\n"),
            file(f"{site}/x-1.dist-info/RECORD", record),
        ]
    )
    with lightened(image, Wishes(kinds=("bytecode",))) as done:
        assert done.after is not None
        after = contents(done.after)
        assert b"__pycache__" not in after[f"{site}/x-1.dist-info/RECORD"]
        assert installed(done.after) == ["x 1"]


@pytest.mark.parametrize(
    ("glob", "gone"),
    [
        ("/usr/bin/*", {"usr/bin/a", "usr/bin/b"}),
        ("usr/bin", {"usr/bin/a", "usr/bin/b"}),
        ("**/[ab]", {"usr/bin/a", "usr/bin/b", "usr/share/doc/a/manual", "usr/share/doc/a/copyright"}),
        ("usr/**/man?al", {"usr/share/doc/a/manual"}),
    ],
)
def test_globs(glob: str, gone: set[str]) -> None:
    plain = [member for member in DEBIAN if not member[0].path.startswith(b"var")]
    with lightened(image_of(plain), Wishes(globs=(glob,))) as done:
        assert done.after is not None
        assert set(contents(image_of(plain))) - set(contents(done.after)) == gone


def test_wishes_that_cannot_be_met_are_refused() -> None:
    with pytest.raises(NotFound, match="no path matches"), lightened(image_of(DEBIAN), Wishes(globs=("nowhere/*",))):
        pass
    with pytest.raises(NotFound, match="no package 'c'"), lightened(image_of(DEBIAN), Wishes(packages=("c",))):
        pass
    with pytest.raises(UsageError, match="no kind of waste"):
        chosen_kinds(["everything"])
    with pytest.raises(UsageError, match="--strip"):
        chosen_kinds(["debug-symbols"])


def test_all_safe_means_what_no_program_can_miss() -> None:
    chosen = chosen_kinds(["all-safe"])
    assert {"docs", "package-lists", "bytecode"} <= chosen
    assert not chosen & {"build-tools", "headers", "locales", "recommended-packages", "duplicates"}


def test_what_a_new_build_would_show_is_not_dropped() -> None:
    """node_modules from the context over those that npm installed: dropping the one would leave neither."""
    assert "dockerignore-misses" not in chosen_kinds(["all-safe"])
    with pytest.raises(UsageError, match="building again"):
        chosen_kinds(["dockerignore-misses"])
