"""Compression of layers, recognised by their first bytes, never by name or media type.

gzip is inflated by ISA-L where it is installed (2.5 times zlib's speed), zstd by the standard library's module or its
backport. A layer may consist of several gzip members or zstd frames (eStargz, zstd:chunked): all of them count.
Output is bounded a call, so that a bomb of a few kilobytes never becomes a piece of gigabytes.
"""

from __future__ import annotations

import bz2
import lzma
import os
import sys
import zlib
from itertools import chain
from typing import TYPE_CHECKING, Any, Protocol

from jettison.errors import LayerError

igzip_lib: Any
try:
    from isal import igzip_lib
except ImportError:
    igzip_lib = None

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

PIECE = 1 << 20
"""The most bytes that one call of a decompressor gives."""

_SMALL = 32 << 10
"""Pieces of less are joined, and members of less make bites of so much."""

BOMB_BYTES = int(os.environ.get("JETTISON_MAX_EXPANSION", 2 << 30))
BOMB_RATIO = 200
"""A stream that unpacks to more than `BOMB_BYTES` and to more than `BOMB_RATIO` times its stored size is refused."""

_MAGICS = (
    (b"\x1f\x8b", "gzip"),
    (b"\x28\xb5\x2f\xfd", "zstd"),
    (b"\xfd7zXZ\x00", "xz"),
    (b"BZh", "bzip2"),
)


def recognise(head: bytes) -> str | None:
    """`gzip`, `zstd`, `xz`, `bzip2`, or None for bytes that are not compressed. `head` needs at least 6 bytes."""
    for magic, name in _MAGICS:
        if head.startswith(magic):
            return None if name == "bzip2" and head[257:262] == b"ustar" else name  # a tar whose first file is BZh…
    if len(head) >= 4 and head[1:4] == b"\x2a\x4d\x18" and head[0] & 0xF0 == 0x50:
        return "zstd"  # a skippable frame comes first, as zstd:chunked and pzstd write it
    return None


class _Decompressor(Protocol):
    @property
    def eof(self) -> bool: ...
    @property
    def needs_input(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...

    def decompress(self, data: bytes, max_length: int = -1) -> bytes: ...


class _Inflate:
    """zlib's decompressor under the interface that bz2, lzma, zstd and ISA-L share."""

    def __init__(self) -> None:
        self._inner: Any = zlib.decompressobj(31)
        self.needs_input = True

    @property
    def eof(self) -> bool:
        return bool(self._inner.eof)

    @property
    def unused_data(self) -> bytes:
        return bytes(self._inner.unused_data)

    def decompress(self, data: bytes, max_length: int = -1) -> bytes:
        out: bytes = self._inner.decompress(self._inner.unconsumed_tail + data, max_length)
        self.needs_input = not self._inner.unconsumed_tail and len(out) < max_length
        return out


def _gzip_decompressor() -> _Decompressor:
    if igzip_lib is None:
        return _Inflate()
    fast: _Decompressor = igzip_lib.IgzipDecompressor(flag=igzip_lib.DECOMP_GZIP)
    return fast


def _zstd_decompressor() -> _Decompressor:
    if sys.version_info >= (3, 14):
        from compression import zstd
    else:
        from backports import zstd
    return zstd.ZstdDecompressor()


_DECOMPRESSORS: dict[str, Callable[[], _Decompressor]] = {
    "gzip": _gzip_decompressor,
    "zstd": _zstd_decompressor,
    "xz": lambda: lzma.LZMADecompressor(memlimit=1 << 28),
    "bzip2": bz2.BZ2Decompressor,
}


def _errors() -> tuple[type[Exception], ...]:
    if sys.version_info >= (3, 14):
        from compression.zstd import ZstdError
    else:
        from backports.zstd import ZstdError
    isal = (igzip_lib.error,) if igzip_lib is not None else ()
    return (zlib.error, ZstdError, lzma.LZMAError, OSError, EOFError, ValueError, MemoryError, *isal)


def decompress(chunks: Iterator[bytes], name: str) -> Iterator[tuple[int, bytes]]:
    """The uncompressed bytes of `chunks`, as (stored bytes consumed so far, piece).

    Raises `LayerError` where the stream is broken, cut off, followed by something else, or a bomb.
    """
    make = _DECOMPRESSORS[name]
    errors = _errors()
    worker = make()
    consumed = produced = 0
    started = False
    head = b""
    bites = _Bites(chunks)
    for chunk in bites:
        consumed += len(chunk)
        data, head = head + chunk, b""
        small: list[bytes] = []
        while True:
            if not started:
                if not data.strip(b"\0"):
                    break  # padding between members or after the last
                if len(data) >= 6 and produced and recognise(data[:6]) != name:
                    raise _followed(name, len(data))
                if len(data) < 6 or (name == "gzip" and not _has_whole_header(data)):
                    head = data
                    break
            try:
                piece = worker.decompress(data, PIECE)
            except errors as error:
                raise LayerError(f"the {name} stream is broken near its byte {consumed:,}: {error}") from None
            started = True
            if piece:
                produced += len(piece)
                if produced > BOMB_BYTES and produced > BOMB_RATIO * consumed:
                    raise _bomb(consumed, produced)
                if len(piece) < _SMALL:
                    small.append(piece)
                else:
                    yield consumed, b"".join((*small, piece)) if small else piece
                    small.clear()
            if worker.eof:
                data = worker.unused_data
                worker, started = make(), False
                bites.ended(consumed - len(data))
                if not data:
                    break
            elif worker.needs_input:
                break
            else:
                data = b""
        if small:
            yield consumed, b"".join(small)
    if produced and head:
        raise _followed(name, len(head))
    if started or head:
        raise LayerError(f"the {name} stream is cut off after {consumed:,} bytes", hint="fetch or save the image again")


class _Bites:
    """The chunks, cut small as long as members are small: what follows a member is copied each time one ends."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._next = self._size = 1 << 30
        self._end = 0

    def ended(self, position: int) -> None:
        """A member ended, at this position of the stream."""
        self._next = _SMALL if position - self._end < _SMALL else self._size
        self._end = position

    def __iter__(self) -> Iterator[bytes]:
        for chunk in self._chunks:
            start = 0
            while start < len(chunk):
                bite = chunk[start : start + self._size]
                self._next = min(self._size * 2, 1 << 30)
                yield bite
                start += len(bite)
                self._size = self._next


def _has_whole_header(data: bytes) -> bool:
    """False while a gzip header may go on: ISA-L misreads the optional fields of one that comes in parts."""
    if len(data) < 10 or len(data) > 1 << 17:
        return len(data) > 10
    flags, end = data[3], 10
    if flags & 4:
        end += 2 + int.from_bytes(data[10:12], "little")
    for field in (8, 16):
        if flags & field:
            end = data.find(b"\0", end) + 1
            if not end:
                return False
    return len(data) >= end + (2 if flags & 2 else 0)


def _followed(name: str, size: int) -> LayerError:
    return LayerError(f"{size:,} bytes of something else follow the {name} stream")


def _bomb(consumed: int, produced: int) -> LayerError:
    return LayerError(
        f"{consumed:,} stored bytes have already become {produced:,}: a decompression bomb",
        hint="where such an image is meant, set JETTISON_MAX_EXPANSION to the bytes to allow",
    )


def sniff(chunks: Iterable[bytes]) -> tuple[str | None, Iterator[bytes]]:
    """What `chunks` are packed with, by the first bytes, and all of the chunks."""
    rest = iter(chunks)
    head = b""
    for chunk in rest:
        head += chunk
        if len(head) >= 6:
            break
    return recognise(head), chain((head,) if head else (), rest)


def unpacked(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The uncompressed bytes of `chunks`, whatever they are packed with. Raises `LayerError`, as `decompress` does."""
    name, whole = sniff(chunks)
    if name is None:
        yield from whole
    else:
        for _, piece in decompress(whole, name):
            yield piece


def compress(pieces: Iterable[bytes], name: str, level: int | None = None) -> Iterator[bytes]:
    """`pieces` as one `gzip` (default level 6) or `zstd` (default level 3) stream, without name or time in it."""
    packer: Any
    if name == "gzip":
        packer = zlib.compressobj(6 if level is None else level, zlib.DEFLATED, 31)
    else:
        packer = _zstd_compressor(3 if level is None else level)
    for piece in pieces:
        packed = packer.compress(piece)
        if packed:
            yield packed
    yield packer.flush()


def _zstd_compressor(level: int) -> Any:
    if sys.version_info >= (3, 14):
        from compression import zstd
    else:
        from backports import zstd
    parameter = zstd.CompressionParameter
    return zstd.ZstdCompressor(options={parameter.checksum_flag: 1, parameter.compression_level: level})
