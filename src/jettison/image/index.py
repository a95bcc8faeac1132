"""The index of a layer: all its entries with content hashes, from one streaming pass, verified against its digests."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import force_setattr

from jettison.errors import DigestMismatch, ImageError, LayerError
from jettison.image import codec
from jettison.image.archive import BLOCK_SIZE, Reader, Stream
from jettison.image.entry import FILE, Entry
from jettison.image.pipeline import Ahead, Beside

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jettison.image.archive import Member
    from jettison.image.layer import Layer
    from jettison.image.probe import ProbeSet
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
    """Stored bytes in, tar bytes out; what is read and what comes out is hashed beside, each in a thread of its own."""

    def __init__(self, layer: Layer, sampler: Sampler | None) -> None:
        self._layer = layer
        self._sampler = sampler
        self.compression: str | None = None
        self.stored = 0
        self.raw = 0
        self.curve: list[tuple[int, int]] = []
        self._stored_hash = sha256()
        self._raw_hash = sha256()

    @property
    def diff_id(self) -> str:
        return "sha256:" + self._raw_hash.hexdigest()

    @property
    def blob(self) -> str:
        return "sha256:" + self._stored_hash.hexdigest() if self.compression else self.diff_id

    def pieces(self) -> Iterator[bytes]:
        self.compression, chunks = codec.sniff(self._layer.source.chunks())
        with Beside(self._hash) as hashing:
            for piece in self._unpacked(chunks):
                self.raw += len(piece)
                hashing.feed(piece)
                yield piece

    def _hash(self, piece: bytes) -> None:
        self._raw_hash.update(piece)
        if self._sampler is not None:
            self._sampler.feed(piece)

    def _unpacked(self, chunks: Iterator[bytes]) -> Iterator[bytes]:
        if self.compression is None:
            yield from chunks
            self.stored = self.raw
            return
        last = 0
        with Ahead(self._stored(chunks)) as stored:
            for consumed, piece in codec.decompress(iter(stored), self.compression):
                if consumed != last:
                    self.curve.append((last, self.raw))
                    last = consumed
                yield piece
        self.curve.append((self.stored, self.raw))

    def _stored(self, chunks: Iterator[bytes]) -> Iterator[bytes]:
        for chunk in chunks:
            self.stored += len(chunk)
            self._stored_hash.update(chunk)
            yield chunk


def build(layer: Layer, probes: ProbeSet, *, where: str | None = None, sampler: Sampler | None = None) -> LayerIndex:
    """Read the layer once and index it. Raises `LayerError` or `DigestMismatch`, naming `where`.

    A layer whose `diff_id` is empty is taken as it comes. A `sampler` is fed the tar on the way.
    """
    unpacking = _Unpacking(layer, sampler)
    try:
        with Ahead(unpacking.pieces()) as pieces:
            reader = Reader(Stream(iter(pieces)))
            entries, facts = _read_members(reader, probes)
            for _ in reader.stream.rest():
                pass
    except ImageError as error:
        if error.where is None:
            error.where = where
        raise
    _verify(layer, unpacking, where)
    return LayerIndex(
        diff_id=unpacking.diff_id,
        raw=unpacking.raw,
        entries=entries,
        facts=facts,
        compression=unpacking.compression,
        stored=unpacking.stored,
        blob=unpacking.blob,
        curve=unpacking.curve,
        notes=reader.notes,
    )


def _verify(layer: Layer, found: _Unpacking, where: str | None) -> None:
    descriptor = layer.descriptor
    if descriptor is not None and found.stored != descriptor.size:
        raise DigestMismatch(f"the blob has {found.stored:,} bytes; the manifest says {descriptor.size:,}", where=where)
    if descriptor is not None and descriptor.checked_digest().algorithm == "sha256" and found.blob != descriptor.digest:
        raise DigestMismatch(f"the blob's digest is {found.blob}; the manifest says {descriptor.digest}", where=where)
    if layer.diff_id and found.diff_id != layer.diff_id:
        raise DigestMismatch(
            f"the layer's diff_id is {found.diff_id}; the configuration says {layer.diff_id}", where=where
        )


def _read_members(reader: Reader, probes: ProbeSet) -> tuple[list[Entry], dict[int, dict[str, bytes]]]:
    entries: list[Entry] = []
    facts: dict[int, dict[str, bytes]] = {}
    stream = reader.stream
    curious = bool(probes.probes)
    for member in reader:
        entry = member.entry
        if entry.kind == FILE:
            found: dict[str, bytes] | None = None
            body = stream.body(entry.end - member.body) if member.holes is None else None
            if body is None:
                digest, found = _spanning(stream, member, probes)
            else:
                body = body[: member.stored]
                digest = sha256(body).digest()
                found = _probe(entry, body, probes) if curious else found
            force_setattr(entry, "sha256", digest)  # nobody has seen the entry yet
            if found:
                facts[len(entries)] = found
        entries.append(entry)
        if len(entries) > MAX_ENTRIES:
            raise LayerError(f"the layer has more than {MAX_ENTRIES:,} members", offset=stream.position)
    return entries, facts


def _probe(entry: Entry, body: memoryview, probes: ProbeSet) -> dict[str, bytes]:
    """What the probes that want the file make of it."""
    found = {}
    for probe in probes.wanted(entry.path, len(body), body[:16].tobytes()):
        fact = probe.read(body)
        if fact is not None:
            found[probe.name] = fact
    return found


def _spanning(stream: Stream, member: Member, probes: ProbeSet) -> tuple[bytes, dict[str, bytes]]:
    """The digest and the facts of a file that lies in several pieces, or in ranges with holes between."""
    found: dict[str, bytes] = {}
    if member.holes is not None:
        digest = _hash_sparse(stream, member.holes, member.entry.size)
    elif probes.wanted(member.entry.path, member.stored, stream.peek(min(16, member.stored))):
        body = stream.take(member.stored)
        digest = sha256(body).digest()
        found = _probe(member.entry, memoryview(body), probes)
    else:
        hashing = sha256()
        for part in stream.parts(member.stored):
            hashing.update(part)
        digest = hashing.digest()
    padding = -member.stored % BLOCK_SIZE
    stream.skip(len(stream.peek(padding)))  # which an archive may lack at its very end
    return digest, found


_HOLE = bytes(1 << 20)


def _hash_sparse(stream: Stream, ranges: list[tuple[int, int]], size: int) -> bytes:
    stored = sum(length for _, length in ranges)
    if size > codec.BOMB_BYTES and size > codec.BOMB_RATIO * stored:
        raise LayerError(f"a sparse file of {stored:,} bytes claims to be {size:,} long", offset=stream.position)
    digest = sha256()
    position = 0
    for offset, length in [*ranges, (size, 0)]:
        for start in range(position, offset, len(_HOLE)):
            digest.update(_HOLE[: offset - start])
        for part in stream.parts(length):
            digest.update(part)
        position = offset + length
    return digest.digest()
