"""What a range of a layer weighs in compressed bytes, computed from the bytes in hand.

A compressed layer is weighed exactly: while it was inflated, its index noted how far into the blob each piece of the
tar reached, and a range costs the stored bytes between. A plain tar has no compressed form yet: it is weighed as gzip
at zlib's level 6 would pack it (what engines push), from samples spread evenly over the layer. They are packed by a
fast compressor, given the 32 KiB before them as deflate has them, and scaled to zlib's sizes by those of them that are
packed by both. A layer of less than `WHOLE` bytes is packed whole. `Weights.exact` tells read from sampled.
"""

from __future__ import annotations

import os
import zlib
from bisect import bisect_right
from typing import TYPE_CHECKING, Any

import msgspec

from jettison.errors import InputError

if TYPE_CHECKING:
    from jettison.image.index import LayerIndex
    from jettison.image.source import FileSource

SAMPLE = 16 << 10
"""Bytes a sample."""
DENSITY = ((32 << 20, 4), (64 << 20, 8))
"""Up to this position in the layer, one block of `SAMPLE` bytes in so many is a sample; beyond, one in `SPARSE`."""
SPARSE = 16
CALIBRATE = 24
"""One sample in so many is packed by zlib as well."""
WHOLE = 256 << 10
"""Layers up to this size are packed whole."""
_WINDOW = 32 << 10
_LEVEL = 6


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
        self._sizes: list[int] = []
        self._steps: list[int] = []
        self._fast = self._slow = 0
        self._head = bytearray()
        self._sample = bytearray()
        self._at = self._end = 0

    def feed(self, piece: bytes) -> None:
        """Take the next piece of the tar."""
        start, self._end = self._end, self._end + len(piece)
        if start < WHOLE:
            self._head += piece[: WHOLE - start]
        while (window := max(0, self._at - _WINDOW)) < self._end:
            have = max(window + len(self._sample), start)
            self._sample += piece[have - start : self._at + SAMPLE - start]
            if self._at + SAMPLE > self._end:
                break
            self._take(self._sample[: self._at - window], self._sample[self._at - window :])
            self._sample.clear()

    def read(self, source: FileSource) -> None:
        """Take all of a file, of which only the samples are read. Raises `InputError`."""
        try:
            descriptor = os.open(source.path, os.O_RDONLY | os.O_CLOEXEC)
            try:
                self._head += os.pread(descriptor, min(WHOLE, source.size), source.offset)
                while self._at + SAMPLE <= source.size:
                    window = min(self._at, _WINDOW)
                    before = os.pread(descriptor, window, source.offset + self._at - window)
                    self._take(before, os.pread(descriptor, SAMPLE, source.offset + self._at))
                rest = max(0, self._at - _WINDOW)
                self._sample += os.pread(descriptor, max(0, source.size - rest), source.offset + rest)
            finally:
                os.close(descriptor)
        except OSError as error:
            raise InputError(f"reading failed: {error.strerror}", where=source.path) from None
        self._end = source.size

    def _take(self, window: bytes | bytearray, block: bytes | bytearray) -> None:
        """Weigh one sample, which stands behind `window`, and go to the next."""
        size = _packed(_fast, window, block)
        if len(self._sizes) % CALIBRATE == 0:
            self._fast += size
            self._slow += _packed(zlib, window, block)
        step = SAMPLE * next((every for until, every in DENSITY if self._at < until), SPARSE)
        self._sizes.append(size)
        self._steps.append(step)
        self._at += step

    def weights(self) -> Weights:
        """The weights of all that was fed."""
        scale = self._slow / self._fast if self._fast else 1.0
        sizes, steps = [size * scale for size in self._sizes], list(self._steps)
        window = min(self._at, _WINDOW)
        short = self._sample[window:]
        if short:  # the last sample
            sizes.append(_packed(zlib, self._sample[:window], short) * SAMPLE / len(short))
            steps.append(self._end - self._at)
        raw, compressed = [0], [0.0]
        for size, step in zip(sizes, steps, strict=True):
            step = min(step, self._end - raw[-1])
            raw.append(raw[-1] + step)
            compressed.append(compressed[-1] + size * step / SAMPLE)
        if 0 < self._end <= WHOLE:
            packer = zlib.compressobj(_LEVEL, zlib.DEFLATED, 31)
            exact = (len(packer.compress(self._head)) + len(packer.flush())) / compressed[-1]
            compressed = [position * exact for position in compressed]
        return Weights(tuple(raw), tuple(compressed), exact=False)


def _fast_module() -> Any:
    try:
        from isal import isal_zlib
    except ImportError:
        return zlib
    return isal_zlib


_fast = _fast_module()


def _packed(module: Any, window: bytes | bytearray, block: bytes | bytearray) -> int:
    """The bytes that `block` takes as deflate, which looks back into the `window` before it."""
    level = _LEVEL if module is zlib else 1
    if window:
        packer = module.compressobj(level, zlib.DEFLATED, -15, zdict=window)
    else:
        packer = module.compressobj(level, zlib.DEFLATED, -15)
    return len(packer.compress(block)) + len(packer.flush(zlib.Z_SYNC_FLUSH)) - 4
