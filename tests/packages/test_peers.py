"""Other scanners as judges, on real images that an engine built: the same packages, the same owners of files.

Syft and Trivy are test-time oracles only, pinned in the lock file. What they are known to see differently stands here.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from jettison.image.indexer import Indexer
from jettison.image.tree import Tree, stack
from jettison.packages import Inventory, Kind, inventory
from jettison.stores import open_image
from packages.layering import PROBES

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.images import BuiltImage

IMAGES = ["apt-three-runs", "node-npm", "go-module", "java-maven"]
BIN = Path(sys.executable).parent


class Ours(NamedTuple):
    """An image as Jettison sees it."""

    tree: Tree
    inventory: Inventory

    def named(self, kind: Kind) -> set[tuple[str, str]]:
        """Name and version of all packages of a kind."""
        return {(p.name, p.version) for p in self.inventory.packages if p.kind == kind}


@cache
def ours(archive: Path) -> Ours:
    indexer = Indexer(PROBES)
    indexes = indexer.image(open_image(f"docker-archive:{archive}", indexer=indexer))
    tree = stack(indexes)
    return Ours(tree, inventory(tree, indexes))


def run(name: str, *arguments: str | Path) -> dict[str, Any]:
    """What a scanner prints; a scanner that is not installed, or cannot work here, skips the test."""
    if not (BIN / name).exists():
        pytest.skip(f"{name} is not installed: uv sync --group peers")
    environment = {**os.environ, "SYFT_CHECK_FOR_APP_UPDATE": "false", "SYFT_FILE_METADATA_SELECTION": "none"}
    done = subprocess.run([BIN / name, *arguments], capture_output=True, env=environment, check=False, timeout=1800)
    if done.returncode:
        pytest.skip(f"{name} cannot read this: {done.stderr.decode()[-300:]}")
    answer = json.loads(done.stdout)
    assert isinstance(answer, dict)
    return answer


@cache
def syft(archive: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = run("syft", archive, "-q", "-o", "json")["artifacts"]
    return found


@pytest.fixture(params=IMAGES)
def archive(request: pytest.FixtureRequest, built_image: Callable[[str], BuiltImage]) -> Path:
    """The docker-archive of a real image."""
    return built_image(request.param).before


def test_debian_packages_are_syfts(archive: Path) -> None:
    theirs = {(p["name"], p["version"]) for p in syft(archive) if p["type"] == "deb"}
    assert theirs
    assert ours(archive).named("deb") == theirs


def test_owners_are_syfts(archive: Path) -> None:
    """Syft reads md5sums and conffiles, Jettison the lists: every visible file that both know has the same owner."""
    owners: dict[bytes, set[str]] = {}
    for package in syft(archive):
        for file in (package["metadata"].get("files") or []) if package["type"] == "deb" else []:
            owners.setdefault(file["path"].lstrip("/").encode(), set()).add(package["name"])
    tree, found = ours(archive)
    listed = [package for package in found.packages if package.kind == "deb"]
    claims: dict[bytes, set[str]] = {}
    for package in listed:
        for path in package.files:
            claims.setdefault(path, set()).add(package.name)
    wrong = []
    for path, names in owners.items():
        node = tree.resolve(path, follow_last=False)
        owner = found.owner(path)
        if node is None or node.children is not None:
            continue
        if owner is None or not names & (claims.get(node.entry.path, set()) | {owner.name}):
            wrong.append((path, names, owner))
    assert len(owners) > 4000
    assert not wrong


def test_debian_packages_are_trivys(archive: Path, tmp_path: Path) -> None:
    flags = ["--skip-db-update", "--skip-java-db-update", "--offline-scan", "--skip-version-check", "--quiet"]
    flags += ["--cache-dir", str(tmp_path), "--format", "cyclonedx", "--pkg-types", "os"]
    components = run("trivy", "image", "--input", archive, *flags)["components"]
    theirs = {(c["name"], c["version"]) for c in components if str(c.get("purl", "")).startswith("pkg:deb/")}
    assert theirs
    assert ours(archive).named("deb") == theirs


def test_python_packages_are_syfts(archive: Path) -> None:
    theirs = {(p["name"], p["version"]) for p in syft(archive) if p["type"] == "python"}
    assert ours(archive).named("pypi") == theirs


def test_installed_npm_packages_are_among_syfts(archive: Path) -> None:
    """Syft also lists what lock files name, and projects themselves; Jettison what is installed."""
    theirs = {(p["name"], p["version"]) for p in syft(archive) if p["type"] == "npm"}
    found = ours(archive).named("npm")
    assert found <= theirs
    assert bool(found) is ("node-npm" in str(archive))


def test_go_modules_are_syfts(archive: Path) -> None:
    """Of the main module, which often has no version, Syft makes one up; it also reads macOS binaries, Jettison not."""

    def located(name: str, version: str, path: str) -> tuple[str, str, str]:
        return name, version if version != "(devel)" else "", path

    theirs = {
        located(p["name"], p["version"], p["locations"][0]["path"].lstrip("/"))
        for p in syft(archive)
        if p["type"] == "go-module" and not p["locations"][0]["path"].endswith(".macho")
    }
    found = {
        located(p.name, p.version, p.evidence.decode()) for p in ours(archive).inventory.packages if p.kind == "golang"
    }
    assert {row for row in theirs if row[1]} == {row for row in found if row[1]}


def test_java_archives_are_syfts(archive: Path) -> None:
    """Every jar that Syft finds an artifact in, Jettison does too; names differ where only the manifest speaks."""
    paths = {p["locations"][0]["path"].lstrip("/") for p in syft(archive) if p["type"] == "java-archive"}
    found = {p.evidence.decode() for p in ours(archive).inventory.packages if p.kind == "maven"}
    assert {path for path in paths if path.endswith((".jar", ".war", ".ear"))} <= found
