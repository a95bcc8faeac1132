"""eStargz: layers that any engine unpacks as gzip, and of which a lazy one fetches only the files that are read.

Each file's content is a gzip member of its own, large ones have one every `CHUNK` bytes; what stands between (headers,
padding) goes into others. Behind the tar's end comes one more member with a table of contents, where every file and
chunk is with its digest, and an empty one whose extra field says where the table is. Since the table stands after the
end, it is no file of the tree. Source: stargz-snapshotter, docs/estargz.md.
"""

from __future__ import annotations

import hashlib
import os
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import msgspec

from jettison.errors import ImageError
from jettison.image import tar
from jettison.image.archive import Reader, Stream
from jettison.image.entry import BLOCK, CHARACTER, DIRECTORY, FILE, HARDLINK, SYMLINK, show

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from jettison.image.archive import Member
    from jettison.image.entry import Entry

CHUNK = 1 << 20
"""The most bytes of a file in one gzip member. The reference implementation takes four times as many, which costs that
much more memory a thread. Part of the format: another number gives other digests."""
TABLE = b"stargz.index.json"
TABLE_DIGEST = "containerd.io/snapshot/stargz/toc.digest"
"""The annotation of a layer with the digest of its table, by which a lazy engine trusts it."""
UNPACKED_SIZE = "io.containers.estargz.uncompressed-size"

_KINDS = ("reg", "hardlink", "symlink", "char", "block", "dir", "fifo")
_FOOTER = b"\x1f\x8b\x08\x04\0\0\0\0\0\xff\x1a\0SG\x16\0%016xSTARGZ\x01\0\0\xff\xff\0\0\0\0\0\0\0\0"
"""An empty gzip member of 51 bytes, as Go writes it, with the table's place in its extra field."""


class Row(msgspec.Struct, omit_defaults=True, rename="camel"):
    """A row of the table of contents: a member, or one more chunk of the file before it."""

    name: str
    type: str
    size: int = 0
    modtime: str = ""
    link_name: str = ""
    mode: int = 0
    uid: int = 0
    gid: int = 0
    offset: int = 0
    dev_major: int = 0
    dev_minor: int = 0
    xattrs: dict[str, bytes] | None = None
    digest: str = ""
    chunk_offset: int = 0
    chunk_size: int = 0
    chunk_digest: str = ""


class _Headers(Stream):
    """A stream that remembers what was read of it besides bodies."""

    __slots__ = ("seen",)

    def __init__(self, pieces: Iterator[bytes]) -> None:
        super().__init__(pieces)
        self.seen = bytearray()

    def block(self) -> bytes:
        before = len(self.seen)
        block = super().block()
        if len(self.seen) == before:
            self.seen += block
        return block

    def take(self, size: int) -> bytes:
        data = super().take(size)
        self.seen += data
        return data

    def skip(self, size: int) -> None:
        self.take(size)


@dataclass(slots=True)
class Writer:
    """Writes one layer. `plain` hears every byte of the tar that it is then; `annotations` are known at the end."""

    level: int
    threads: int
    plain: Callable[[bytes | memoryview], None]
    annotations: dict[str, str] = field(default_factory=dict)
    _rows: list[Row] = field(default_factory=list)
    _names: set[bytes] = field(default_factory=set)
    _between: bytearray = field(default_factory=bytearray)
    _waiting: deque[tuple[Future[bytearray], Row | None]] = field(default_factory=deque)
    _written: int = 0
    _raw: int = 0

    def pack(self, parts: Iterable[bytes | memoryview]) -> Iterator[bytes | bytearray]:
        """The layer whose tar is `parts`; what follows the tar's end is left out.

        Raises `ImageError` for what the table cannot say: names that are no UTF-8, and hard links into other layers.
        """
        with ThreadPoolExecutor(self.threads, "jettison-pack") as pool:
            try:
                for data, row in self._members(parts):
                    self._told(data)
                    self._waiting.append((pool.submit(_deflated, self.level, bytes(data)), row))
                    yield from self._done(self.threads + 1)
                yield from self._done(0)
            finally:
                for future, _ in self._waiting:
                    future.cancel()
        yield from self._table()

    def _told(self, data: bytes | memoryview) -> None:
        self.plain(data)
        self._raw += len(data)

    def _done(self, most: int) -> Iterator[bytearray]:
        """What is packed, until no more than `most` members are under way."""
        while len(self._waiting) > most:
            future, row = self._waiting.popleft()
            packed = future.result()
            if row is not None:
                row.offset = self._written
            self._written += len(packed)
            yield packed

    def _members(self, parts: Iterable[bytes | memoryview]) -> Iterator[tuple[bytes, Row | None]]:
        """The tar cut into what is to be one gzip member each, with the row that needs its place."""
        stream = _Headers(iter(bytes(part) for part in parts))
        for member in Reader(stream):
            row = self._row(member.entry)
            header = bytes(stream.seen)
            stream.seen.clear()
            self._between += header if member.holes is None else tar.header(member.entry)
            self._rows.append(row)
            if member.entry.kind == FILE:
                yield from self._content(member, stream, row)
                stream.skip(member.entry.end - stream.position)
                stream.seen.clear()
                self._between += tar.padding(member.entry.size)
            if len(self._between) >= CHUNK:
                yield from self._flushed()
        self._between += tar.END
        yield from self._flushed()
        for _ in stream.rest():
            pass

    def _flushed(self) -> Iterator[tuple[bytes, None]]:
        if self._between:
            yield bytes(self._between), None
            self._between.clear()

    def _row(self, entry: Entry) -> Row:
        if entry.kind == HARDLINK and entry.link not in self._names:
            raise ImageError(
                f"{show(entry.path)!r} is a hard link into another layer ({show(entry.link)!r}), "
                "which eStargz has no word for",
                hint="merge the layers (--layers merge), or choose another compression",
            )
        self._names.add(entry.path)
        major, minor = entry.device or (0, 0)
        return Row(
            name=_text(entry.path) + ("/" if entry.kind == DIRECTORY else ""),
            type=_KINDS[entry.kind],
            size=entry.size if entry.kind == FILE else 0,
            modtime=_time(entry.mtime),
            link_name=_text(entry.link) if entry.kind in (HARDLINK, SYMLINK) else "",
            mode=entry.mode,
            uid=entry.uid,
            gid=entry.gid,
            dev_major=major if entry.kind in (CHARACTER, BLOCK) else 0,
            dev_minor=minor if entry.kind in (CHARACTER, BLOCK) else 0,
            xattrs=entry.xattrs,
        )

    def _content(self, member: Member, stream: Stream, row: Row) -> Iterator[tuple[bytes, Row | None]]:
        whole, at, size = hashlib.sha256(), 0, member.entry.size
        now = row
        for chunk in _chunks(_body(member, stream)):
            yield from self._flushed()
            whole.update(chunk)
            now.chunk_offset = at
            now.chunk_size = len(chunk) if at + len(chunk) < size else 0
            now.chunk_digest = "sha256:" + hashlib.sha256(chunk).hexdigest()
            if now is not row:
                self._rows.append(now)
            yield chunk, now
            at += len(chunk)
            now = Row(name=row.name, type="chunk")
        row.digest = "sha256:" + whole.hexdigest()

    def _table(self) -> Iterator[bytes | bytearray]:
        table = msgspec.json.encode({"version": 1, "entries": self._rows})
        member = tar.file_header(TABLE, len(table)) + table + tar.padding(len(table)) + tar.END
        self._told(member)
        yield _deflated(self.level, member)
        yield _FOOTER % self._written
        self.annotations[TABLE_DIGEST] = "sha256:" + hashlib.sha256(table).hexdigest()
        self.annotations[UNPACKED_SIZE] = str(self._raw)


def threads(wanted: int | None) -> int:
    """How many to pack with."""
    return wanted or min(os.cpu_count() or 1, 16)


def _body(member: Member, stream: Stream) -> Iterator[bytes | memoryview]:
    """A file's content, holes filled with zeros."""
    if member.holes is None:
        yield from stream.parts(member.stored)
        return
    at = 0
    for offset, length in (*member.holes, (member.entry.size, 0)):
        while at < offset:
            zeros = min(CHUNK, offset - at)
            yield bytes(zeros)
            at += zeros
        yield from stream.parts(length)
        at += length


def _chunks(parts: Iterator[bytes | memoryview]) -> Iterator[bytes]:
    """The same bytes, `CHUNK` at a time."""
    buffer = bytearray()
    for part in parts:
        buffer += part
        while len(buffer) >= CHUNK:
            yield bytes(buffer[:CHUNK])
            del buffer[:CHUNK]
    if buffer:
        yield bytes(buffer)


def _text(path: bytes) -> str:
    try:
        return path.decode()
    except UnicodeDecodeError:
        raise ImageError(
            f"the name {show(path)!r} is no UTF-8, which eStargz has no word for", hint="choose another compression"
        ) from None


def _time(nanoseconds: int) -> str:
    try:
        return datetime.fromtimestamp(nanoseconds // 1_000_000_000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (ValueError, OverflowError, OSError):
        return ""


def _deflated(level: int, data: bytes) -> bytearray:
    from deflate import gzip_compress

    return gzip_compress(data, level)
