"""The test images are what their `image.toml` says, by tarfile's word: nothing of Jettison is asked here."""

from __future__ import annotations

import io
import json
import re
import tarfile
from typing import TYPE_CHECKING, Any

import pytest

from engine import images

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

WHITEOUT = ".wh."


@pytest.fixture(scope="module", params=images.names())
def built(request: pytest.FixtureRequest, built_image: Callable[[str], images.BuiltImage]) -> images.BuiltImage:
    """Every pair in turn."""
    return built_image(request.param)


def test_layers_come_from_the_lines_that_are_named(built: images.BuiltImage) -> None:
    lines = built.dockerfile().read_text().splitlines()
    layers = read(built.before)
    wanted = built.facts["before"]["layers"]
    own = layers[len(layers) - len(wanted) :]
    for (line, instruction, least, most), (size, created_by, _) in zip(wanted, own, strict=True):
        assert lines[line - 1].startswith(instruction)
        assert least <= size / 1e6 <= most, created_by
        assert lines[line - 1].partition(" ")[2].split()[0] in created_by


def test_paths_are_there_and_gone(built: images.BuiltImage) -> None:
    for which in images.DOCKERFILES:
        visible = final_paths(read(built.archive(which)))
        facts = built.facts[which]
        assert set(facts["has"]) <= visible
        assert not set(facts.get("lacks", ())) & visible


def test_saving_is_what_is_said(built: images.BuiltImage) -> None:
    before, after = (sum(size for size, _, _ in read(built.archive(which))) for which in images.DOCKERFILES)
    least, most = built.facts["saving"]["share"]
    assert least <= (before - after) / before <= most


def test_both_stand_on_the_same_base(built: images.BuiltImage) -> None:
    first, second = (config(built.archive(which))["rootfs"]["diff_ids"] for which in images.DOCKERFILES)
    assert first[0] == second[0]


def test_layouts_have_the_same_layers(built_image: Callable[[str], images.BuiltImage]) -> None:
    built = built_image("java-maven")
    for compression in ("gzip", "zstd"):
        layout = built.layout("after", compression)
        index = json.loads((layout / "index.json").read_bytes())
        manifest = json.loads(blob(layout, index["manifests"][0]["digest"]))
        assert all(layer["mediaType"].endswith(f"+{compression}") for layer in manifest["layers"])
        assert json.loads(blob(layout, manifest["config"]["digest"]))["rootfs"] == config(built.after)["rootfs"]


def test_pushed_image_has_the_layouts_layers(
    built_image: Callable[[str], images.BuiltImage], registry: str, skopeo: Callable[..., str]
) -> None:
    built = built_image("java-maven")
    reference = built.push(registry, "after")
    pushed = json.loads(skopeo("inspect", "--raw", "--tls-verify=false", f"docker://{reference}"))
    index = json.loads((built.layout("after") / "index.json").read_bytes())
    assert pushed["layers"] == json.loads(blob(built.layout("after"), index["manifests"][0]["digest"]))["layers"]


def blob(layout: Path, digest: str) -> bytes:
    """A blob of an OCI layout."""
    return (layout / "blobs" / digest.replace(":", "/")).read_bytes()


def config(archive: Path) -> dict[str, Any]:
    """The image configuration in a docker-archive."""
    with tarfile.open(archive) as tar:
        manifest = json.load(tar.extractfile("manifest.json"))[0]  # type: ignore[arg-type]
        return json.load(tar.extractfile(manifest["Config"]))  # type: ignore[arg-type, no-any-return]


def read(archive: Path) -> list[tuple[int, str, list[str]]]:
    """Layers of a docker-archive, lowest first: bytes of files, `created_by`, names."""
    history = [entry for entry in config(archive)["history"] if not entry.get("empty_layer")]
    layers = []
    with tarfile.open(archive) as tar:
        manifest = json.load(tar.extractfile("manifest.json"))[0]  # type: ignore[arg-type]
        for name, entry in zip(manifest["Layers"], history, strict=True):
            stream = tar.extractfile(name)
            assert stream is not None
            with tarfile.open(fileobj=io.BufferedReader(stream)) as layer:
                members = layer.getmembers()
            names = [re.sub(r"^\./", "", member.name) for member in members]
            layers.append((sum(member.size for member in members), entry["created_by"], names))
    return layers


def final_paths(layers: list[tuple[int, str, list[str]]]) -> set[str]:
    """Paths visible at the end; enough for images in which no directory is deleted or opaque."""
    visible: set[str] = set()
    for _, _, names in layers:
        for name in names:
            folder, _, last = name.rpartition("/")
            if last.startswith(WHITEOUT):
                visible.discard(f"{folder}/{last.removeprefix(WHITEOUT)}".lstrip("/"))
            else:
                visible.add(name)
    return visible
