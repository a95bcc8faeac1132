"""Kinds that rest on what package managers say: recommended, orphaned, development."""

from __future__ import annotations

import json

from waste.layering import Layer, analysis, booked, kinds


def dpkg(*packages: tuple[str, str]) -> Layer:
    """A dpkg database of (name, more fields), each with one file usr/lib/NAME/file and its documentation."""
    layer: dict[str, bytes] = {}
    status = []
    for name, fields in packages:
        text = f"Package: {name}\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1\n{fields}"
        status.append(text.rstrip("\n"))
        paths = [f"/usr/lib/{name}/file", f"/usr/share/doc/{name}/copyright", f"/usr/lib/{name}/code.py"]
        layer[f"var/lib/dpkg/info/{name}.list"] = ("/.\n" + "\n".join(paths) + "\n").encode()
        layer |= {path[1:]: path.encode() for path in paths}
        layer[f"usr/lib/{name}/__pycache__/code.cpython-312.pyc"] = b"compiled " + name.encode()
    layer["var/lib/dpkg/status"] = ("\n\n".join(status) + "\n").encode()
    return layer


def automatic(*names: str) -> dict[str, bytes]:
    text = "\n\n".join(f"Package: {name}\nArchitecture: amd64\nAuto-Installed: 1" for name in names)
    return {"var/lib/apt/extended_states": (text + "\n").encode()}


BASE = dpkg(("libc6", "Essential: yes\n"))


def test_recommended_packages_with_their_bytecode_and_records() -> None:
    installed = dpkg(
        ("libc6", "Essential: yes\n"),
        ("app", "Depends: liba\nRecommends: extra\n"),
        ("liba", ""),
        ("extra", "Depends: libextra\n"),
        ("libextra", ""),
    )
    found = booked(analysis(BASE, {**installed, **automatic("liba", "extra", "libextra")}))
    mine = {path for path, (kind, _) in found.items() if kind == "recommended-packages"}
    assert mine == {
        path
        for name in ("extra", "libextra")
        for path in (
            f"usr/lib/{name}/file",
            f"usr/lib/{name}/code.py",
            f"usr/lib/{name}/__pycache__/code.cpython-312.pyc",
            f"usr/share/doc/{name}/copyright",
            f"var/lib/dpkg/info/{name}.list",
        )
    }
    assert found["usr/lib/app/__pycache__/code.cpython-312.pyc"][0] == "bytecode"


def test_orphaned_packages() -> None:
    installed = dpkg(("libc6", "Essential: yes\n"), ("app", "Depends: liba\n"), ("liba", ""), ("left", ""))
    found = kinds(BASE, {**installed, **automatic("liba", "left")})
    assert {path for path, kind in found.items() if kind == "orphaned-packages"} == {
        "usr/lib/left/file",
        "usr/lib/left/code.py",
        "usr/share/doc/left/copyright",
        "usr/lib/left/__pycache__/code.cpython-312.pyc",
        "var/lib/dpkg/info/left.list",
    }


def test_build_tools_by_name_and_by_section() -> None:
    installed = dpkg(
        ("libc6", "Essential: yes\n"),
        ("gcc-12", ""),
        ("cpp-12-x86-64-linux-gnu", ""),
        ("libssl-dev", "Section: libdevel\n"),
        ("frobnicator", "Section: devel\n"),
        ("golang-1.24-go", ""),
    )
    near = dpkg(("gcc-12-base", ""), ("libgcc-s1", ""), ("makedev", ""), ("git", "Section: vcs\n"), ("libllvm15", ""))
    status = installed["var/lib/dpkg/status"] + b"\n" + near["var/lib/dpkg/status"]  # type: ignore[call-overload]
    found = kinds({**installed, **near, "var/lib/dpkg/status": status})  # type: ignore[dict-item]
    assert {path.split("/")[2] for path, kind in found.items() if kind == "build-tools"} == {
        "doc",
        "gcc-12",
        "cpp-12-x86-64-linux-gnu",
        "libssl-dev",
        "frobnicator",
        "golang-1.24-go",
    }
    assert "usr/share/doc/gcc-12-base/copyright" not in found


def test_development_dependencies_by_the_hidden_lock_file() -> None:
    lock = {
        "name": "app",
        "lockfileVersion": 3,
        "packages": {
            "node_modules/tool": {"version": "1.0.0", "dev": True},
            "node_modules/lib": {"version": "1.0.0"},
        },
    }
    layer = {
        "app/package.json": json.dumps({"name": "app", "dependencies": {"lib": "1"}}).encode(),
        "app/node_modules/.package-lock.json": json.dumps(lock).encode(),
        "app/node_modules/tool/package.json": b'{"name": "tool", "version": "1.0.0"}',
        "app/node_modules/tool/index.js": b"1",
        "app/node_modules/lib/package.json": b'{"name": "lib", "version": "1.0.0"}',
        "app/node_modules/lib/index.js": b"2",
    }
    assert {path for path, kind in kinds(layer).items() if kind == "dev-dependencies"} == {
        "app/node_modules/tool/package.json",
        "app/node_modules/tool/index.js",
    }


def test_no_packages_no_complaint() -> None:
    assert kinds({"bin/app": b"1"}) == {}
