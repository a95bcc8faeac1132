"""The index of a layer: all its entries with content hashes, from one streaming pass, verified against its digests."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import msgspec

from jettison.errors import DigestMismatch, ImageError, LayerError
from jettison.image import codec
from jettison.image.archive import BLOCK_SIZE, Member, Reader, Stream
from jettison.image.entry import FILE, Entry
from jettison.image.pipeline import Ahead, Beside
from jettison.oci.digest import Digest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jettison.image.layer import Layer
    from jettison.image.probe import Probe, ProbeSet
    from jettison.image.weight import Sampler

MAX_ENTRIES = 10_000_000


class LayerIndex(msgspec.Struct, array_like=True):
    """What one pass over a layer gives.

    `raw` is the tar's bytes, `entries` its members in order. `facts` holds what probes read out: entry number → probe
    name → bytes. `stored` and `blob` are the stored blob's size and digest as read; `curve` pairs stored and raw
    positions along the stream, so that any range of the tar can be weighed in compressed bytes (empty for a plain
    tar). `notes` says what was tolerated.
    """

    diff_id: str
    raw: int
    entries: list[Entry]
    facts: dict[int, dict[str, bytes]]
    compression: str | None
    stored: int
    blob: str
    curve: list[tuple[int, int]]
    notes: list[str]


class _Unpacking:
    """The reading thread's step: stored bytes in, tar bytes out, hashing and measuring what was stored."""

    def __init__(self, layer: Layer) -> None:
        self._layer = layer
        self.compression: str | None = None
        self.stored = 0
        self.raw = 0
        self.curve: list[tuple[int, int]] = []
        self._hash = hashlib.sha256()

    @property
    def blob(self) -> str:
        return "sha256:" + self._hash.hexdigest()

    def _stored(self) -> Iterator[bytes]:
        for chunk in self._layer.source.chunks():
            if self.stored == 0:
                self.compression = codec.recognise(chunk)
            self.stored += len(chunk)
            if self.compression is not None:
                self._hash.update(chunk)
            yield chunk

    def pieces(self) -> Iterator[bytes]:
        chunks = self._stored()
        first = next(chunks, b"")
        rest = _chain(first, chunks)
        if self.compression is None:
            for chunk in rest:
                self.raw += len(chunk)
                yield chunk
            return
        last = 0
        for consumed, piece in codec.decompress(rest, self.compression):
            if consumed != last:
                self.curve.append((last, self.raw))
                last = consumed
            self.raw += len(piece)
            yield piece
        self.curve.append((self.stored, self.raw))


def _chain(first: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    if first:
        yield first
    yield from rest


def build(layer: Layer, probes: ProbeSet, *, where: str | None = None, sampler: Sampler | None = None) -> LayerIndex:
    """Read the layer once and index it. Raises `LayerError` or `DigestMismatch`, naming `where`.

    A layer whose `diff_id` is empty is taken as it comes. A `sampler` is fed the tar on the way.

    Three threads: reading, inflating and hashing what is stored; hashing the tar; parsing headers and hashing files.
    """
    unpacking = _Unpacking(layer)
    whole = hashlib.sha256()
    try:
        with Ahead(unpacking.pieces()) as pieces, Beside[bytes](whole.update) as hashing:
            stream = Stream(_teed(pieces, hashing, sampler))
            reader = Reader(stream)
            entries, facts = _read_members(reader, probes)
            for _ in stream.rest():
                pass
    except ImageError as error:
        if error.where is None:
            error.where = where
        raise
    diff_id = "sha256:" + whole.hexdigest()
    blob = unpacking.blob if unpacking.compression else diff_id
    _verify(layer, diff_id, blob, unpacking.stored, where)
    return LayerIndex(
        diff_id=diff_id,
        raw=unpacking.raw,
        entries=entries,
        facts=facts,
        compression=unpacking.compression,
        stored=unpacking.stored,
        blob=blob,
        curve=unpacking.curve,
        notes=reader.notes,
    )


def _teed(pieces: Ahead[bytes], hashing: Beside[bytes], sampler: Sampler | None) -> Iterator[bytes]:
    for piece in pieces:
        hashing.feed(piece)
        if sampler is not None:
            sampler.feed(piece)
        yield piece


def _verify(layer: Layer, diff_id: str, blob: str, stored: int, where: str | None) -> None:
    descriptor = layer.descriptor
    if descriptor is not None and stored != descriptor.size:
        raise DigestMismatch(f"the blob has {stored:,} bytes; the manifest says {descriptor.size:,}", where=where)
    if descriptor is not None and blob != descriptor.digest and Digest.parse(descriptor.digest).algorithm == "sha256":
        raise DigestMismatch(f"the blob's digest is {blob}; the manifest says {descriptor.digest}", where=where)
    if layer.diff_id and diff_id != layer.diff_id:
        raise DigestMismatch(f"the layer's diff_id is {diff_id}; the configuration says {layer.diff_id}", where=where)


def _read_members(reader: Reader, probes: ProbeSet) -> tuple[list[Entry], dict[int, dict[str, bytes]]]:
    entries: list[Entry] = []
    facts: dict[int, dict[str, bytes]] = {}
    stream = reader.stream
    for member in reader:
        entry = member.entry
        if entry.kind == FILE:
            wanted: list[Probe] = []
            if member.stored and member.holes is None:
                wanted = probes.wanted(entry.path, entry.size, stream.peek(min(16, member.stored)))
            if wanted:
                body = stream.take(member.stored)
                digest = hashlib.sha256(body).digest()
                found = _probe(wanted, body)
                if found:
                    facts[len(entries)] = found
            else:
                digest = _hash_body(stream, member)
            entry = msgspec.structs.replace(entry, sha256=digest)
        elif member.stored:
            stream.skip(member.stored)
        if member.stored % BLOCK_SIZE:
            stream.skip(-member.stored % BLOCK_SIZE)
        entries.append(entry)
        if len(entries) > MAX_ENTRIES:
            raise LayerError(f"the layer has more than {MAX_ENTRIES:,} members", offset=stream.position)
    return entries, facts


def _probe(wanted: list[Probe], body: bytes) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    for probe in wanted:
        fact = probe.read(memoryview(body))
        if fact is not None:
            found[probe.name] = fact
    return found


def _hash_body(stream: Stream, member: Member) -> bytes:
    if member.holes is not None:
        return _hash_sparse(stream, member, member.holes)
    digest = hashlib.sha256()
    for part in stream.parts(member.stored):
        digest.update(part)
    return digest.digest()


_HOLE = bytes(1 << 20)


def _hash_sparse(stream: Stream, member: Member, ranges: list[tuple[int, int]]) -> bytes:
    digest = hashlib.sha256()
    position = 0
    left = member.stored
    for offset, length in [*ranges, (member.entry.size, 0)]:
        hole = offset - position
        while hole > 0:
            digest.update(_HOLE[: min(hole, len(_HOLE))])
            hole -= len(_HOLE)
        if length > left:
            raise LayerError("a sparse file's map covers more than its data", offset=stream.position)
        for part in stream.parts(length):
            digest.update(part)
        left -= length
        position = offset + length
    stream.skip(left)
    return digest.digest()
