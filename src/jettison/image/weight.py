"""What a range of a layer weighs in compressed bytes, computed from the bytes in hand.

A compressed layer is weighed exactly: while it was inflated, its index noted how far into the blob each piece of the
tar reached, and a range costs the stored bytes between. A plain tar has no compressed form yet: it is weighed as gzip
at zlib's level 6 (what engines push) would pack it, from samples spread evenly over the layer, taken with a fast
compressor and scaled to zlib's by some that are packed with both (those primed with the 32 KiB before them).
`Weights.exact` tells which.
"""

from __future__ import annotations

import zlib
from bisect import bisect_right
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable

    from jettison.image.index import LayerIndex

SAMPLE = 16 << 10
"""Bytes a sample."""
STRIDE = 8
"""One block of `SAMPLE` bytes in so many is compressed."""
CALIBRATE = 24
"""One sample in so many is compressed at zlib's level 6 as well, which the fast samples are scaled to."""
_WINDOW = 32 << 10


class Weights(msgspec.Struct, frozen=True, array_like=True):
    """Points along a layer, (raw position, compressed position), increasing in both; `exact` when read off a blob."""

    raw: tuple[int, ...]
    compressed: tuple[float, ...]
    exact: bool

    @property
    def total(self) -> int:
        """The compressed size of the whole layer."""
        return round(self.compressed[-1]) if self.compressed else 0

    def at(self, position: int) -> float:
        """The compressed position of a raw one, interpolated between points."""
        index = bisect_right(self.raw, position)
        if index == 0:
            return 0.0
        if index == len(self.raw):
            return self.compressed[-1]
        r0, r1 = self.raw[index - 1], self.raw[index]
        c0, c1 = self.compressed[index - 1], self.compressed[index]
        return c0 + (c1 - c0) * (position - r0) / (r1 - r0) if r1 > r0 else c1

    def between(self, start: int, end: int) -> float:
        """What the tar's bytes from `start` to `end` weigh, compressed."""
        return self.at(end) - self.at(start)


def read_off(index: LayerIndex) -> Weights | None:
    """The weights of a layer that is stored compressed, off its blob; None for a plain tar."""
    if not index.compression:
        return None
    raw: list[int] = []
    compressed: list[float] = []
    for stored_at, raw_at in [*index.curve, (index.stored, index.raw)]:
        if not raw or raw_at > raw[-1]:
            raw.append(raw_at)
            compressed.append(float(stored_at))
        else:
            compressed[-1] = float(stored_at) if raw_at else compressed[-1]
    return Weights(tuple(raw), tuple(compressed), exact=True)


class Sampler:
    """Weighs a plain tar while it is read: feed it the pieces in order, then ask for the weights. See above."""

    def __init__(self) -> None:
        self._fast = _fast_deflate()
        self._sizes: list[int] = []
        self._calibration = [0, 0]
        self._buffer = bytearray()
        self._base = self._at = 0

    def feed(self, piece: bytes) -> None:
        """Take the next piece of the tar."""
        buffer, base = self._buffer, self._base
        buffer += piece
        end = base + len(buffer)
        while self._at + SAMPLE <= end:
            start = self._at - base
            block = bytes(buffer[start : start + SAMPLE])
            self._sizes.append(self._fast(block))
            if len(self._sizes) % CALIBRATE == 1:
                self._calibration[0] += self._sizes[-1]
                self._calibration[1] += _deflate(block, bytes(buffer[max(0, start - _WINDOW) : start]))
            self._at += SAMPLE * STRIDE
        cut = max(0, min(self._at - _WINDOW - base, len(buffer)))
        del buffer[:cut]
        self._base += cut

    def weights(self) -> Weights:
        """The weights of all that was fed."""
        length = self._base + len(self._buffer)
        sizes, scale = list(self._sizes), 1.0
        if self._calibration[0]:
            scale = self._calibration[1] / self._calibration[0]
        if self._at < length:  # the last sample is a short one, packed as it will be
            start = self._at - self._base
            block = bytes(self._buffer[start:])
            size = _deflate(block, bytes(self._buffer[max(0, start - _WINDOW) : start]))
            sizes.append(round(size / scale * SAMPLE / len(block)))
        raw, compressed = [0], [0.0]
        for size in sizes:
            step = min(SAMPLE * STRIDE, length - raw[-1])
            raw.append(raw[-1] + step)
            compressed.append(compressed[-1] + size * scale * step / SAMPLE)
        return Weights(tuple(raw), tuple(compressed), exact=False)


def _deflate(block: bytes, window: bytes) -> int:
    packer = zlib.compressobj(6, zlib.DEFLATED, -15, zdict=window) if window else zlib.compressobj(6, wbits=-15)
    return len(packer.compress(block)) + len(packer.flush(zlib.Z_SYNC_FLUSH)) - 4


def _fast_deflate() -> Callable[[bytes], int]:
    try:
        from isal import igzip_lib
    except ImportError:
        return lambda block: len(zlib.compress(block, 1))
    module: Any = igzip_lib
    compress, level, flag = module.compress, 1, module.COMP_DEFLATE
    return lambda block: len(compress(block, level, flag))
