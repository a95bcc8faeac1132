"""Node.js: nesting, scopes, what development alone needs, and a tree that npm really installed."""

from __future__ import annotations

import json
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from packages.layering import Content, Link, installed, take

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def manifest(name: str, version: str = "1.0.0", **more: object) -> bytes:
    return json.dumps({"name": name, "version": version} | more).encode()


def needs(*names: str) -> dict[str, str]:
    return dict.fromkeys(names, "*")


def test_packages_are_right_below_node_modules() -> None:
    modules = "srv/app/node_modules"
    layer = {
        "srv/app/package.json": manifest("app"),
        f"{modules}/a/package.json": manifest("a", "1.2.3"),
        f"{modules}/a/index.js": b"12345",
        f"{modules}/a/esm/package.json": b'{"type": "module"}',
        f"{modules}/a/test/fixture/package.json": manifest("fixture"),
        f"{modules}/a/node_modules/b/package.json": manifest("b", "2.0.0"),
        f"{modules}/@scope/c/package.json": manifest("@scope/c"),
        f"{modules}/.bin/tool": Link("../a/index.js"),
        f"{modules}/.cache/d/package.json": manifest("d"),
    }
    _, found = take(layer)
    assert [(p.kind, p.name, p.version) for p in found.packages] == [
        ("npm", "@scope/c", "1.0.0"),
        ("npm", "a", "1.2.3"),
        ("npm", "b", "2.0.0"),
    ]
    _, a, b = found.packages
    assert len(a.files) == 4
    assert a.size == 5 + sum(len(layer[p.decode()]) for p in a.files if p.endswith(b".json"))  # type: ignore[arg-type]
    assert found.owner(f"{modules}/a/node_modules/b/package.json".encode()) is b
    assert found.owner(f"{modules}/.bin/tool".encode()) is None


PROJECT: dict[str, Content] = {
    "app/package.json": manifest("app", dependencies=needs("a", "pnpm"), devDependencies=needs("t", "shared")),
    "app/node_modules/a/package.json": manifest("a", dependencies=needs("shared", "nested")),
    "app/node_modules/a/node_modules/nested/package.json": manifest("nested", dependencies=needs("deep")),
    "app/node_modules/deep/package.json": manifest("deep"),
    "app/node_modules/shared/package.json": manifest("shared"),
    "app/node_modules/t/package.json": manifest("t", peerDependencies=needs("u"), dependencies=needs("missing")),
    "app/node_modules/u/package.json": manifest("u"),
    "app/node_modules/unasked/package.json": manifest("unasked"),
    "app/node_modules/pnpm": Link(".pnpm/pnpm@1.0.0/node_modules/pnpm"),
    "app/node_modules/.pnpm/pnpm@1.0.0/node_modules/pnpm/package.json": manifest("pnpm", dependencies=needs("below")),
    "app/node_modules/.pnpm/pnpm@1.0.0/node_modules/below": Link("../../below@2/node_modules/below"),
    "app/node_modules/.pnpm/below@2/node_modules/below/package.json": manifest("below", "2.0.0"),
}


def flags(layer: Mapping[str, Content]) -> dict[str, bool | None]:
    return {name: package.dev for name, package in installed(layer).items()}


def test_development_by_resolution() -> None:
    production = dict.fromkeys(("a", "nested", "deep", "shared", "pnpm", "below"), False)
    assert flags(PROJECT) == production | {"t": True, "u": True, "unasked": None}
    found = installed({}, PROJECT)
    reasons = {name: p.installed_by for name, p in found.items()}
    assert reasons == {
        **dict.fromkeys(("a", "pnpm", "t", "shared"), "manual"),
        **dict.fromkeys(("nested", "deep", "below", "u"), "dependency"),
        "unasked": "unknown",
    }


def test_development_by_lock() -> None:
    lock = {
        "": {"name": "app"},
        "node_modules/a": {"version": "1.0.0"},
        "node_modules/a/node_modules/nested": {"dev": True},
        "node_modules/t": {"dev": True},
        "node_modules/gone": {"dev": True},
    }
    layer = PROJECT | {"app/node_modules/.package-lock.json": json.dumps({"packages": lock}).encode()}
    expected = dict.fromkeys(("deep", "shared", "u", "unasked", "pnpm", "below"))
    assert flags(layer) == expected | {"a": False, "nested": True, "t": True}


@pytest.mark.parametrize(
    "data",
    [
        *(b"", b"null", b"[]", b"{", b"\xff\xfe\0", b'{"name": 1}', b'{"name": "x", "version": {"a": 1}}'),
        b'{"name": ["x"], "dependencies": ["a"]}',
        b"[" * 100_000,
        b'{"name": "\\ud800"}',
    ],
)
def test_nonsense_raises_nothing(data: bytes) -> None:
    take({"a/node_modules/x/package.json": data, "a/package.json": data, "a/node_modules/.package-lock.json": data})


@pytest.mark.skipif(not shutil.which("npm"), reason="npm is not installed")
def test_a_real_tree(tmp_path: Path) -> None:
    """What npm installs from local packages: the same names, versions and development flags as `npm ls`."""
    root = tmp_path / "root"
    for name, more in {
        "alpha": {"dependencies": {"gamma": "file:../gamma"}},
        "beta": {"dependencies": {"delta": "file:../delta"}},
        "gamma": {},
        "delta": {},
    }.items():
        home = tmp_path / "source" / name
        home.mkdir(parents=True)
        (home / "package.json").write_bytes(manifest(name, "1.2.3", **more))
        (home / "index.js").write_text("1")
    app = root / "app"
    app.mkdir(parents=True)
    depends = {
        "dependencies": {"alpha": "file:../../source/alpha"},
        "devDependencies": {"beta": "file:../../source/beta"},
    }
    (app / "package.json").write_bytes(manifest("app", **depends))
    options = ["--install-links", "--offline", "--no-audit", "--no-fund", f"--cache={tmp_path / 'cache'}"]
    made = subprocess.run(["npm", "install", *options], cwd=app, capture_output=True, check=False)
    if made.returncode:
        pytest.skip(f"npm cannot install here: {made.stderr.decode()[-200:]}")

    def listed(*options: str) -> set[tuple[str, str]]:
        answer = subprocess.run(["npm", "ls", "--all", "--json", *options], cwd=app, capture_output=True, check=False)
        found: set[tuple[str, str]] = set()
        stack = [json.loads(answer.stdout)]
        while stack:
            for name, child in stack.pop().get("dependencies", {}).items():
                found.add((name, child["version"]))
                stack.append(child)
        return found

    _, inventory = take(root)
    assert {(p.name, p.version) for p in inventory.packages} == listed()
    assert {(p.name, p.version) for p in inventory.packages if not p.dev} == listed("--omit=dev")
