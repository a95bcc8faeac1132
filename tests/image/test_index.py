"""The index of a layer: the same whatever form and pieces it comes in, verified, and without anything left behind."""

from __future__ import annotations

import gzip
import hashlib
import random
import struct
import threading
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jettison.errors import DigestMismatch, ImageError, LayerError
from jettison.image import codec, dialects, index, tar
from jettison.image.codec import compress
from jettison.image.entry import FILE, Entry
from jettison.image.layer import Layer
from jettison.image.probe import NO_PROBES, Probe, ProbeSet
from jettison.image.random import random_layer
from jettison.image.source import BytesSource, FileSource
from jettison.oci.descriptor import Descriptor
from jettison.oci.digest import Digest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from jettison.image.source import Source


@dataclass(frozen=True)
class Pieces:
    """A source that gives pieces of as many bytes as it was told, and then perhaps fails."""

    data: bytes
    step: int
    failure: Exception | None = None

    @property
    def size(self) -> int | None:
        return None

    def chunks(self) -> Iterator[bytes]:
        for start in range(0, len(self.data), self.step):
            yield self.data[start : start + self.step]
        if self.failure:
            raise self.failure


def built(source: Source, probes: ProbeSet = NO_PROBES) -> index.LayerIndex:
    """The index of whatever comes."""
    return index.build(Layer(Digest(""), source), probes)


def file(path: bytes, body: bytes) -> bytes:
    """A file as a tar member."""
    return dialects.member(Entry(path, FILE, len(body), 0o644, 0, 0, 0, 0, 0), body)


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 200),
    packed=st.sampled_from([None, "gzip", "zstd"]),
    step=st.sampled_from([1, 3, 97, 511, 513, 4096, 1 << 20]),
)
def test_pieces_do_not_matter(seed: int, packed: str | None, step: int) -> None:
    data = random_layer(seed, 6)
    blob = data if packed is None else b"".join(compress([data], packed))
    plain, made = built(BytesSource(data)), built(Pieces(blob, step))
    assert (made.entries, made.raw, made.diff_id) == (plain.entries, len(data), Digest.of(data))
    assert (made.compression, made.stored, made.blob) == (packed, len(blob), Digest.of(blob))


def test_other_compressions(tmp_path: Path) -> None:
    import bz2
    import lzma

    data = random_layer(5)
    for name, blob in (("bzip2", bz2.compress(data)), ("xz", lzma.compress(data))):
        made = built(BytesSource(blob))
        assert made.compression == name and made.entries == built(BytesSource(data)).entries


def member(data: bytes, *, name: bytes = b"", extra: bytes = b"", comment: bytes = b"", check: bool = False) -> bytes:
    """One gzip member with optional fields in its header."""
    flags = 4 * bool(extra) + 8 * bool(name) + 16 * bool(comment) + 2 * check
    head = b"\x1f\x8b\x08" + bytes([flags]) + bytes(4) + b"\0\xff"
    head += struct.pack("<H", len(extra)) + extra if extra else b""
    head += b"".join(text + b"\0" for text in (name, comment) if text)
    head += struct.pack("<H", zlib.crc32(head) & 0xFFFF) if check else b""
    packer = zlib.compressobj(6, zlib.DEFLATED, -15)
    return head + packer.compress(data) + packer.flush() + struct.pack("<II", zlib.crc32(data), len(data))


def test_estargz_has_many_members_and_content_behind_the_end() -> None:
    """Every file is a gzip member of its own, and a table of contents stands behind the tar's two blocks of zeros."""
    parts = [file(b"a", b"first"), file(b"b", b"second" * 1000), tar.END]
    contents = file(b"stargz.index.json", b"{}") + tar.END
    blob = b"".join(map(member, [*parts, contents])) + member(b"", extra=b"SG\x16\0" + b"0" * 22)
    data = b"".join(parts) + contents
    for step in (1, 7, 4096):
        made = built(Pieces(blob, step))
        assert made.diff_id == Digest.of(data) and made.blob == Digest.of(blob)
        assert [entry.path for entry in made.entries] == [b"a", b"b"]


@pytest.mark.parametrize("with_isal", [True, False])
@pytest.mark.parametrize("step", [1, 2, 11, 64])
def test_gzip_headers_with_all_fields_in_any_pieces(
    step: int, with_isal: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not with_isal:
        monkeypatch.setattr(codec, "igzip_lib", None)
    for flags in range(16):
        name, extra = b"name" if flags & 1 else b"", b"XX\2\0ab" if flags & 2 else b""
        one = member(b"hello" * 50, name=name, extra=extra, comment=b"text" if flags & 4 else b"", check=flags > 7)
        assert b"".join(codec.unpacked(Pieces(one * 3, step).chunks())) == b"hello" * 150


@pytest.mark.parametrize("tail", [b"x", b"\x1f", b"\x1f\x8b\x08\0", b"123456789", bytes(9) + b"x"])
def test_rubbish_behind_a_stream_is_refused(tail: bytes) -> None:
    blob = gzip.compress(random_layer(3))
    assert built(BytesSource(blob + bytes(100))).stored == len(blob) + 100, "zeros are padding"
    with pytest.raises(LayerError):
        built(BytesSource(blob + tail))


@pytest.mark.parametrize("packed", ["gzip", "zstd", "xz", "bzip2"])
def test_flipped_and_missing_bits_are_found(packed: str) -> None:
    import bz2
    import lzma

    data = random_layer(11, 40)
    pack = {"xz": lzma.compress, "bzip2": bz2.compress}.get(packed)
    blob = pack(data) if pack else b"".join(compress([data], packed))
    dice = random.Random(1)
    for _ in range(40):
        at = dice.randrange(len(blob))
        spoiled = blob[:at] + bytes([blob[at] ^ 1 << dice.randrange(8)]) + blob[at + 1 :]
        layer = Layer(Digest.of(data), BytesSource(spoiled))
        with pytest.raises(ImageError):  # unless the bit means nothing, as a time in gzip's header does
            if index.build(layer, NO_PROBES).diff_id == Digest.of(data):
                raise ImageError("the tar is the same")
        with pytest.raises(ImageError):
            built(BytesSource(blob[: max(1, at)]))


def test_digests_that_lie_are_named() -> None:
    data = random_layer(2)
    blob = gzip.compress(data)
    right = Descriptor(digest=Digest.of(blob), size=len(blob))
    source, diff_id, lie = BytesSource(blob), Digest.of(data), Digest("sha256:" + "0" * 64)
    assert index.build(Layer(diff_id, source, right), NO_PROBES).entries
    for layer, word in (
        (Layer(lie, source, right), "diff_id"),
        (Layer(diff_id, source, Descriptor(digest=lie, size=len(blob))), "digest"),
        (Layer(diff_id, source, Descriptor(digest=right.digest, size=1)), "bytes"),
    ):
        with pytest.raises(DigestMismatch, match=word) as caught:
            index.build(layer, NO_PROBES, where="image x: layer 0")
        assert caught.value.where == "image x: layer 0"


@pytest.mark.parametrize("size", [10, 5000, index.LARGE - 1, index.LARGE, 3 << 20])
@pytest.mark.parametrize("step", [700, 1 << 16, 8 << 20])
def test_probes_see_whole_files(size: int, step: int) -> None:
    body = random.Random(size).randbytes(size)
    data = file(b"etc/first", b"no") + file(b"lib/x.so", b"MAGIC" + body) + file(b"etc/name", body) + tar.END
    seen = ProbeSet(
        [
            Probe("path", pattern=rb"etc/name\Z"),
            Probe("magic", magic=b"MAGIC", read=lambda view: hashlib.sha256(view).digest()),
            Probe("both", pattern=rb"\Alib/", magic=b"MAGIC", read=lambda view: b"%d" % len(view)),
            Probe("nothing", pattern=rb"first", read=lambda view: None),
            Probe("small", pattern=rb".", limit=4),
        ]
    )
    made = built(Pieces(data, step), seen)
    digest = hashlib.sha256(b"MAGIC" + body).digest()
    assert made.facts == {
        0: {"small": b"no"},
        1: {"magic": digest, "both": b"%d" % (size + 5)},
        2: {"path": body},
    }
    assert [entry.sha256 for entry in made.entries[1:]] == [digest, hashlib.sha256(body).digest()]


def test_large_files_and_sparse_ones_are_hashed_right(tmp_path: Path) -> None:
    dice = random.Random(3)
    body = dice.randbytes(5 << 20)
    extents = [(1 << 20, dice.randbytes(1 << 20)), (9 << 20, b"x" * 512)]
    sparse = Entry(b"sparse", FILE, 12 << 20, 0o644, 0, 0, 0, 0, 0)
    data = b"".join([file(b"big", body), dialects.sparse_pax(sparse, extents), file(b"small", b"s"), tar.END])
    whole = bytearray(12 << 20)
    for offset, part in extents:
        whole[offset : offset + len(part)] = part
    (tmp_path / "layer").write_bytes(b"head" + data)
    made = built(FileSource(str(tmp_path / "layer"), 4, len(data)))
    assert [entry.sha256 for entry in made.entries] == [hashlib.sha256(b).digest() for b in (body, whole, b"s")]
    assert made.diff_id == Digest.of(data) == made.blob


def test_a_sparse_bomb_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(codec, "BOMB_BYTES", 1 << 20)
    entry = Entry(b"sparse", FILE, 1 << 40, 0o644, 0, 0, 0, 0, 0)
    with pytest.raises(LayerError, match="a bomb"):
        built(BytesSource(dialects.sparse_pax(entry, [(0, b"x" * 512)]) + tar.END))


def test_a_failing_source_leaves_no_thread() -> None:
    before = threading.active_count()
    for blob in (random_layer(9, 60), gzip.compress(random_layer(9, 60))):
        for failure in (ImageError("the connection broke"), ZeroDivisionError()):
            with pytest.raises(type(failure)):
                built(Pieces(blob[: len(blob) // 2], 100, failure))
        with pytest.raises(LayerError):
            built(Pieces(b"\xff" * 100_000 + blob, 100))
        with pytest.raises(LayerError):
            built(Pieces(blob[: len(blob) // 2], 1000))
    assert threading.active_count() == before


def test_an_empty_blob_is_an_empty_layer_with_a_note() -> None:
    made = built(BytesSource(b""))
    assert made.entries == [] and made.raw == 0 and len(made.notes) == 1
