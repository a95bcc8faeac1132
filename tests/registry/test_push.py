"""Writing to a registry that does what it is told: what is sent, what is not, and what holds when things break."""

from __future__ import annotations

import io
import json
import random
import socket
from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

import pytest

from jettison import stores
from jettison.errors import DigestMismatch, InputError, RemoteError
from jettison.image.check import check
from jettison.image.compose import compose
from jettison.image.source import BytesSource
from registry.faults import INDEX, MANIFEST, Sample, descriptor, fails, hangs, layer
from registry.test_tokens import Guard

if TYPE_CHECKING:
    from collections.abc import Callable

    from jettison.image.image import Image
    from registry.faults import Handler, Registry

BIG = random.Random(4).randbytes(3 << 20)
SMALL = b"small"


@pytest.fixture
def image() -> Image:
    """Two layers, one of more than a single request's bytes."""
    return compose([layer({"big": BIG}), layer({"small": SMALL})])


def blobs(image: Image) -> list[str]:
    assert image.manifest is not None
    return [image.manifest.config.digest, *(entry.digest for entry in image.manifest.layers)]


def requests(server: Registry, method: str) -> list[str]:
    return [seen.path for seen in server.seen if seen.method == method]


def holds(server: Registry, image: Image, tag: str = "1") -> bool:
    return f"app/{tag}" in server.manifests and server.manifests[f"app/{tag}"][1] == image.manifest_bytes


def test_an_image_comes_back_as_it_was(server: Registry, image: Image) -> None:
    name = f"docker://{server.host}/app:1"
    stores.write_image(image, name)
    again = stores.open_image(name)
    check(again).demand()
    assert (again.manifest_bytes, again.config_bytes) == (image.manifest_bytes, image.config_bytes)
    puts = requests(server, "PUT")
    assert puts[-1] == "/v2/app/manifests/1"
    assert len(requests(server, "PATCH")) == 1  # the small ones go with the request that ends them
    assert all(seen.headers.get("content-length") for seen in server.seen if seen.method in ("PATCH", "PUT"))


def test_what_is_there_is_not_sent(server: Registry, image: Image) -> None:
    name = f"docker://{server.host}/app:1"
    stores.write_image(image, name)
    server.seen.clear()
    stores.write_image(image, name[:-1] + "2")
    assert requests(server, "POST") == []
    assert len(requests(server, "HEAD")) == 3
    assert holds(server, image, "2")


def test_blobs_are_mounted_from_the_repository_they_come_from(server: Registry, image: Image) -> None:
    stores.write_image(image, f"docker://{server.host}/base:1")
    for blob in blobs(image):
        server.on(f"/v2/app/blobs/{blob}", fails(404))
    server.mountable.add("base")
    server.seen.clear()
    graph = stores.open_graph(f"docker://{server.host}/base:1")
    delivery = stores.write_graph(graph, f"docker://{server.host}/app:1")
    assert [handed.fate for handed in delivery.blobs] == ["mounted"] * 3
    assert all(seen.query.endswith("&from=base") for seen in server.seen if seen.method == "POST")


def test_a_mount_that_is_refused_becomes_an_upload(server: Registry, image: Image) -> None:
    name = f"docker://{server.host}/base:1"
    stores.write_image(image, name)
    graph = stores.open_graph(name)
    server.on("/v2/app/blobs/uploads/", fails(403, "DENIED", "not yours"), times=1)
    for blob in blobs(image):
        server.on(f"/v2/app/blobs/{blob}", fails(404))
    delivery = stores.write_graph(graph, f"docker://{server.host}/app:1")
    assert [handed.fate for handed in delivery.blobs] == ["sent"] * 3
    assert holds(server, image)


def test_an_upload_goes_on_where_the_connection_broke(server: Registry, image: Image, waits: list[float]) -> None:
    server.cut("PATCH", 2_000_000, 500_000)
    stores.write_image(image, f"docker://{server.host}/app:1")
    check(stores.open_image(f"docker://{server.host}/app:1")).demand()
    ranges = [seen.headers.get("content-range") for seen in server.seen if seen.method == "PATCH"]
    size = image.manifest.layers[0].size if image.manifest else 0
    assert ranges == [f"2500000-{size - 1}"]  # of the requests that came whole: the rest, and nothing twice
    assert len(waits) == 2


def test_an_upload_begins_anew_where_the_registry_cannot_tell(server: Registry, image: Image) -> None:
    server.resumes = False
    server.cut("PATCH", 2_000_000)
    stores.write_image(image, f"docker://{server.host}/app:1")
    check(stores.open_image(f"docker://{server.host}/app:1")).demand()
    assert len(requests(server, "POST")) == 4


def test_requests_are_cut_where_long_ones_are_refused(
    server: Registry, image: Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jettison.registry.upload.PIECE", 1_000_000)
    server.piece = 1_000_000
    stores.write_image(image, f"docker://{server.host}/app:1")
    check(stores.open_image(f"docker://{server.host}/app:1")).demand()
    sent = [int(seen.headers["content-length"]) for seen in server.seen if seen.method == "PATCH"]
    assert sent[1:] == [1_000_000] * 3 + [sent[0] - 3_000_000]


def test_a_lost_answer_is_no_loss(server: Registry, image: Image) -> None:
    def loses(handler: Handler) -> None:
        seen = handler.server.seen[-1]
        if seen.method == "PUT":
            handler.wfile = io.BytesIO()
        handler.write(seen.path, seen.query, seen.body)
        if seen.method == "PUT":
            handler.connection.shutdown(socket.SHUT_RDWR)

    server.on("/v2/app/blobs/uploads/0", loses, times=2)
    stores.write_image(image, f"docker://{server.host}/app:1")
    check(stores.open_image(f"docker://{server.host}/app:1")).demand()


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_registry_that_is_busy_is_waited_for(server: Registry, image: Image, waits: list[float], status: int) -> None:
    server.on("/v2/app/blobs/uploads/0", fails(status, **{"Retry-After": "7"}))
    server.on("/v2/app/manifests/1", fails(status, **{"Retry-After": "9"}))
    stores.write_image(image, f"docker://{server.host}/app:1")
    assert holds(server, image)
    assert sorted(round(wait) for wait in waits) == [7, 9]


def test_a_registry_that_dies_leaves_the_tag(server: Registry, image: Image, waits: list[float]) -> None:
    old = compose([layer({"old": b"old"})])
    stores.write_image(old, f"docker://{server.host}/app:1")
    server.cut("PATCH", *[1000] * 20)
    server.resumes = False
    with pytest.raises(RemoteError, match=r"the connection broke.*, 5 times over") as caught:
        stores.write_image(image, f"docker://{server.host}/app:1")
    assert caught.value.exit_code == 4
    assert "run the same command again" in str(caught.value.hint)
    assert holds(server, old)


def test_a_lying_source_is_found_out_before_the_upload_ends(server: Registry, image: Image) -> None:
    wrong = replace(image.layers[0], source=BytesSource(b"".join(image.layers[0].source.chunks())[:-1] + b"!"))
    with pytest.raises(DigestMismatch, match="it should be"):
        stores.write_image(replace(image, layers=(wrong, *image.layers[1:])), f"docker://{server.host}/app:1")
    assert blobs(image)[1] not in server.blobs
    assert "app/1" not in server.manifests
    assert len(requests(server, "DELETE")) == 1  # nothing is left lying about


def test_a_refusal_says_what_was_refused(server: Registry, image: Image) -> None:
    server.on("/v2/app/manifests/1", fails(400, "MANIFEST_INVALID", "no zstd here"), times=0)
    with pytest.raises(RemoteError, match="no zstd here"):
        stores.write_image(image, f"docker://{server.host}/app:1")
    server.on("/v2/ro/blobs/uploads/", fails(405, "UNSUPPORTED", "The operation is unsupported."), times=0)
    with pytest.raises(RemoteError, match="405"):
        stores.write_image(compose([layer({"x": b"y"})]), f"docker://{server.host}/ro:1")


def test_uploads_do_not_go_to_other_hosts_on_this_machine(server: Registry, image: Image) -> None:
    def elsewhere(handler: Handler) -> None:
        handler.answer(202, Location="ftp://127.0.0.9/x")

    server.on("/v2/app/blobs/uploads/", elsewhere, times=0)
    with pytest.raises(RemoteError, match="no web address"):
        stores.write_image(image, f"docker://{server.host}/app:1")


def test_a_digest_can_be_written_to_if_it_is_the_images(server: Registry, image: Image) -> None:
    stores.write_image(image, f"docker://{server.host}/app@{image.digest}")
    assert f"app/{image.digest}" in server.manifests
    with pytest.raises(DigestMismatch, match="cannot be had under another digest"):
        stores.write_image(compose([layer({"x": b"y"})]), f"docker://{server.host}/app@{image.digest}")


def test_a_token_that_expires_in_an_upload_is_renewed(
    server: Registry, start: Callable[..., Registry], image: Image
) -> None:
    tokens = start("127.0.0.2")
    guard = Guard(server, f"http://{tokens.host}/token", tokens)

    def day_passes(handler: Handler) -> None:
        guard.day += 1
        guard(handler)

    server.on("/v2/app/blobs/uploads/0", day_passes)
    stores.write_image(image, f"docker://{server.host}/app:1")
    assert holds(server, image)
    asked = [sorted(parse_qs(seen.query)["scope"][0].split()) for seen in tokens.seen]
    assert ["repository:app:pull,push"] in asked
    assert len(tokens.seen) >= 2


def index_of(*samples: Sample) -> bytes:
    entries = [
        descriptor(sample.manifest, MANIFEST, platform={"os": "linux", "architecture": sample.architecture})
        for sample in samples
    ]
    return json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": entries}).encode()


def test_a_hundred_platforms(start: Callable[..., Registry]) -> None:
    source, target = start(), start()
    samples = [Sample([layer({"a": str(number).encode()})], f"arch{number}") for number in range(100)]
    for sample in samples:
        source.put(sample)
    data = index_of(*samples)
    source.put_manifest(data, "1", media_type=INDEX)
    graph = stores.open_graph(f"docker://{source.host}/app:1")
    assert len(graph.images()) == 100
    stores.write_graph(graph, f"docker://{target.host}/app:1")
    assert target.manifests["app/1"] == (INDEX, data)
    assert requests(target, "PUT")[-1] == "/v2/app/manifests/1"


def test_an_index_that_lacks_a_manifest_is_refused(server: Registry, sample: Sample) -> None:
    server.put_manifest(index_of(sample), "1", media_type=INDEX)
    with pytest.raises(InputError, match="manifest unknown"):
        stores.open_graph(f"docker://{server.host}/app:1")


def test_silence_while_sending_is_noticed(
    server: Registry, image: Image, waits: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jettison.registry.upload.COMMIT_SECONDS", 0.5)
    server.on("/v2/app/blobs/uploads/0", hangs)
    stores.write_image(image, f"docker://{server.host}/app:1")
    assert holds(server, image)
