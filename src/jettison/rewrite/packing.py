"""Packing layers: gzip and zstd over all cores, to the same bytes on every machine and with any number of threads.

Level 0 of gzip is the exception: that is ISA-L, four times as fast, whose bytes depend on the processor's family.

gzip is made by libdeflate, in blocks that are members of their own (RFC 1952, 2.2: a file is a series of members, as
pigz's and eStargz's are): it gives zlib's density at three times its speed and, unlike ISA-L, the same bytes on every
processor. zstd's own threads cut the stream at places that depend on the level alone.
"""

from __future__ import annotations

import os
import sys
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from jettison.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

BLOCK = 1 << 20
"""Bytes of the tar in one gzip member. Part of the format: another number gives other digests."""

JOB = 4 << 20
"""Bytes of the tar that one thread of zstd's packs at a time. Part of the format, too."""

SAMPLE, _SAMPLES, _DENSE = 4 << 10, 4, 0.97
"""A block whose samples all keep more than this share of their size is stored as it is. Part of the format, too."""

_HURRIED = 5
"""The highest level of gzip that looks for such blocks; who asks for more wants every byte."""

_LEVELS = {"gzip": (0, 12, 1), "zstd": (1, 19, 3), "estargz": (1, 12, 6)}
"""Least, most and default level. gzip's 0 is ISA-L's fast one, 1 to 12 are libdeflate's. Of zstd, what is above 19
wants gigabytes of whoever unpacks."""
_MOST_THREADS = {"gzip": 16, "zstd": 4}
"""More would hold more of the layer at once than is worth it. A job of zstd's has `JOB` bytes, and room for as many."""


Chunk = bytes | bytearray | memoryview


@dataclass(frozen=True, slots=True)
class Packing:
    """What layers are packed with: `gzip`, `zstd`, `estargz` (`jettison.rewrite.estargz`), or None for a plain tar."""

    name: str | None
    level: int = 0
    threads: int | None = None

    @classmethod
    def parse(cls, text: str, threads: int | None = None) -> Packing:
        """The packing in `gzip`, `zstd:19`, `none`; the bytes are the same for any number of threads.

        Raises `UsageError`.
        """
        name, colon, level = text.partition(":")
        if name == "none" and not colon:
            return cls(None)
        if name not in _LEVELS or (colon and not level.isdecimal()):
            raise UsageError(f"{text!r} is no compression", hint="write gzip, gzip:9, zstd, zstd:12, estargz or none")
        least, most, usual = _LEVELS[name]
        if colon and not least <= int(level) <= most:
            raise UsageError(f"{name} has levels {least} to {most}, not {level}")
        return cls(name, int(level) if colon else usual, threads)

    def __str__(self) -> str:
        return f"{self.name}:{self.level}" if self.name else "none"

    @property
    def lazy(self) -> bool:
        """True for eStargz, which adds a table of contents to the tar, and so changes its digest."""
        return self.name == "estargz"

    def pack(self, parts: Iterable[bytes | memoryview]) -> Iterator[Chunk]:
        """The parts, packed; not for what is `lazy`."""
        if self.name is None:
            return iter(parts)
        threads = self.threads or min(os.cpu_count() or 1, _MOST_THREADS[self.name])
        return _gzip(parts, self.level, threads) if self.name == "gzip" else _zstd(parts, self.level, threads)


def _gzip(parts: Iterable[bytes | memoryview], level: int, threads: int) -> Iterator[bytes | bytearray]:
    compress = _fastest if level == 0 else partial(_deflated, level)
    waiting: deque[Future[bytes | bytearray]] = deque()
    with ThreadPoolExecutor(threads, "jettison-pack") as pool:
        try:
            for block in _blocks(parts):
                waiting.append(pool.submit(compress, block))
                if len(waiting) > threads + 1:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()


def _deflated(level: int, block: bytes | memoryview) -> bytearray:
    from deflate import gzip_compress

    return gzip_compress(block, 0 if level <= _HURRIED and _is_dense(block) else level)


def _is_dense(block: bytes | memoryview) -> bool:
    """Whether samples of a block say that it cannot be packed any further: it is an archive, a picture or random.

    libdeflate takes longer over such a block than over any other, for nothing. Where this is wrong, bytes are lost,
    not content: 0.1 % of an image of Debian packages whose archives were left in it.
    """
    from deflate import deflate_compress

    step = len(block) // _SAMPLES
    starts = range(step // 2, len(block) - SAMPLE, step) if step >= SAMPLE else ()
    return bool(starts) and all(
        len(deflate_compress(block[start : start + SAMPLE], 1)) > _DENSE * SAMPLE for start in starts
    )


def _fastest(block: bytes | memoryview) -> bytes:
    from isal import isal_zlib

    packed: bytes = isal_zlib.compress(block, 1, 31)
    return packed


def _blocks(parts: Iterable[bytes | memoryview]) -> Iterator[bytes | memoryview]:
    """The same bytes in blocks of `BLOCK`, the last one shorter. A block that lies in one part is not copied."""
    held: list[memoryview] = []
    size = 0
    for part in parts:
        view = memoryview(part)
        while size + len(view) >= BLOCK:
            head, view = view[: BLOCK - size], view[BLOCK - size :]
            yield b"".join((*held, head)) if held else head
            held, size = [], 0
        if view:
            held.append(view)
            size += len(view)
    if held:
        yield b"".join(held)


def _zstd(parts: Iterable[bytes | memoryview], level: int, threads: int) -> Iterator[bytes]:
    packer = _zstd_compressor(level, threads)
    for part in parts:
        packed: bytes = packer.compress(part)
        if packed:
            yield packed
    yield packer.flush()


def _zstd_compressor(level: int, threads: int) -> Any:
    if sys.version_info >= (3, 14):
        from compression import zstd
    else:
        from backports import zstd
    parameter = zstd.CompressionParameter
    options: dict[int, int] = {
        parameter.job_size: JOB,
        parameter.checksum_flag: 1,
        parameter.compression_level: level,
        parameter.nb_workers: threads,
    }
    return zstd.ZstdCompressor(options=options)
