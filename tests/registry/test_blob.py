from __future__ import annotations

import io
import threading
import time
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from urllib3 import HTTPResponse

from jettison.errors import DigestMismatch, InputError, NotFound, RemoteError
from jettison.image.source import CHUNK
from jettison.oci import manifest
from jettison.oci.descriptor import Descriptor
from jettison.oci.reference import parse_name
from jettison.registry.blob import BlobSource
from jettison.registry.repository import Repository
from jettison.registry.retry import Patience
from registry.faults import Handler, Registry, Sample, digest, drops, fails, hangs

if TYPE_CHECKING:
    from jettison.image.source import Source

DATA = bytes(range(256)) * 20_000
DESCRIPTOR = Descriptor(media_type="application/octet-stream", digest=digest(DATA), size=len(DATA))
PATH = f"/v2/app/blobs/{digest(DATA)}"


@pytest.fixture
def app(server: Registry) -> Repository:
    server.blobs[digest(DATA)] = DATA
    return Repository(parse_name(f"{server.host}/app:1"))


@pytest.fixture
def blob(app: Repository) -> Source:
    return app.blob(DESCRIPTOR)


def read(source: Source) -> bytes:
    return b"".join(source.chunks())


def ranges(server: Registry) -> list[str | None]:
    return [request.headers.get("range") for request in server.seen if request.path == PATH]


def test_a_blob_is_read_as_often_as_wanted(server: Registry, blob: Source) -> None:
    assert blob.size == len(DATA) and not server.seen
    pieces = list(blob.chunks())
    assert b"".join(pieces) == DATA and max(map(len, pieces)) <= CHUNK
    assert read(blob) == DATA


def test_it_goes_on_where_the_connection_dropped(server: Registry, blob: Source, waits: list[float]) -> None:
    server.on(PATH, drops(1_000_000))
    server.on(PATH, drops(300_000))
    assert read(blob) == DATA
    starts = [int(text.removeprefix("bytes=").rstrip("-")) if text else 0 for text in ranges(server)]
    assert len(starts) == 3 and starts[0] == 0 and 0 < starts[1] <= 1_000_000 < starts[2] <= 1_300_000
    assert len(waits) == 2


def test_many_drops_are_borne_while_there_is_progress(server: Registry, blob: Source) -> None:
    for _ in range(4):
        server.on(PATH, drops(100_000))
    assert read(blob) == DATA
    server.on(PATH, drops(1 << 20), times=0)
    assert read(blob) == DATA


def test_a_connection_that_drops_for_ever(server: Registry, blob: Source) -> None:
    server.on(PATH, drops(10), times=0)
    with pytest.raises(RemoteError, match="5 times over, after 50 of 5,120,000 bytes"):
        read(blob)


def test_a_server_without_ranges(server: Registry, blob: Source) -> None:
    server.on(PATH, drops(2_000_000))
    server.on(PATH, lambda handler: handler.blob(DATA, ranges=False))
    assert read(blob) == DATA


def test_a_server_that_hangs_in_the_middle(server: Registry, blob: Source) -> None:
    def silent(handler: Handler) -> None:
        handler.answer(200, DATA[:1000], Content_Length=str(len(DATA)))
        hangs(handler)

    server.on(PATH, silent)
    assert read(blob) == DATA
    server.on(PATH, silent, times=0)
    began = time.monotonic()
    with pytest.raises(InputError):
        read(blob)
    assert time.monotonic() - began < 10


def test_too_much(server: Registry, blob: Source) -> None:
    server.on(PATH, lambda handler: handler.answer(200, DATA + b"more"))
    with pytest.raises(DigestMismatch, match="5,120,000 bytes; the blob has 5,120,004"):
        read(blob)

    def unending(handler: Handler) -> None:
        handler.send_response(200)
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        for _ in range(2000):
            handler.wfile.write(b"10000\r\n" + bytes(1 << 16) + b"\r\n")

    server.on(PATH, unending)
    with pytest.raises(DigestMismatch, match="has more"):
        read(blob)


def test_too_little(server: Registry, blob: Source) -> None:
    server.on(PATH, lambda handler: handler.answer(200, DATA[:-1]))
    with pytest.raises(DigestMismatch, match="has 5,119,999"):
        read(blob)

    def until_close(handler: Handler) -> None:
        handler.protocol_version = "HTTP/1.0"
        handler.send_response(200)
        handler.end_headers()
        handler.wfile.write(DATA[:1000])
        handler.close_connection = True

    server.on(PATH, until_close)
    server.on(PATH, lambda handler: handler.answer(416, Content_Range="bytes */1000"))
    with pytest.raises(DigestMismatch, match="ends after 1,000"):
        read(blob)
    server.on(PATH, lambda handler: handler.answer(200, b""))
    with pytest.raises(DigestMismatch, match="has 0"):
        read(blob)
    server.on(PATH, until_close)
    assert read(blob) == DATA


def test_other_bytes(server: Registry, blob: Source) -> None:
    server.on(PATH, lambda handler: handler.answer(200, DATA[:-1] + b"x"))
    with pytest.raises(DigestMismatch, match="other bytes") as caught:
        read(blob)
    assert digest(DATA) in str(caught.value.where)


@pytest.mark.parametrize("answer", ["bytes 5-5119999/5120000", "nonsense", "bytes 1000-5119999/6000000"])
def test_ranges_that_lie(server: Registry, blob: Source, answer: str) -> None:
    server.on(PATH, drops(1000))
    server.on(PATH, lambda handler: handler.answer(206, DATA[1000:], Content_Range=answer))
    with pytest.raises((RemoteError, DigestMismatch)):
        read(blob)


def test_refusals(server: Registry, blob: Source) -> None:
    server.on(PATH, fails(404, "BLOB_UNKNOWN", "blob unknown to registry"))
    with pytest.raises(NotFound, match="there is no blob"):
        read(blob)
    server.on(PATH, drops(1_000_000))
    server.on(PATH, fails(500), times=0)
    with pytest.raises(RemoteError, match="500"):
        read(blob)


def test_leaving_early_closes_the_connection(server: Registry, blob: Source) -> None:
    for _ in range(20):
        chunks = blob.chunks()
        assert next(iter(chunks))
        chunks.close()  # type: ignore[attr-defined]
    assert read(blob) == DATA


def test_an_empty_blob(server: Registry, app: Repository) -> None:
    server.blobs[digest(b"")] = b""
    assert read(app.blob(Descriptor(digest=digest(b""), size=0))) == b""


def test_a_blob_in_its_descriptor(server: Registry, app: Repository) -> None:
    assert read(app.blob(Descriptor(digest=digest(b"{}"), size=2, data="e30="))) == b"{}"
    assert not server.seen
    server.blobs[digest(b"{}")] = b"{}"
    assert read(app.blob(Descriptor(digest=digest(b"{}"), size=2, data="W10="))) == b"{}"
    assert server.paths()


def test_many_threads(server: Registry, app: Repository, sample: Sample) -> None:
    server.put(sample, "1")
    blobs = [app.blob(entry) for entry in manifest.parse(sample.manifest).layers] * 8
    results: list[int] = []
    threads = [threading.Thread(target=lambda b=b: results.append(len(read(b)))) for b in blobs]  # type: ignore[misc]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(results) == sorted(entry.size or 0 for entry in blobs)


@st.composite
def answers(draw: st.DrawFn) -> tuple[int, dict[str, str], bytes]:
    """Something that a server may say, right or wrong."""
    start = draw(st.integers(0, len(SMALL)))
    body = SMALL[start : draw(st.integers(start, len(SMALL)))] + draw(st.sampled_from([b"", b"", b"x"]))
    headers = draw(
        st.fixed_dictionaries(
            {},
            optional={
                "content-length": st.sampled_from([str(len(body)), str(len(SMALL)), "-1", "x"]),
                "content-range": st.sampled_from([f"bytes {start}-{len(SMALL) - 1}/{len(SMALL)}", "bytes 0-1/*", ""]),
            },
        )
    )
    return draw(st.sampled_from([200, 206, 206, 416])), headers, body


SMALL = bytes(range(64))


@given(st.lists(answers(), max_size=8))
def test_whatever_a_server_says_the_bytes_are_right_or_refused(
    script: list[tuple[int, dict[str, str], bytes]],
) -> None:
    script = [*script, *[(200, {}, SMALL)] * 2]
    asked: list[int] = []

    def opener(descriptor: Descriptor, start: int) -> HTTPResponse:
        asked.append(start)
        status, headers, body = script[min(len(asked), len(script)) - 1]
        return HTTPResponse(io.BytesIO(body), headers, status, preload_content=False)

    source = BlobSource(
        Descriptor(digest=digest(SMALL), size=len(SMALL)), opener, Patience(sleep=lambda seconds: None), "here"
    )
    try:
        data = b"".join(source.chunks())
    except InputError:
        data = SMALL
    assert data == SMALL
    assert len(asked) < 80 and all(0 <= start < len(SMALL) for start in asked)
