"""Images that other readers read wrongly: the order of layers, links between layers, pax globals, platforms."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from typing import TYPE_CHECKING, Any

import pytest

from jettison import stores
from jettison.analysis import Analysis, analyze, probes
from jettison.image.cache import Cache
from jettison.image.indexer import Indexer
from jettison.oci.platform import parse
from waste.layering import GONE, Layer, booked, tar

if TYPE_CHECKING:
    from pathlib import Path

BIG = bytes(range(256)) * 100
LAYERS: list[Layer] = [
    {"a": BIG, "keep": b"1"},
    {"a": GONE, "b": BIG[::-1]},
    {"b": b"short"},
    {"c": b"last"},
]
EXPECTED = {"a": ("deleted-later", len(BIG)), "b": ("overwritten", len(BIG))}


def analysed(path: Path, platform: str | None = None) -> Analysis:
    indexer = Indexer(probes(), Cache(None))
    image = stores.open_image(str(path), parse(platform) if platform else None, indexer)
    return analyze(image, indexer=indexer)


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def config_of(tars: list[bytes], architecture: str = "amd64") -> bytes:
    return json.dumps(
        {
            "architecture": architecture,
            "os": "linux",
            "config": {"Env": ["PATH=/bin"], "Labels": {"long": "x" * 3000}},
            "rootfs": {"type": "layers", "diff_ids": ["sha256:" + digest(data) for data in tars]},
            "history": [{"created_by": f"step {number}"} for number in range(len(tars))],
        }
    ).encode()


def write(path: Path, members: list[tuple[str, bytes | str]]) -> Path:
    """An archive of files and, for texts, symbolic links."""
    with tarfile.open(path, "w") as archive:
        for name, content in members:
            info = tarfile.TarInfo(name)
            if isinstance(content, str):
                info.type, info.linkname = tarfile.SYMTYPE, content
                archive.addfile(info)
            else:
                info.size = len(content)
                archive.addfile(info, io.BytesIO(content))
    return path


def oci_manifest(blobs: dict[str, bytes], tars: list[bytes], architecture: str) -> dict[str, Any]:
    def add(data: bytes, kind: str) -> dict[str, Any]:
        blobs[digest(data)] = data
        return {"mediaType": kind, "digest": "sha256:" + digest(data), "size": len(data)}

    manifest = {
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": add(config_of(tars, architecture), "application/vnd.oci.image.config.v1+json"),
        "layers": [add(data, "application/vnd.oci.image.layer.v1.tar") for data in tars],
    }
    described = add(json.dumps(manifest).encode(), "application/vnd.oci.image.manifest.v1+json")
    return {**described, "platform": {"os": "linux", "architecture": architecture}}


def oci_archive(path: Path, manifests: list[dict[str, Any]], blobs: dict[str, bytes], order: int) -> Path:
    members: list[tuple[str, bytes | str]] = [(f"blobs/sha256/{name}", data) for name, data in sorted(blobs.items())]
    members = members[order:] + members[:order]
    index = {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": manifests}
    ends: list[tuple[str, bytes | str]] = [
        ("oci-layout", b'{"imageLayoutVersion": "1.0.0"}'),
        ("index.json", json.dumps(index).encode()),
    ]
    return write(path, members + ends if order % 2 else ends + members)


@pytest.mark.parametrize("order", range(6))
def test_the_order_of_an_oci_archives_members_says_nothing(tmp_path: Path, order: int) -> None:
    blobs: dict[str, bytes] = {}
    manifest = oci_manifest(blobs, [tar(layer) for layer in LAYERS], "amd64")
    found = analysed(oci_archive(tmp_path / "image.tar", [manifest], blobs, order))
    assert booked(found) == EXPECTED
    assert [layer.origin.command for layer in found.layers] == [f"step {number}" for number in range(4)]


def test_the_configuration_is_that_of_the_platform(tmp_path: Path) -> None:
    blobs: dict[str, bytes] = {}
    manifests = [
        oci_manifest(blobs, [tar({"bin/app": architecture.encode() * 10})], architecture)
        for architecture in ("arm64", "amd64", "s390x")
    ]
    path = oci_archive(tmp_path / "image.tar", manifests, blobs, 3)
    for architecture in ("amd64", "s390x"):
        found = analysed(path, f"linux/{architecture}")
        assert found.image.config.architecture == architecture
        assert found.total.raw == 10 * len(architecture)


def docker_archive(path: Path, members: list[tuple[str, bytes | str]], names: list[str], tars: list[bytes]) -> Path:
    config = config_of(tars)
    manifest = [{"Config": digest(config) + ".json", "RepoTags": ["x:latest"], "Layers": names}]
    ends: list[tuple[str, bytes | str]] = [
        (digest(config) + ".json", config),
        ("manifest.json", json.dumps(manifest).encode()),
    ]
    return write(path, members + ends)


def test_a_layer_tar_that_is_a_link_to_another_layers(tmp_path: Path) -> None:
    one, two = tar({"a": BIG}), tar({"a": GONE})
    names = ["x/layer.tar", "y/layer.tar", "z/layer.tar"]
    members: list[tuple[str, bytes | str]] = [(names[0], one), (names[1], two), (names[2], "../x/layer.tar")]
    found = analysed(docker_archive(tmp_path / "image.tar", members, names, [one, two, one]))
    assert [layer.raw for layer in found.layers] == [len(BIG), 0, len(BIG)]
    assert booked(found) == {"a": ("deleted-later", len(BIG))}


def test_a_pax_global_header_is_no_error(tmp_path: Path) -> None:
    tars = [tar(layer, headers={"comment": "made by somebody"}) for layer in LAYERS]
    assert tars[0][156:157] == b"g"
    names = [f"{number}/layer.tar" for number in range(4)]
    found = analysed(docker_archive(tmp_path / "image.tar", list(zip(names, tars, strict=True)), names, tars))
    assert booked(found) == EXPECTED


def test_a_gnu_tar_with_long_names(tmp_path: Path) -> None:
    deep = "/".join(["a-directory-with-a-name"] * 20)
    tars = [tar({f"{deep}/f": BIG}, format=tarfile.GNU_FORMAT), tar({deep: GONE}, format=tarfile.GNU_FORMAT)]
    names = ["0/layer.tar", "1/layer.tar"]
    found = analysed(docker_archive(tmp_path / "image.tar", list(zip(names, tars, strict=True)), names, tars))
    assert booked(found) == {f"{deep}/f": ("deleted-later", len(BIG))}
