"""The same image through engines, a registry and archives: same tree, same digests."""

from __future__ import annotations

import io
import json
import tarfile
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from engine import containers
from jettison import stores
from jettison.errors import DigestMismatch, NotFound
from jettison.image import tree
from jettison.image.cache import Cache
from jettison.image.compose import compose
from jettison.image.indexer import Indexer
from jettison.image.source import BytesSource

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from jettison.image.image import Image

FILES = (
    {"etc/os-release": b"ID=test\n", "app/main": b"main" * 50_000, "app/old": b"old" * 1000},
    {"app/.wh.old": b"", "app/new": b"new" * 70_000},
)
NAME = "jettison-test/small:1"


def layer(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name, body in files.items():
            member = tarfile.TarInfo(name)
            member.size, member.mtime, member.mode = len(body), 1_700_000_000, 0o755
            tar.addfile(member, io.BytesIO(body))
    return buffer.getvalue()


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small image with a whiteout, as a docker-archive."""
    from daemon.fake import digest

    layers = [layer(files) for files in FILES]
    config = {
        "architecture": "amd64",
        "os": "linux",
        "config": {"Cmd": ["/app/main"]},
        "rootfs": {"type": "layers", "diff_ids": [digest(each) for each in layers]},
        "history": [{"created_by": "one"}, {"created_by": "two"}],
    }
    members = {f"{number}/layer.tar": each for number, each in enumerate(layers)}
    members["config.json"] = json.dumps(config).encode()
    entry = {"Config": "config.json", "RepoTags": [NAME], "Layers": [f"{number}/layer.tar" for number in range(2)]}
    members["manifest.json"] = json.dumps([entry]).encode()
    path = tmp_path_factory.mktemp("archive") / "small.tar"
    path.write_bytes(layer(members))
    return path


def answer(reference: str) -> tuple[Any, ...]:
    """What matters of an image, read afresh."""
    indexer = Indexer(cache=Cache(None))
    image = stores.open_image(reference, None, indexer)
    indexes = indexer.image(image)
    visible = [(path, node.layer, node.content.sha256) for path, node in tree.stack(indexes).nodes.items()]
    assert image.names or "archive" in reference
    return image.id, image.config_bytes, [index.diff_id for index in indexes], [i.entries for i in indexes], visible


def test_docker(archive: Path, docker: Callable[..., str], docker_env: str) -> None:
    docker("load", "--input", archive)
    expected = answer(f"docker-archive:{archive}")
    assert answer(f"docker-daemon:{NAME}") == expected
    assert answer(f"docker-daemon:{expected[0]}") == expected
    (row,) = stores.list_images(f"docker-daemon:{NAME}")
    assert (row.names, row.id) == ((NAME,), expected[0]) and row.raw
    with pytest.raises(NotFound, match="No such image"):
        stores.open_image("docker-daemon:jettison-test/nothing:1")


def test_podman(archive: Path, podman: Callable[..., str], podman_socket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    podman("load", "--quiet", "--input", archive)
    monkeypatch.setenv("CONTAINER_HOST", podman_socket)
    expected = answer(f"docker-archive:{archive}")
    assert answer(f"podman:{NAME}") == expected
    assert any(row.id.endswith(expected[0][7:]) for row in stores.list_images("podman:*"))
    with pytest.raises(NotFound):
        stores.open_image("podman:jettison-test/nothing:1")


def test_a_registry(archive: Path, registry: str, skopeo: Callable[..., str]) -> None:
    target = f"docker://{registry}/small:1"
    skopeo("copy", "--quiet", "--dest-tls-verify=false", f"docker-archive:{archive}", target)
    expected = answer(f"docker-archive:{archive}")
    assert answer(target)[2:] == expected[2:]


WRITTEN = "jettison-test/written:1"


def small(number: int, compression: str | None) -> Image:
    layers = [layer(files) for files in (*FILES, {f"number/{number}": b"x" * 300_000})]
    return compose(layers, container={"Cmd": ["/app/main"]}, compression=compression)


@pytest.mark.parametrize("compression", [None, "gzip", "zstd"])
def test_docker_takes_what_is_written(docker: Callable[..., str], docker_env: str, compression: str | None) -> None:
    image, other = (small(number, compression) for number in (1, 2))
    try:
        stores.write_image(image, f"docker-daemon:{WRITTEN}")
        assert docker("image", "inspect", "--format", "{{.Id}}", WRITTEN).strip() == image.id
        assert answer(f"docker-daemon:{WRITTEN}")[0] == image.id
        stores.write_image(other, f"docker-daemon:{WRITTEN}")
        assert docker("image", "inspect", "--format", "{{.Id}}", WRITTEN).strip() == other.id
        assert docker("image", "inspect", "--format", "{{.RepoTags}}", image.id).strip() == "[]"
    finally:
        docker("rmi", "--force", image.id, other.id)


def test_docker_takes_nothing_of_an_image_that_lies(docker: Callable[..., str], docker_env: str) -> None:
    image = small(3, None)
    liar = replace(image.layers[2], source=BytesSource(b"".join(image.layers[1].source.chunks())))
    with pytest.raises(DigestMismatch):
        stores.write_image(replace(image, layers=(*image.layers[:2], liar)), f"docker-daemon:{WRITTEN}")
    assert docker("images", "--quiet", WRITTEN) == ""


def test_containerds_store_takes_what_is_written(
    containerd_host: str, containerd_docker: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", containerd_host)
    image = small(4, "zstd")
    try:
        stores.write_image(image, f"docker-daemon:{WRITTEN}")
        assert answer(f"docker-daemon:{WRITTEN}")[0] == image.id
    finally:
        containerd_docker("rmi", "--force", WRITTEN)


@pytest.mark.parametrize("transport", ["podman", "containers-storage"])
@pytest.mark.parametrize("compression", [None, "gzip", "zstd"])
def test_podman_takes_what_is_written(
    podman: Callable[..., str],
    podman_socket: str,
    monkeypatch: pytest.MonkeyPatch,
    transport: str,
    compression: str | None,
) -> None:
    monkeypatch.setenv("CONTAINER_HOST", podman_socket)
    for name, value in containers.environment().items():
        monkeypatch.setenv(name, value)
    image, other = (small(number, compression) for number in (5, 6))
    try:
        stores.write_image(image, f"{transport}:{WRITTEN}")
        assert answer(f"{transport}:{WRITTEN}")[0] == image.id
        stores.write_image(other, f"{transport}:{WRITTEN}")
        assert answer(f"{transport}:{WRITTEN}")[0] == other.id
        liar = replace(image.layers[2], source=BytesSource(b"".join(image.layers[1].source.chunks())))
        with pytest.raises(DigestMismatch):
            stores.write_image(replace(image, layers=(*image.layers[:2], liar)), f"{transport}:{WRITTEN}")
        assert answer(f"{transport}:{WRITTEN}")[0] == other.id
    finally:
        podman("rmi", "--force", image.id, other.id)
