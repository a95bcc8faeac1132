from __future__ import annotations

import os
import socket
import time
from typing import TYPE_CHECKING, Any

import pytest

from daemon.fake import CONFIGURATION, ID, LAYERS, Containerd, digest, saved_25, saved_legacy
from jettison import stores
from jettison.engines import api
from jettison.errors import DigestMismatch, ImageError, InputError, NotFound, RemoteError
from jettison.image import tree
from jettison.image.cache import Cache
from jettison.image.indexer import Indexer
from jettison.oci import platform as platforms

if TYPE_CHECKING:
    from pathlib import Path

    from jettison.image.image import Image

Start = "Callable[..., Engine]"


@pytest.fixture
def indexer(tmp_path: Path) -> Indexer:
    return Indexer(cache=Cache(tmp_path / "cache"))


def check(image: Image, indexer: Indexer) -> None:
    """It is the image, whole."""
    assert image.config_bytes == CONFIGURATION and image.id == ID
    assert image.names == ("app:1",)
    assert [layer.diff_id for layer in image.layers] == [digest(layer) for layer in LAYERS]
    indexes = indexer.image(image)
    assert {b"etc/os-release", b"app/data", b"{odd"} <= set(tree.stack(indexes).nodes)
    assert [index.raw for index in indexes] == [len(layer) for layer in LAYERS]


@pytest.mark.parametrize("transport", ["docker-daemon", "podman"])
@pytest.mark.parametrize("saved", [saved_legacy(), saved_25(), saved_25(first=True)], ids=["legacy", "25", "first"])
def test_saves_of_all_ages(engine: Start, indexer: Indexer, saved: bytes, transport: str) -> None:
    server = engine(saved)
    image = stores.open_image(f"{transport}:app:1", None, indexer)
    check(image, indexer)
    assert server.saves == 1


@pytest.mark.parametrize("saved", [saved_legacy(), saved_25(), saved_25(first=True)], ids=["legacy", "25", "first"])
def test_whoever_reads_all_layers_has_it_saved_once(
    engine: Start, indexer: Indexer, saved: bytes, tmp_path: Path
) -> None:
    server = engine(saved)
    image = stores.fetch_image("docker-daemon:app:1", None, indexer, lambda: str(tmp_path / "saved"))
    for _ in range(2):
        assert [b"".join(layer.uncompressed()) for layer in image.layers] == LAYERS
    assert server.saves == 1
    server = engine(saved, digest(b"another"))
    with pytest.raises(DigestMismatch, match="sent another image"):
        stores.fetch_image("docker-daemon:app:1", None, indexer, lambda: str(tmp_path / "other"))


def test_a_containerd_store(engine: Start, indexer: Indexer) -> None:
    store = Containerd()
    server = engine(store.saved(), digest(store.index))
    image = stores.open_image("docker-daemon:app:1", None, indexer)
    check(image, indexer)
    assert image.digest == digest(store.manifest)
    assert [layer.digest for layer in image.layers] == [digest(layer) for layer in store.layers]
    assert image.attestations == (store.statement,)
    again = stores.open_image("docker-daemon:app:1", None, indexer)
    check(again, indexer)
    assert (again.manifest_bytes, again.attestations) == (image.manifest_bytes, image.attestations)
    assert server.saves == 1


def test_what_is_known_is_not_streamed(engine: Start, indexer: Indexer, tmp_path: Path) -> None:
    server = engine(saved_25())
    first = stores.open_image("docker-daemon:app:1", None, indexer)
    indexer.image(first)
    second = stores.open_image("docker-daemon:app:1", None, Indexer(cache=Cache(tmp_path / "cache")))
    third = stores.open_image("docker-daemon:app:1", None, Indexer(cache=Cache(tmp_path / "other")))
    assert server.saves == 2
    for image in (second, third):
        check(image, indexer)
        assert image.manifest_bytes == first.manifest_bytes
        assert [layer.stored_size for layer in image.layers] == [layer.stored_size for layer in first.layers]
    assert server.saves == 2


@pytest.mark.parametrize("saved", [saved_legacy(), saved_25()], ids=["legacy", "25"])
def test_layers_can_be_read_again(engine: Start, indexer: Indexer, saved: bytes) -> None:
    engine(saved)
    for image in (stores.open_image("docker-daemon:app:1", None, indexer) for _ in range(2)):
        assert [b"".join(layer.uncompressed()) for layer in image.layers] == LAYERS


def test_by_id(engine: Start, indexer: Indexer) -> None:
    engine(saved_25())
    assert stores.open_image(f"docker-daemon:{ID}", None, indexer).names == ("app:1",)


def test_an_id_without_algorithm(engine: Start, indexer: Indexer) -> None:
    server = engine(saved_legacy())
    server.inspected["Id"] = ID.removeprefix("sha256:")
    server.save = lambda handler: handler.chunked(saved_legacy())
    server.answers["/images/app:1/json"] = dict(server.inspected)
    server.inspected["Id"] = ID
    check(stores.open_image("podman:app:1", None, indexer), indexer)


def test_the_platform(engine: Start, indexer: Indexer) -> None:
    engine(saved_25())
    assert stores.open_image("docker-daemon:app:1", platforms.parse("linux/amd64"), indexer).id == ID
    with pytest.raises(NotFound, match="linux/arm64"):
        stores.open_image("docker-daemon:app:1", platforms.parse("linux/arm64"), indexer)


def test_the_platform_is_asked_for(engine: Start, indexer: Indexer) -> None:
    store = Containerd()
    server = engine(store.saved(), digest(store.index), version="1.51")
    server.version = "1.49"
    image = stores.open_image("docker-daemon:app:1", platforms.parse("linux/amd64"), indexer)
    assert image.id == ID


def test_an_older_engine_speaks_of_its_own_platform(engine: Start, indexer: Indexer) -> None:
    store = Containerd()
    server = engine(store.saved(), digest(store.index))
    server.inspected |= {"Os": "linux", "Architecture": "arm64", "Variant": "v8"}
    server.inspected["RootFS"] = {"Layers": [digest(b"of arm64")]}
    assert stores.open_image("docker-daemon:app:1", platforms.parse("linux/amd64"), indexer).id == ID
    with pytest.raises(NotFound, match="linux/arm64"):
        stores.open_image("docker-daemon:app:1", None, indexer)


def test_no_such_image(engine: Start, indexer: Indexer) -> None:
    engine(saved_25())
    with pytest.raises(NotFound, match="docker has no image nope:1: No such image"):
        stores.open_image("docker-daemon:nope:1", None, indexer)


def test_another_image_is_sent(engine: Start, indexer: Indexer) -> None:
    engine(saved_25(), digest(b"another"))
    with pytest.raises(DigestMismatch, match="sent another image"):
        stores.open_image("docker-daemon:app:1", None, indexer)
    server = engine(saved_legacy())
    server.inspected["RootFS"]["Layers"] = [digest(b"another")]
    with pytest.raises(DigestMismatch, match="sent another image"):
        stores.open_image("docker-daemon:app:1", None, indexer)


@pytest.mark.parametrize("part", [0, 1, 100, 700, 5_000, 100_000, 360_000, -1])
def test_an_engine_that_dies(engine: Start, indexer: Indexer, part: int) -> None:
    saved = saved_25()
    server = engine(saved)
    server.save = lambda handler: handler.chunked(saved[:part], end=False)
    with pytest.raises(RemoteError, match="connection to docker broke"):
        stores.open_image("docker-daemon:app:1", None, indexer)
    server.save = lambda handler: handler.chunked(saved[:part])
    if part != -1:
        with pytest.raises(InputError):
            stores.open_image("docker-daemon:app:1", None, indexer)


@pytest.mark.parametrize("part", [0, 512, 100_000, 256 << 10, (256 << 10) - 20, 300_000])
@pytest.mark.parametrize(
    "words",
    [
        b'{"errorDetail":{"message":"layer is gone"},"error":"layer is gone"}\r\n',
        b'{"cause":"io","message":"layer is gone","response":500}\n',
    ],
)
def test_an_engine_that_gives_up(engine: Start, indexer: Indexer, part: int, words: bytes) -> None:
    server = engine(b"")
    server.save = lambda handler: handler.chunked(saved_25()[:part] + words)
    with pytest.raises(RemoteError, match="gave up: layer is gone"):
        stores.open_image("docker-daemon:app:1", None, indexer)


def test_an_engine_that_refuses_to_save(engine: Start, indexer: Indexer) -> None:
    server = engine(b"")
    server.save = lambda handler: handler.answer(500, b'{"message": "no space left on device"}')
    with pytest.raises(RemoteError, match=r"answered 500 .*no space left on device"):
        stores.open_image("docker-daemon:app:1", None, indexer)


def test_an_engine_that_hangs(engine: Start, indexer: Indexer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api, "IDLE_SECONDS", 0.4)
    saved = saved_25()
    server = engine(saved)

    def silent(handler: Any) -> None:
        handler.chunked(saved[:300_000], end=False)
        handler.wfile.flush()
        server.ended.wait(20)

    server.save = silent
    began = time.monotonic()
    with pytest.raises(RemoteError, match=r"silent for 0\.4 s"):
        stores.open_image("docker-daemon:app:1", None, indexer)
    assert time.monotonic() - began < 5


def test_a_layer_that_is_damaged(engine: Start, indexer: Indexer) -> None:
    engine(saved_25().replace(b"data" * 20, b"DATA" * 20))
    with pytest.raises(ImageError):
        indexer.image(stores.open_image("docker-daemon:app:1", None, indexer))


def test_nobody_listens(home: Path, indexer: Indexer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none.sock")
    with pytest.raises(RemoteError, match="No such file") as caught:
        stores.open_image("docker-daemon:app:1", None, indexer)
    assert "named by DOCKER_HOST" in (caught.value.hint or "")
    monkeypatch.setenv("DOCKER_HOST", "tcp://127.0.0.1:1")
    with pytest.raises(RemoteError, match="does not answer"):
        stores.open_image("docker-daemon:app:1", None, indexer)


def test_a_socket_of_somebody_else(engine: Start, indexer: Indexer, monkeypatch: pytest.MonkeyPatch) -> None:
    server = engine(saved_25())
    real = socket.socket.connect

    def refused(self: socket.socket, address: Any) -> None:
        if address == server.address.removeprefix("unix://"):
            raise PermissionError(13, os.strerror(13))
        real(self, address)

    from jettison.engines import socket as module

    monkeypatch.setattr(module.socket, "socket", type("Refused", (socket.socket,), {"connect": refused}))
    with pytest.raises(RemoteError, match="may not use docker's socket") as caught:
        stores.open_image("docker-daemon:app:1", None, indexer)
    assert "usermod -aG docker" in (caught.value.hint or "")


def test_no_engine_but_something_else(engine: Start, indexer: Indexer) -> None:
    server = engine(saved_25())
    server.answers["/images/app:1/json"] = ["what"]
    with pytest.raises(RemoteError, match="cannot be read"):
        stores.open_image("docker-daemon:app:1", None, indexer)
    server.version = ""
    with pytest.raises(InputError):
        stores.open_image("docker-daemon:app:1", None, indexer)


def test_what_an_engine_holds(engine: Start) -> None:
    server = engine(saved_25())
    tagged = {"Id": ID, "RepoTags": ["app:1", "app:2"], "Created": 1_700_000_000, "Size": 1234}
    server.answers["/images/json"] = [
        tagged,
        {"Id": digest(b"x"), "RepoTags": ["<none>:<none>"], "Created": 0, "Size": 5},
    ]
    first, second = stores.list_images("docker-daemon:*")
    assert (first.names, first.id, first.raw) == (("app:1", "app:2"), ID, 1234)
    assert first.created == "2023-11-14T22:13:20+00:00"
    assert (second.names, second.raw) == ((), 5)
    server.answers["/images/json"] = []
    assert list(stores.list_images("docker-daemon:*")) == []
    with pytest.raises(NotFound):
        stores.list_images("docker-daemon:nothing")


def test_what_a_containerd_store_holds(engine: Start) -> None:
    server = engine(saved_25(), version="1.49")
    there = {
        "Kind": "image",
        "Available": True,
        "Size": {"Content": 100, "Total": 400},
        "ImageData": {"Platform": {"os": "linux", "architecture": "arm64", "variant": "v8"}, "Size": {"Unpacked": 300}},
    }
    entries = [
        there,
        {"Kind": "image", "Available": False, "ImageData": {"Platform": {"os": "linux"}}},
        {"Kind": "attestation"},
    ]
    server.answers["/images/json"] = [
        {"Id": ID, "RepoTags": ["app:1"], "Created": 1, "Size": 400, "Manifests": entries}
    ]
    (row,) = stores.list_images("docker-daemon:*")
    assert (row.platform, row.compressed, row.raw) == ("linux/arm64/v8", 100, 300)
    older = {"Id": ID, "RepoTags": ["app:1"], "RepoDigests": [f"app@{ID}"], "Created": 1, "Size": 400}
    server.answers["/images/json"] = [older]
    (row,) = stores.list_images("docker-daemon:*")
    assert (row.compressed, row.raw) == (None, None)
