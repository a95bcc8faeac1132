"""The index of a layer: all its entries with content hashes, from one streaming pass, verified against its digests."""

from __future__ import annotations

from hashlib import sha256
from mmap import mmap
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
    from hashlib import _Hash

    from jettison.image.archive import Member
    from jettison.image.layer import Layer
    from jettison.image.probe import ProbeSet
    from jettison.image.weight import Sampler

MAX_ENTRIES = 10_000_000
LARGE = 256 << 10
"""Files of so many bytes are worth handing to another thread for hashing."""


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
            members = _Members(Stream(iter(pieces)), probes)
            members.read()
    except ImageError as error:
        if error.where is None:
            error.where = where
        raise
    _verify(layer, unpacking, where)
    return LayerIndex(
        diff_id=unpacking.diff_id,
        raw=unpacking.raw,
        entries=members.entries,
        facts=members.facts,
        compression=unpacking.compression,
        stored=unpacking.stored,
        blob=unpacking.blob,
        curve=unpacking.curve,
        notes=members.reader.notes,
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


class _Members:
    """Reads the members of a layer: entries, content hashes, and what probes make of the content.

    Small files are hashed on the spot, large ones in a thread of their own.
    """

    def __init__(self, stream: Stream, probes: ProbeSet) -> None:
        self.reader = Reader(stream)
        self.entries: list[Entry] = []
        self.facts: dict[int, dict[str, bytes]] = {}
        self._stream = stream
        self._probes = probes
        self._curious = bool(probes.probes)
        self._late: list[tuple[Entry, _Hash]] = []
        self._gathering: mmap | None = None

    def read(self) -> None:
        """Read them all, and what follows the archive's end."""
        entries = self.entries
        with Beside(_update) as beside:
            for member in self.reader:
                if member.entry.kind == FILE:
                    self._file(member, beside)
                entries.append(member.entry)
                if len(entries) > MAX_ENTRIES:
                    raise LayerError(f"the layer has more than {MAX_ENTRIES:,} members", offset=self._stream.position)
            for _ in self._stream.rest():
                pass
        for entry, hashing in self._late:
            force_setattr(entry, "sha256", hashing.digest())

    def _file(self, member: Member, beside: Beside[tuple[_Hash, memoryview]]) -> None:
        stream, entry, stored = self._stream, member.entry, member.stored
        if member.holes is not None:
            force_setattr(entry, "sha256", _hash_sparse(stream, member.holes, entry.size))
        elif stored < LARGE and (body := stream.body(entry.end - member.body)) is not None:
            body = body[:stored]
            force_setattr(entry, "sha256", sha256(body).digest())  # nobody has seen the entry yet
            if self._curious:
                self._probe(entry.path, body)
            return
        else:
            hashing = sha256()
            self._late.append((entry, hashing))
            for part in self._parts(entry.path, stored):
                beside.feed((hashing, part))
        stream.skip(len(stream.peek(-stored % BLOCK_SIZE)))  # padding, which an archive may lack at its very end

    def _parts(self, path: bytes, size: int) -> Iterator[memoryview]:
        """The body of a file as it comes, shown to the probes that want it."""
        stream = self._stream
        if not self._curious or not self._probes.wanted(path, size, stream.peek(min(16, size))):
            return stream.parts(size)
        body = stream.body(size)
        if body is None:
            return self._gathered(path, size)
        self._probe(path, body)
        return iter((body,))

    def _gathered(self, path: bytes, size: int) -> Iterator[memoryview]:
        """The same for a file that spans pieces: it is hashed as it comes, so that one copy is all there ever is."""
        if self._gathering is None or len(self._gathering) < size:
            self._gathering = mmap(-1, max(size, 32 << 20))  # only what is written to takes memory
        body = self._gathering
        body.seek(0)
        for part in self._stream.parts(size):
            body.write(part)
            yield part
        with memoryview(body) as whole, whole[:size] as view:
            self._probe(path, view)

    def _probe(self, path: bytes, body: memoryview) -> None:
        """Keep what the probes that want the file make of it."""
        found = {}
        for probe in self._probes.wanted(path, len(body), body[:16].tobytes()):
            fact = probe.read(body)
            if fact is not None:
                found[probe.name] = fact
        if found:
            self.facts[len(self.entries)] = found


def _update(step: tuple[_Hash, memoryview]) -> None:
    hashing, part = step
    hashing.update(part)


_HOLE = bytes(1 << 20)


def _hash_sparse(stream: Stream, ranges: list[tuple[int, int]], size: int) -> bytes:
    digest = sha256()
    position = 0
    for offset, length in [*ranges, (size, 0)]:
        for start in range(position, offset, len(_HOLE)):
            digest.update(_HOLE[: offset - start])
        for part in stream.parts(length):
            digest.update(part)
        position = offset + length
    return digest.digest()
