"""Python: dist-info and egg-info, who asked for them, and a real virtual environment."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from packages.layering import installed, take

if TYPE_CHECKING:
    from pathlib import Path

SITE = "usr/lib/python3/dist-packages"
METADATA = b"""Metadata-Version: 2.1
Name: Requests.Toolbelt
Version: 1.0.0
Requires-Dist: requests (>=2.0)
Requires-Dist: charset_normalizer<4,>=2 ; python_version > "3"
Requires-Dist: PySocks ; extra == 'socks'

Name: not this one
"""


def distribution(name: str, version: str, **files: bytes) -> dict[str, bytes]:
    home = f"{SITE}/{name}-{version}.dist-info"
    return {f"{home}/METADATA": f"Name: {name}\nVersion: {version}\n".encode()} | {
        f"{home}/{file}": data for file, data in files.items()
    }


def test_files_are_what_the_record_names() -> None:
    record = b"""requests_toolbelt/__init__.py,sha256=abc,3
requests_toolbelt-1.0.0.dist-info/METADATA,sha256=abc,9
requests_toolbelt-1.0.0.dist-info/RECORD,,
"requests_toolbelt/with,comma.py",sha256=abc,1
../../../bin/tool,sha256=abc,5
/etc/tool.conf,sha256=abc,5
requests_toolbelt/gone.py,,
../../../../../../../escape,,
"""
    layer = {
        f"{SITE}/requests_toolbelt-1.0.0.dist-info/METADATA": METADATA,
        f"{SITE}/requests_toolbelt-1.0.0.dist-info/RECORD": record,
        f"{SITE}/requests_toolbelt/__init__.py": b"123",
        f"{SITE}/requests_toolbelt/with,comma.py": b"1",
        "usr/bin/tool": b"12345",
        "etc/tool.conf": b"1",
    }
    _, found = take(layer, base_layers=0)
    (package,) = found.packages
    assert (package.kind, package.name, package.version) == ("pypi", "Requests.Toolbelt", "1.0.0")
    assert (package.source, package.provides) == ("requests-toolbelt", ("requests-toolbelt",))
    assert package.depends == (("requests",), ("charset-normalizer",))
    assert set(package.files) == {path.encode() for path in layer}
    assert found.owner(b"usr/bin/tool") is package
    assert package.installed_by == "unknown"


def test_who_asked() -> None:
    found = installed({}, distribution("asked", "1", REQUESTED=b"", INSTALLER=b"pip") | distribution("needed", "2"))
    assert (found["asked"].installed_by, found["needed"].installed_by) == ("manual", "dependency")
    assert installed(distribution("asked", "1", REQUESTED=b""))["asked"].installed_by == "base"


def test_what_dpkg_brought_is_marked() -> None:
    status = b"Package: python3-pip\nStatus: install ok installed\nVersion: 23.0.1+dfsg-1\nArchitecture: all\n"
    files = distribution("pip", "23.0.1")
    listing = "".join(f"/{path}\n" for path in files).encode()
    system = {"var/lib/dpkg/status": status, "var/lib/dpkg/info/python3-pip.list": listing}
    _, found = take({}, files | system | distribution("other", "1"))
    deb, other, pip = found.packages
    assert (pip.owned_by, pip.installed_by) == ("python3-pip", deb.installed_by)
    assert (other.owned_by, other.installed_by) == ("", "unknown")
    assert found.owner(pip.evidence) is deb


@pytest.mark.parametrize("form", ["directory", "file"])
def test_egg_info(form: str) -> None:
    home = f"{SITE}/six-1.16.0.egg-info"
    text = b"Metadata-Version: 1.2\nName: six\nVersion: 1.16.0\n"
    layer = {f"{SITE}/six.py": b"123"}
    if form == "file":
        layer[home] = text
    else:
        layer |= {f"{home}/PKG-INFO": text, f"{home}/top_level.txt": b"six\n"}
    package = installed(layer)["six"]
    assert package.version == "1.16.0"
    assert (f"{SITE}/six.py".encode() in package.files) is (form == "directory")


def test_installed_files_of_an_egg_info() -> None:
    home = f"{SITE}/six.egg-info"
    layer = {
        f"{home}/PKG-INFO": b"Name: six\nVersion: 1\n",
        f"{home}/installed-files.txt": b"../six.py\nPKG-INFO\n",
        f"{SITE}/six.py": b"",
    }
    assert installed(layer)["six"].files == (f"{SITE}/six.py".encode(), f"{home}/PKG-INFO".encode())


@pytest.mark.parametrize("data", [b"", b"\0\xff", b"Name:\nVersion: 1\n", b"Version: 1\n\nName: x\n"])
def test_nonsense_is_no_package(data: bytes) -> None:
    record = b'"a\n"",\n,,,\n../..\n/\n'
    home = f"{SITE}/x.dist-info"
    assert installed({f"{home}/METADATA": data, f"{home}/RECORD": record, f"{SITE}/x.egg-info": data}) == {}
    broken = {f"{home}/METADATA": METADATA, f"{home}/RECORD": record}
    assert installed(broken)["Requests.Toolbelt"].files == ()


def test_a_real_environment(tmp_path: Path) -> None:
    """A virtual environment with pip in it: names, versions and files as `importlib.metadata` reads them there."""
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "venv"], check=True)
    script = """
import importlib.metadata, json
print(json.dumps([[d.metadata["Name"], d.version, sum(f.locate().exists() for f in d.files)]
                  for d in importlib.metadata.distributions()]))"""
    answer = subprocess.run([tmp_path / "venv/bin/python", "-I", "-c", script], capture_output=True, check=True)
    expected = sorted(map(tuple, json.loads(answer.stdout)))
    assert expected
    assert [(p.name, p.version, len(p.files)) for p in take(tmp_path)[1].packages] == expected
