"""rpm: one set of packages out of all three forms of the database, and none of them believed when broken."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from jettison.packages import rpmdb
from packages import rpmwriting
from packages.layering import Link, installed, take

HEADERS = [
    rpmwriting.header("gpg-pubkey", "8d8b756f", "623bea41"),
    rpmwriting.header(
        "bash",
        "5.1.8",
        "9.el9",
        group="System/Shells",
        files=["/usr/bin/bash", "/usr/bin/gone"],
        requires=["libc.so.6"],
    ),
    rpmwriting.header(
        "openssl-libs",
        "3.2.2",
        "6.el9_5.1",
        epoch=1,
        source="openssl-3.2.2-6.el9_5.1.src.rpm",
        files=[f"/usr/share/openssl/{n:05}" for n in range(1000)] + ["/lib64/libssl.so.3"],
    ),
    rpmwriting.header("tzdata", "2025b", "1.el9", arch="noarch"),
]

Writer = Callable[[list[bytes], Path], bytes]
FORMS: dict[str, tuple[str, Writer]] = {
    "sqlite": ("var/lib/rpm/rpmdb.sqlite", rpmwriting.sqlite),
    "sqlite-sysimage": ("usr/lib/sysimage/rpm/rpmdb.sqlite", partial(rpmwriting.sqlite, journal="delete")),
    "ndb": ("usr/lib/sysimage/rpm/Packages.db", lambda headers, _: rpmwriting.ndb(headers)),
    "bdb": ("var/lib/rpm/Packages", lambda headers, _: rpmwriting.bdb(headers)),
    "bdb-big-endian": ("var/lib/rpm/Packages", lambda headers, _: rpmwriting.bdb(headers, order=">", page_size=512)),
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form(form: str, tmp_path: Path) -> None:
    path, write = FORMS[form]
    layer = {
        path: write(HEADERS, tmp_path),
        "lib64": Link("usr/lib64"),
        "usr/lib64/libssl.so.3": b"1234567",
        "usr/bin/bash": b"1",
        "usr/share/openssl/00000": b"12",
    }
    _, found = take(layer)
    assert not found.notes
    assert [(p.kind, p.name, p.version, p.arch) for p in found.packages] == [
        ("rpm", "bash", "5.1.8-9.el9", "x86_64"),
        ("rpm", "openssl-libs", "1:3.2.2-6.el9_5.1", "x86_64"),
        ("rpm", "tzdata", "2025b-1.el9", "noarch"),
    ]
    bash, openssl, _ = found.packages
    assert (bash.files, bash.section, bash.depends) == ((b"usr/bin/bash",), "System/Shells", (("libc.so.6",),))
    assert (openssl.files, openssl.size) == ((b"usr/share/openssl/00000", b"usr/lib64/libssl.so.3"), 9)
    assert (openssl.source, openssl.source_version) == ("openssl", "3.2.2-6.el9_5.1")
    assert found.owner(b"lib64/libssl.so.3") is openssl
    assert {p.evidence for p in found.packages} == {path.encode()}


def test_layers(tmp_path: Path) -> None:
    path, write = FORMS["sqlite"]
    found = installed({path: write(HEADERS[:3], tmp_path)}, {path: write(HEADERS, tmp_path), "usr/bin/bash": b""})
    assert (found["bash"].first_layer, found["bash"].last_layer, found["bash"].installed_by) == (0, 1, "base")
    assert (found["tzdata"].first_layer, found["tzdata"].installed_by) == (1, "unknown")


def test_linked_database_is_read_once(tmp_path: Path) -> None:
    data = rpmwriting.sqlite(HEADERS, tmp_path)
    layer = {"usr/lib/sysimage/rpm/rpmdb.sqlite": data, "var/lib/rpm": Link("../../usr/lib/sysimage/rpm")}
    assert len(take(layer)[1].packages) == 3


def test_deleted_and_broken_databases_are_named(tmp_path: Path) -> None:
    path, write = FORMS["sqlite"]
    data = write(HEADERS, tmp_path)
    _, found = take({path: data}, {"var/lib/.wh.rpm": b""})
    assert found.notes == (f"rpm: {path} was deleted; in layer 0 it still lists 3 packages",)
    _, found = take({path: data[:5000]})
    assert not found.packages
    assert "was not assessed: broken SQLite database" in found.notes[0]
    _, found = take({"var/lib/rpm/Packages": b"something else, of a hundred bytes" * 3})
    assert found.notes == ("rpm: var/lib/rpm/Packages was not assessed: no rpm database",)


def test_write_ahead_log_is_named(tmp_path: Path) -> None:
    path, write = FORMS["sqlite"]
    _, found = take({path: write(HEADERS, tmp_path), path + "-wal": b"1"})
    assert len(found.packages) == 3
    assert "write-ahead log" in found.notes[0]


def test_manifest() -> None:
    fields = ["bash", "5.1.8-4.cm2", "1700000000", "1690000000", "Microsoft Corporation", "(none)", "999", "x86_64"]
    line = "\t".join([*fields, "0", "bash-5.1.8-4.cm2.src.rpm"])
    _, found = take({"var/lib/rpmmanifest/container-manifest-2": f"{line}\nnonsense\n".encode()})
    (bash,) = found.packages
    assert (bash.name, bash.version, bash.arch, bash.source) == ("bash", "5.1.8-4.cm2", "x86_64", "bash")
    assert "does not say what files they own" in found.notes[0]


@pytest.mark.parametrize("form", FORMS)
def test_broken_bytes_raise_nothing_else(form: str, tmp_path: Path) -> None:
    """Whatever the bytes, the answer is packages or a ValueError, and soon."""
    data = FORMS[form][1](HEADERS, tmp_path)
    chance = random.Random(form)
    started = time.process_time()
    for _ in range(300):
        broken = bytearray(data)
        for _ in range(chance.choice((1, 5, 50))):
            at = chance.randrange(chance.choice((64, 4096, len(broken))))
            broken[at] = chance.choice((0, 1, 127, 255, chance.randrange(256)))
        if chance.random() < 0.2:
            del broken[chance.randrange(len(broken)) :]
        try:
            rpmdb.read(memoryview(broken))
        except ValueError:
            continue
    assert time.process_time() - started < 60


def test_a_view_instead_of_the_table_is_refused(tmp_path: Path) -> None:
    import sqlite3

    path = tmp_path / "hostile"
    connection = sqlite3.connect(path)
    connection.execute(
        "CREATE VIEW Packages AS WITH RECURSIVE n(hnum, blob) AS "
        "(SELECT 1, x'00' UNION ALL SELECT hnum + 1, zeroblob(1000000) FROM n) SELECT * FROM n"
    )
    connection.commit()
    connection.close()
    with pytest.raises(ValueError, match="without the table"):
        rpmdb.read(memoryview(path.read_bytes()))


@pytest.mark.parametrize("version", [4, 5])
def test_reasons(version: int, tmp_path: Path) -> None:
    """What dnf notes, in its database or, since version 5, in a file."""
    names = ["user", "group", "needed", "weak", "clean", "unsaid"]
    headers = [rpmwriting.header(name) for name in ["base", *names]]
    layers: list[dict[str, bytes]] = [
        {"var/lib/rpm/rpmdb.sqlite": rpmwriting.sqlite(headers[:1], tmp_path)},
        {"var/lib/rpm/rpmdb.sqlite": rpmwriting.sqlite(headers, tmp_path)},
    ]
    numbers = {"base": 2, "user": 2, "group": 5, "needed": 1, "weak": 4, "clean": 3}
    if version == 4:
        layers[1]["var/lib/dnf/history.sqlite"] = rpmwriting.history({**numbers, "other": 4}, tmp_path)
    else:
        words = {1: "Dependency", 2: "External User", 3: "Clean", 4: "Weak Dependency", 5: "Group"}
        lines = [f'"{name}.x86_64" = {{reason = "{words[number]}"}}' for name, number in numbers.items()]
        text = 'version = "1.0"\n[packages]\n' + "\n".join(lines)
        layers[1]["usr/lib/sysimage/libdnf5/packages.toml"] = text.encode()
    assert {name: package.installed_by for name, package in installed(*layers).items()} == {
        "base": "base",
        "user": "manual",
        "group": "manual",
        "needed": "dependency",
        "weak": "recommends",
        "clean": "orphan",
        "unsaid": "unknown",
    }


@pytest.mark.parametrize("data", [b"", b"SQLite format 3\0", b"[packages]", b"packages = 1", b"[[", b"\xff"])
def test_broken_reasons_say_nothing(data: bytes, tmp_path: Path) -> None:
    path, write = FORMS["sqlite"]
    places = {"var/lib/dnf/history.sqlite": data, "usr/lib/sysimage/libdnf5/packages.toml": data}
    found = installed({}, {path: write(HEADERS, tmp_path), **places})
    assert found["bash"].installed_by == "unknown"
