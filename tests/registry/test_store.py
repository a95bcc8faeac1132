from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from jettison import stores
from jettison.errors import DigestMismatch, ImageError, InputError, NotFound
from jettison.image import tree
from jettison.image.cache import Cache
from jettison.image.indexer import Indexer
from jettison.oci import platform as platforms
from registry.faults import CONFIG, INDEX, LAYER, MANIFEST, Registry, Sample, descriptor, digest, fails, layer

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from jettison.image.image import Image

STATEMENT = "application/vnd.in-toto+json"


def open_image(name: str, platform: str | None = None, indexer: Indexer | None = None) -> Image:
    wanted = platforms.parse(platform) if platform else None
    return stores.open_image(f"docker://{name}", wanted, indexer or Indexer(cache=Cache(None)))


def put_index(server: Registry, entries: list[dict[str, Any]], *tags: str) -> str:
    data = json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": entries}).encode()
    return server.put_manifest(data, *tags, media_type=INDEX)


def platform_entry(sample: Sample, **platform: str) -> dict[str, Any]:
    return descriptor(sample.manifest, MANIFEST, platform={"os": "linux", **platform})


def test_an_image(server: Registry, sample: Sample) -> None:
    server.put(sample, "1")
    image = open_image(f"{server.host}/app:1")
    assert image.reference == f"docker://{server.host}/app:1"
    assert image.names == (f"{server.host}/app:1",)
    assert image.config_bytes == sample.config and image.manifest_bytes == sample.manifest
    assert (image.id, image.digest) == (digest(sample.config), digest(sample.manifest))
    assert [entry.diff_id for entry in image.layers] == [digest(tar) for tar in sample.tars]
    assert not any("/blobs/" + digest(blob) in path for blob in sample.blobs for path in server.paths())
    indexes = Indexer(cache=Cache(None)).image(image)
    assert [index.blob for index in indexes] == [digest(blob) for blob in sample.blobs]
    assert {b"etc/os-release", b"app/main"} <= set(tree.stack(indexes).nodes)


def test_layers_that_are_known_are_not_fetched(server: Registry, sample: Sample, tmp_path: Path) -> None:
    server.put(sample, "1")
    indexer = Indexer(cache=Cache(tmp_path / "cache"))
    indexer.image(open_image(f"{server.host}/app:1", indexer=indexer))
    before = len(server.seen)
    again = Indexer(cache=Cache(tmp_path / "cache"))
    again.image(open_image(f"{server.host}/app:1", indexer=again))
    assert [path.split("/")[3] for path in server.paths()[before - 1 :]] == ["manifests", "blobs"]


def test_by_digest(server: Registry, sample: Sample) -> None:
    server.put(sample)
    assert open_image(f"{server.host}/app@{digest(sample.manifest)}").manifest_bytes == sample.manifest
    with pytest.raises(NotFound):
        open_image(f"{server.host}/app:1")


@pytest.fixture
def several(server: Registry) -> dict[str, Sample]:
    """An index of three platforms, an attestation for the first among them."""
    samples = {
        "amd64": Sample([layer({"a": b"amd64"})]),
        "arm64": Sample([layer({"a": b"arm64"})], "arm64"),
        "arm": Sample([layer({"a": b"arm"})], "arm"),
    }
    for sample in samples.values():
        server.put(sample)
    statement = b'{"_type": "https://in-toto.io/Statement/v0.1", "predicateType": "https://slsa.dev/provenance/v1"}'
    document = {
        "schemaVersion": 2,
        "config": descriptor(b"{}", CONFIG),
        "layers": [descriptor(statement, STATEMENT), descriptor(b"other", "text/plain")],
    }
    attestation = json.dumps(document).encode()
    server.put_manifest(attestation)
    server.blobs[digest(statement)] = statement
    about = {
        "vnd.docker.reference.type": "attestation-manifest",
        "vnd.docker.reference.digest": digest(samples["amd64"].manifest),
    }
    unknown = {"os": "unknown", "architecture": "unknown"}
    entries = [
        descriptor(attestation, MANIFEST, platform=unknown, annotations=about),
        platform_entry(samples["amd64"], architecture="amd64"),
        platform_entry(samples["arm64"], architecture="arm64"),
        platform_entry(samples["arm"], architecture="arm", variant="v7"),
    ]
    inner = put_index(server, entries, "1")
    size = len(server.manifests[f"app/{inner}"][1])
    put_index(server, [{"mediaType": INDEX, "digest": inner, "size": size}], "nested")
    return samples


@pytest.mark.parametrize(("wanted", "name"), [("linux/amd64", "amd64"), ("arm64", "arm64"), ("linux/arm/v7", "arm")])
def test_platforms(server: Registry, several: dict[str, Sample], wanted: str, name: str) -> None:
    assert open_image(f"{server.host}/app:1", wanted).manifest_bytes == several[name].manifest


def test_a_platform_that_is_not_there(server: Registry, several: dict[str, Sample], sample: Sample) -> None:
    with pytest.raises(NotFound, match="linux/amd64, linux/arm64, linux/arm/v7"):
        open_image(f"{server.host}/app:1", "linux/s390x")
    with pytest.raises(NotFound):
        open_image(f"{server.host}/app:1", "linux/arm/v6")
    server.put(sample, "single")
    with pytest.raises(NotFound, match="linux/amd64"):
        open_image(f"{server.host}/app:single", "linux/arm64")


def test_an_index_in_an_index(server: Registry, several: dict[str, Sample]) -> None:
    image = open_image(f"{server.host}/app:nested", "arm64")
    assert image.manifest_bytes == several["arm64"].manifest


def test_indexes_without_end(server: Registry, sample: Sample) -> None:
    entry = platform_entry(sample, architecture="amd64")
    server.put(sample)
    for _ in range(8):
        inner = put_index(server, [entry], "deep")
        entry = {"mediaType": INDEX, "digest": inner, "size": 1, "platform": {"os": "linux", "architecture": "amd64"}}
    with pytest.raises(ImageError, match="index in an index"):
        open_image(f"{server.host}/app:deep", "linux/amd64")


def test_attestations(server: Registry, several: dict[str, Sample]) -> None:
    (statement,) = open_image(f"{server.host}/app:1", "amd64").attestations
    assert json.loads(statement)["predicateType"] == "https://slsa.dev/provenance/v1"
    assert open_image(f"{server.host}/app:1", "arm64").attestations == ()
    assert open_image(f"{server.host}/app:nested", "amd64").attestations == (statement,)
    server.on(f"/v2/app/blobs/{digest(statement)}", fails(404, "BLOB_UNKNOWN", "gone"))
    assert open_image(f"{server.host}/app:1", "amd64").attestations == ()


def test_artefacts_are_no_images(server: Registry) -> None:
    document = {"schemaVersion": 2, "config": descriptor(b"{}", "application/vnd.cncf.helm.config.v1+json")}
    server.put_manifest(json.dumps(document).encode(), "chart")
    with pytest.raises(ImageError, match="artefact of type"):
        open_image(f"{server.host}/app:chart")


@pytest.mark.parametrize("data", [b"", b"<html>log in</html>", b"[]", b"{}", b"\xff\xfe", b"[" * 200_000])
def test_manifests_that_are_none(server: Registry, data: bytes) -> None:
    server.put_manifest(data, "bad", media_type="text/html")
    with pytest.raises(InputError) as caught:
        open_image(f"{server.host}/app:bad")
    assert caught.value.where


def test_a_configuration_that_lies(server: Registry, sample: Sample) -> None:
    server.put(sample, "1")
    server.blobs[digest(sample.config)] = sample.config[:-1] + b" "
    with pytest.raises(DigestMismatch):
        open_image(f"{server.host}/app:1")
    server.blobs[digest(sample.config)] = sample.config[:-1]
    with pytest.raises(DigestMismatch):
        open_image(f"{server.host}/app:1")


def test_layers_that_lie_are_named(server: Registry, sample: Sample) -> None:
    server.put(sample, "1")
    server.blobs[digest(sample.blobs[1])] = sample.blobs[1][:-1] + b"x"
    image = open_image(f"{server.host}/app:1")
    with pytest.raises(ImageError) as caught:
        Indexer(cache=Cache(None)).image(image)
    assert caught.value.where and ("layer 1" in caught.value.where or digest(sample.blobs[1]) in caught.value.where)


def test_layers_of_no_size(server: Registry, sample: Sample) -> None:
    manifest = json.loads(sample.manifest)
    del manifest["layers"][0]["size"]
    server.put(sample)
    server.put_manifest(json.dumps(manifest).encode(), "1")
    with pytest.raises(ImageError, match="no valid size"):
        open_image(f"{server.host}/app:1")


def test_what_a_repository_holds(
    server: Registry, several: dict[str, Sample], sample: Sample, start: Callable[..., Registry]
) -> None:
    server.put(sample, "single", "latest")
    server.put_manifest(b"broken", "broken")
    document = {"schemaVersion": 2, "config": descriptor(b"{}", "chart"), "layers": [descriptor(b"12345", "chart")]}
    server.put_manifest(json.dumps(document).encode(), "chart")
    rows = list(stores.list_images(f"docker://{server.host}/app"))
    by_tag = {tag.rpartition(":")[2]: [row for row in rows if tag in row.names] for row in rows for tag in row.names}
    (single,) = by_tag["single"]
    assert single.names == (f"{server.host}/app:single", f"{server.host}/app:latest")
    assert (single.platform, single.compressed) == ("linux/amd64", sum(map(len, sample.blobs)))
    assert [row.platform for row in by_tag["1"]] == ["linux/amd64", "linux/arm64", "linux/arm/v7"]
    assert all(row.compressed for row in by_tag["1"])
    assert [(row.platform, row.compressed) for row in by_tag["broken"]] == [(None, None)]
    assert [(row.platform, row.compressed) for row in by_tag["chart"]] == [(None, 5)]
    with pytest.raises(InputError):
        stores.list_images(f"docker://{start().host}/app:1")


def test_zstd_layers_of_any_name(server: Registry) -> None:
    from backports import zstd

    sample = Sample([layer({"a": b"packed"})])
    sample.blobs = [zstd.compress(sample.tars[0])]
    manifest = json.loads(sample.manifest)
    manifest["layers"] = [descriptor(sample.blobs[0], LAYER)]
    sample.manifest = json.dumps(manifest).encode()
    server.put(sample, "1")
    (index,) = Indexer(cache=Cache(None)).image(open_image(f"{server.host}/app:1"))
    assert index.compression == "zstd"
