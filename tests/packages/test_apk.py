"""apk: fields, files, both places, reasons."""

from __future__ import annotations

import pytest

from packages.layering import Link, installed, take

# Fields and their order as apk-tools 2.14 writes them; names and versions of Alpine 3.22.
MUSL = b"""C:Q1p3EYjrUpDTCdQZDqkxRdHvcOGBI=
P:musl
V:1.2.5-r10
A:x86_64
S:412345
I:661504
T:the musl c library (libc) implementation
U:https://musl.libc.org/
L:MIT
o:musl
m:Natanael Copa <ncopa@alpinelinux.org>
t:1739000000
c:abc
p:so:libc.musl-x86_64.so.1=1
F:lib
R:ld-musl-x86_64.so.1
a:0:0:755
Z:Q1vDNRdLCkMQS4YVCrUnZYQ7ZNtPg=
R:libc.musl-x86_64.so.1
a:0:0:777
Z:Q17yJ3JFNypA4mxhJJr0ou6CzsJVI=
F:
R:.hidden

"""
CURL = b"""P:curl
V:8.14.1-r1
A:x86_64
o:curl
D:ca-certificates-bundle so:libc.musl-x86_64.so.1 !broken libcurl=8.14.1-r1
F:usr
F:usr/bin
R:curl

"""
LIBCURL = b"P:libcurl\nV:8.14.1-r1\nA:x86_64\no:curl\nF:usr/lib\nR:libcurl.so.4\n\n"
LOST = b"P:lost\nV:1-r0\nA:x86_64\no:lost\n\n"


def test_packages_and_files() -> None:
    layer = {
        "lib/apk/db/installed": MUSL + CURL,
        "lib/ld-musl-x86_64.so.1": b"123",
        "lib/libc.musl-x86_64.so.1": Link("ld-musl-x86_64.so.1"),
        ".hidden": b"1",
        "usr/bin/curl": b"12",
    }
    _, found = take(layer)
    curl, musl = found.packages
    assert (musl.kind, musl.name, musl.version, musl.arch) == ("apk", "musl", "1.2.5-r10", "x86_64")
    assert musl.files == (b"lib/ld-musl-x86_64.so.1", b"lib/libc.musl-x86_64.so.1", b".hidden")
    assert musl.size == 4
    assert musl.provides == ("so:libc.musl-x86_64.so.1",)
    assert curl.depends == (("ca-certificates-bundle",), ("so:libc.musl-x86_64.so.1",), ("libcurl",))
    assert found.owner(b"usr/bin/curl") is curl


@pytest.mark.parametrize("place", ["lib/apk/db/installed", "usr/lib/apk/db/installed"])
def test_both_places(place: str) -> None:
    assert set(installed({place: MUSL})) == {"musl"}


def test_one_database_at_two_paths_is_read_once() -> None:
    _, found = take({"lib": Link("usr/lib"), "usr/lib/apk/db/installed": MUSL, "usr/lib/ld-musl-x86_64.so.1": b"1"})
    (musl,) = found.packages
    assert musl.files == (b"usr/lib/ld-musl-x86_64.so.1",)


def test_sources_and_reasons() -> None:
    found = installed(
        {"lib/apk/db/installed": MUSL},
        {"lib/apk/db/installed": MUSL + CURL + LIBCURL + LOST, "etc/apk/world": b"alpine-baselayout\ncurl>8\n"},
    )
    assert found["libcurl"].source == "curl"
    assert {name: p.installed_by for name, p in found.items()} == {
        "musl": "base",
        "curl": "manual",
        "libcurl": "dependency",
        "lost": "orphan",
    }
    assert [found[name].first_layer for name in ("musl", "curl")] == [0, 1]


def test_a_deleted_database_is_named() -> None:
    _, found = take({"lib/apk/db/installed": MUSL + CURL}, {"lib/apk/.wh.db": b""})
    assert found.notes == ("apk: lib/apk/db/installed was deleted; in layer 0 it still lists 2 packages",)


@pytest.mark.parametrize("data", [b"", b"\n\n", b"P\nV:1", b"F:x\nR:y\n\n\xff\xfe", b"R:\nF:\nP"])
def test_nonsense_is_no_package(data: bytes) -> None:
    assert installed({"lib/apk/db/installed": data}) == {}
