"""dpkg: statuses, sources, reasons, moved files, distroless; and this machine's own database against dpkg-query."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from jettison.packages import dev_tools, dpkg
from packages.layering import Link, installed, take


def stanza(name: str, version: str = "1.0", **fields: str) -> str:
    """A paragraph of a status file; `Pre_Depends` writes `Pre-Depends`."""
    fields = {"Status": "install ok installed", "Architecture": "amd64", "Version": version} | fields
    return f"Package: {name}\n" + "".join(f"{key.replace('_', '-')}: {value}\n" for key, value in fields.items())


def status(*stanzas: str) -> bytes:
    return "\n".join(stanzas).encode()


def listing(*paths: str) -> bytes:
    return "".join(f"{path}\n" for path in ("/.", *paths)).encode()


def test_a_package_owns_what_its_list_names_and_the_tree_shows() -> None:
    layer = {
        "var/lib/dpkg/status": status(stanza("a", Section="libs", Priority="required", Essential="yes")),
        "var/lib/dpkg/info/a.list": listing("/usr", "/usr/bin", "/usr/bin/a", "/usr/bin/gone"),
        "usr/bin/a": b"12345",
        "usr/bin/other": b"1",
    }
    tree, found = take(layer)
    (package,) = found.packages
    assert (package.kind, package.name, package.version, package.arch) == ("deb", "a", "1.0", "amd64")
    assert (package.files, package.size) == ((b"usr/bin/a",), 5)
    assert (package.section, package.priority, package.essential) == ("libs", "required", True)
    assert package.evidence == b"var/lib/dpkg/status"
    assert found.owner(b"usr/bin/a") is package
    assert found.owner(b"usr/bin/other") is None
    assert found.owner(b"usr/bin") is None
    assert not found.notes
    assert tree.get(b"usr/bin/gone") is None


def test_what_is_not_on_the_disk_is_not_installed() -> None:
    states = ["install ok installed", "deinstall ok config-files", "install ok unpacked", "install ok not-installed"]
    states += ["hold ok installed", "install reinstreq half-configured", "purge ok config-files"]
    found = installed({"var/lib/dpkg/status": status(*(stanza(f"p{n}", Status=s) for n, s in enumerate(states)))})
    assert sorted(found) == ["p0", "p2", "p4", "p5"]


@pytest.mark.parametrize(
    ("fields", "source"),
    [
        ({}, ("a", "1.0")),
        ({"Version": "1.0-2+b1"}, ("a", "1.0-2")),
        ({"Version": "1.0-2+b12"}, ("a", "1.0-2")),
        ({"Version": "1.0-2+build"}, ("a", "1.0-2+build")),
        ({"Source": "util-linux"}, ("util-linux", "1.0")),
        ({"Source": "util-linux", "Version": "1.0-2+b1"}, ("util-linux", "1.0-2")),
        ({"Source": "util-linux (2.38.1-5)", "Version": "1.0-2+b1"}, ("util-linux", "2.38.1-5")),
    ],
)
def test_source(fields: dict[str, str], source: tuple[str, str]) -> None:
    package = installed({"var/lib/dpkg/status": status(stanza("a", **fields))})["a"]
    assert (package.source, package.source_version) == source


def test_relations_keep_alternatives_and_drop_versions() -> None:
    text = "libc6 (>= 2.36), python3:any (<< 3.12) | python3.11,\n debconf (>= 0.5) | debconf-2.0 , awk, "
    assert dpkg.relations(text) == (("libc6",), ("python3", "python3.11"), ("debconf", "debconf-2.0"), ("awk",))
    assert dpkg.relations("") == ()


def test_reasons() -> None:
    base = status(stanza("base", Depends="base-lib"), stanza("base-lib"))
    later = status(
        stanza("base", Depends="base-lib"),
        stanza("base-lib"),
        stanza("asked", Depends="lib | other, virtual", Pre_Depends="early", Recommends="nice"),
        *(stanza(name) for name in ("lib", "other", "early", "left-behind")),
        stanza("provider", Provides="virtual (= 2)"),
        stanza("nice", Depends="nice-lib", Suggests="left-behind"),
        stanza("nice-lib"),
    )
    automatic = ("lib", "other", "early", "provider", "nice", "nice-lib", "left-behind", "base-lib")
    states = "\n".join(f"Package: {name}\nArchitecture: amd64\nAuto-Installed: 1\n" for name in automatic)
    found = installed(
        {"var/lib/dpkg/status": base},
        {"var/lib/dpkg/status": later, "var/lib/apt/extended_states": states.encode()},
    )
    assert {name: package.installed_by for name, package in found.items()} == {
        "base": "base",
        "base-lib": "base",
        "asked": "manual",
        "lib": "dependency",
        "other": "dependency",
        "early": "dependency",
        "provider": "dependency",
        "nice": "recommends",
        "nice-lib": "recommends",
        "left-behind": "orphan",
    }


def test_the_base_may_have_several_layers() -> None:
    layers = [{"etc/first": b""}, {"var/lib/dpkg/status": status(stanza("a"))}]
    assert installed(*layers)["a"].installed_by == "manual"
    assert installed(*layers, base_layers=2)["a"].installed_by == "base"


def test_layers_first_seen_and_last_touched() -> None:
    def layer(*stanzas: str, **files: bytes) -> dict[str, bytes]:
        lists = {f"var/lib/dpkg/info/{name}.list": listing(f"/{name}") for name in files}
        return {"var/lib/dpkg/status": status(*stanzas), **lists, **files}

    old, new, other = stanza("a", "1"), stanza("a", "2"), stanza("b", "1")
    found = installed(
        layer(old, other, a=b"1", b=b"1"), layer(new, other, a=b"2"), {"x": b""}, layer(new, other), {"b": b"3"}
    )
    assert (found["a"].first_layer, found["a"].last_layer) == (1, 1)
    assert (found["b"].first_layer, found["b"].last_layer) == (0, 4)


def test_lists_and_files_may_disagree_on_a_merged_usr() -> None:
    layer = {
        "lib": Link("usr/lib"),
        "bin": Link("/usr/bin"),
        "var/lib/dpkg/status": status(stanza("a")),
        "var/lib/dpkg/info/a.list": listing("/lib/x/a.so", "/bin/a", "/usr/sbin/b"),
        "usr/lib/x/a.so": b"123",
        "usr/bin/a": b"1",
        "sbin/b": b"1",
    }
    _, found = take(layer)
    (package,) = found.packages
    assert package.files == (b"usr/lib/x/a.so", b"usr/bin/a", b"sbin/b")
    for path in (b"lib/x/a.so", b"usr/lib/x/a.so", b"bin/a", b"usr/bin/a", b"sbin/b", b"usr/sbin/b"):
        assert found.owner(path) is package


def test_hard_links_weigh_once() -> None:
    layer = {
        "var/lib/dpkg/status": status(stanza("a")),
        "var/lib/dpkg/info/a.list": listing("/usr/bin/perl", "/usr/bin/perl5.36"),
        "usr/bin/perl": b"12345",
        "usr/bin/perl5.36": Link("usr/bin/perl", hard=True),
    }
    package = installed(layer)["a"]
    assert (len(package.files), package.size) == (2, 5)


def test_lists_of_foreign_architectures() -> None:
    layer = {
        "var/lib/dpkg/status": status(stanza("a"), stanza("a", Architecture="i386")),
        "var/lib/dpkg/info/a:amd64.list": listing("/x"),
        "var/lib/dpkg/info/a:i386.list": listing("/y"),
        "x": b"1",
        "y": b"12",
    }
    _, found = take(layer)
    assert [(p.arch, p.files) for p in found.packages] == [("amd64", (b"x",)), ("i386", (b"y",))]


def test_diverted_files_lie_elsewhere() -> None:
    layer = {
        "var/lib/dpkg/status": status(stanza("bash"), stanza("dash")),
        "var/lib/dpkg/diversions": b"/bin/sh\n/bin/sh.distrib\ndash\n",
        "var/lib/dpkg/info/bash.list": listing("/bin/sh"),
        "var/lib/dpkg/info/dash.list": listing("/bin/sh"),
        "bin/sh": b"dash",
        "bin/sh.distrib": b"bash!",
    }
    found = installed(layer)
    assert found["bash"].files == (b"bin/sh.distrib",)
    assert found["dash"].files == (b"bin/sh",)


def test_distroless() -> None:
    text = "Package: libssl3\nSource: openssl\nVersion: 3.0.19-1\nArchitecture: amd64\nConffiles:\n /etc/ssl/c 0a1b\n"
    base = {
        "var/lib/dpkg/status.d/libssl3": text.encode(),
        "var/lib/dpkg/status.d/libssl3.md5sums": b"0a  usr/lib/libssl.so.3\n0b  usr/share/doc/libssl3/copyright\n",
        "usr/lib/libssl.so.3": b"12345",
        "etc/ssl/c": b"1",
    }
    _, found = take(base)
    (package,) = found.packages
    assert (package.name, package.source, package.version) == ("libssl3", "openssl", "3.0.19-1")
    assert (package.files, package.size) == ((b"usr/lib/libssl.so.3", b"etc/ssl/c"), 6)
    assert (package.evidence, package.installed_by) == (b"var/lib/dpkg/status.d/libssl3", "base")
    assert take({"x": b""}, base)[1].packages[0].installed_by == "unknown"


def test_a_database_behind_a_link() -> None:
    layer = {
        "var/lib/dpkg": Link("../../usr/lib/sysimage/lib/dpkg"),
        "usr/lib/sysimage/lib/dpkg/status": status(stanza("a")),
        "usr/lib/sysimage/lib/dpkg/info/a.list": listing("/x"),
        "x": b"1",
    }
    package = installed(layer)["a"]
    assert (package.files, package.first_layer, package.installed_by) == ((b"x",), 0, "base")


def test_a_database_whose_own_path_is_gone() -> None:
    """A hard link keeps showing what it was made of."""
    base = {"old/lib/dpkg/status": status(stanza("a")), "var/lib/dpkg/status": Link("old/lib/dpkg/status", hard=True)}
    found = installed(base, {".wh.old": b""})
    assert {name: package.installed_by for name, package in found.items()} == {"a": "base"}


def test_a_deleted_database_is_named() -> None:
    base = {"var/lib/dpkg/status": status(stanza("a"), stanza("b")), "usr/bin/a": b""}
    _, found = take(base, {"var/lib/dpkg/.wh.status": b""})
    assert not found.packages
    assert found.notes == ("dpkg: var/lib/dpkg/status was deleted; in layer 0 it still lists 2 packages",)


def test_missing_lists_are_named() -> None:
    _, found = take({"var/lib/dpkg/status": status(stanza("a"), stanza("b"))})
    assert found.notes == ("dpkg: 2 packages have no list of files, such as a",)


@pytest.mark.parametrize(
    ("name", "section", "expected"),
    [
        ("libc6-dev", "libdevel", True),
        ("make", "universe/devel", True),
        ("python3-dev", "python", True),
        ("g++-12", "devel", True),
        ("cpp-12", "interpreters", True),
        ("libc6", "libs", False),
        ("gcc-12-base", "libs", False),
        ("manpages-dev", "doc", False),
        ("libudev1", "libs", False),
    ],
)
def test_tools_for_building(name: str, section: str, expected: bool) -> None:
    _, found = take({"var/lib/dpkg/status": status(stanza(name, Section=section))})
    assert bool(dev_tools(found)) is expected


@pytest.mark.parametrize("data", [b"", b"\n\n\n", b"\xff\xfe\0", b"Package\n", b"Package: a\nStatus: \n", b":\n : \n"])
def test_nonsense_is_no_package(data: bytes) -> None:
    assert installed({"var/lib/dpkg/status": data, "var/lib/dpkg/status.d/x": data}) == {}


@pytest.mark.skipif(not shutil.which("dpkg-query"), reason="this machine has no dpkg")
def test_this_machine() -> None:
    """Its own database, against dpkg-query: packages, sources, and who owns a few hundred files."""
    database = Path("/var/lib/dpkg")
    layer = {
        f"var/lib/dpkg/{file.relative_to(database)}": file.read_bytes()
        for file in [database / "status", database / "diversions", *(database / "info").glob("*.list")]
        if file.exists()
    }
    asked = [
        "${Package}",
        "${Architecture}",
        "${Version}",
        "${source:Package}",
        "${source:Version}",
        "${db:Status-Status}",
    ]
    answer = subprocess.run(["dpkg-query", "-W", "-f", "\t".join(asked) + "\n"], capture_output=True, check=True)
    expected = {
        tuple(line.split("\t")[:5])
        for line in answer.stdout.decode().splitlines()
        if line.split("\t")[5] not in ("config-files", "not-installed", "half-installed")
    }
    _, found = take(layer)
    ours = {(p.name, p.arch, p.version, p.source, p.source_version) for p in found.packages}
    assert {row[:3] for row in ours} == {row[:3] for row in expected}
    assert {row[:4] for row in ours} == {row[:4] for row in expected}
    wrong = {row for row in ours - expected if not row[2].startswith(row[4])}  # dpkg-query leaves `+bN` where it is
    assert not wrong
