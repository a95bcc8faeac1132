"""What an engine is sent when an image is written into it, and what becomes of its answers."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from daemon.fake import ID, saved_25
from jettison import stores
from jettison.errors import DigestMismatch, RemoteError, UsageError
from jettison.image.check import check
from jettison.image.compose import compose
from jettison.image.random import random_image
from jettison.image.source import BytesSource

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from daemon.fake import Engine
    from jettison.image.image import Image


def received(engine: Engine, folder: Path) -> Image:
    path = folder / "received.tar"
    path.write_bytes(engine.loaded or b"")
    return stores.open_image(f"docker-archive:{path}:app:1")


@pytest.mark.parametrize("transport", ["docker-daemon", "podman"])
@pytest.mark.parametrize("compression", [None, "gzip", "zstd"])
def test_what_is_sent_is_the_image(
    engine: Callable[..., Engine], tmp_path: Path, transport: str, compression: str | None
) -> None:
    image = random_image(3, layers=3, compression=compression)
    server = engine(saved_25(), identity=image.id)
    stores.write_image(image, f"{transport}:app:1")
    sent = received(server, tmp_path)
    assert (sent.id, sent.names) == (image.id, ("app:1",))
    unpacked = transport == "podman" and compression == "zstd"  # podman could not save it again
    assert [layer.compression() for layer in sent.layers] == [None if unpacked else compression] * 3
    assert unpacked or sent.digest == image.digest
    check(sent).demand()
    assert max(server.chunks) <= 2 << 20


def test_an_old_engine_gets_no_zstd(engine: Callable[..., Engine], tmp_path: Path) -> None:
    image = random_image(3, layers=3, compression="zstd")
    server = engine(saved_25(), identity=image.id, version="1.41")
    stores.write_image(image, "docker-daemon:app:1")
    sent = received(server, tmp_path)
    check(sent).demand()
    assert sent.id == image.id
    assert {layer.compression() for layer in sent.layers} == {None}


def test_layers_that_occur_twice_are_sent_once(engine: Callable[..., Engine], tmp_path: Path) -> None:
    tar = b"".join(random_image(1, layers=1).layers[0].uncompressed())
    image = compose([tar, tar])
    server = engine(saved_25(), identity=image.id)
    stores.write_image(image, "docker-daemon:app:1")
    check(received(server, tmp_path)).demand()
    assert len(server.loaded or b"") < 2 * len(tar)


def test_an_engine_that_refuses(engine: Callable[..., Engine]) -> None:
    image = random_image(3)
    server = engine(saved_25(), identity=image.id)
    server.told = b'{"stream":"x"}\n{"errorDetail":{"message":"no space left"},"error":"no space left"}'
    with pytest.raises(RemoteError, match="did not take the image: no space left"):
        stores.write_image(image, "docker-daemon:app:1")


def test_an_engine_that_has_another_image_then(engine: Callable[..., Engine]) -> None:
    engine(saved_25(), identity=ID)
    with pytest.raises(RemoteError, match="now has"):
        stores.write_image(random_image(3), "docker-daemon:app:1")


@pytest.mark.parametrize("change", [b"shorter", b"x" * 100_000])
def test_a_layer_that_changes_meanwhile_breaks_the_stream_off(engine: Callable[..., Engine], change: bytes) -> None:
    image = random_image(3, layers=2)
    liar = replace(image.layers[1], source=BytesSource(change))
    server = engine(saved_25(), identity=image.id)
    with pytest.raises(DigestMismatch, match="it should be"):
        stores.write_image(replace(image, layers=(image.layers[0], liar)), "docker-daemon:app:1")
    assert server.loaded is None


def test_what_is_no_name(engine: Callable[..., Engine]) -> None:
    engine(saved_25())
    image = random_image(1)
    with pytest.raises(UsageError, match="under a name and a tag"):
        stores.write_image(image, f"docker-daemon:app@{image.id}")
    with pytest.raises(UsageError, match="not an image name"):
        stores.write_image(image, "docker-daemon:team/*")
    with pytest.raises(UsageError, match="an engine unpacks"):
        stores.write_image(image, "docker-daemon:app:1", compression="zstd")
