"""Ropes: the bytes of a layer to be, as pieces of old layers and pieces of its own, read in one go.

Whatever the layer's size, a rope is read in pieces of some hundred kilobytes, and each old layer is unpacked once, as
long as its ranges come in order.
"""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, NamedTuple

from jettison.errors import JettisonError
from jettison.image.source import FileSource
from jettison.image.stream import Stream
from jettison.rewrite.renaming import renamed

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from jettison.image.entry import Entry
    from jettison.image.layer import Layer

GATHERED = 256 << 10
"""Small pieces are gathered until they have so many bytes: each one costs every thread a turn."""


class Range(NamedTuple):
    """The bytes from `start` to `end` of the uncompressed tar of an image's layer."""

    layer: int
    start: int
    end: int

    def __len__(self) -> int:
        return self.end - self.start


class Renamed(NamedTuple):
    """A whole member of an old layer as `new` says; its headers are rewritten for that, its body is not."""

    layer: int
    start: int
    end: int
    new: Entry

    def __len__(self) -> int:
        return self.end - self.start


class FileBytes(NamedTuple):
    """The whole content of a file of our own, which stays until the rope is read."""

    path: str
    size: int

    def __len__(self) -> int:
        return self.size


Piece = bytes | Range | Renamed | FileBytes


class RopeReader:
    """Reads ropes over the layers of one image."""

    def __init__(self, layers: Sequence[Layer], where: str) -> None:
        self._layers = layers
        self._where = where
        self._open: dict[int, Stream] = {}

    def read(self, rope: Iterable[Piece]) -> Iterator[bytes | memoryview]:
        """The bytes of the rope, in pieces that are worth a thread's turn. Raises `ImageError`, naming the layer."""
        return gathered(chain.from_iterable(map(self._parts, coalesced(rope))))

    def _parts(self, piece: Piece) -> Iterable[bytes | memoryview]:
        if isinstance(piece, bytes):
            return (piece,)
        if isinstance(piece, FileBytes):
            return FileSource(piece.path, 0, piece.size).chunks()
        return self._range(piece)

    def _range(self, piece: Range | Renamed) -> Iterator[bytes | memoryview]:
        try:
            stream = self._at(piece.layer, piece.start)
            if isinstance(piece, Renamed):
                yield from renamed(stream, piece.new)
            yield from stream.parts(piece.end - stream.position)
        except JettisonError as error:
            error.where = error.where or f"{self._where}: layer {piece.layer}"
            raise

    def _at(self, layer: int, position: int) -> Stream:
        stream = self._open.get(layer)
        if stream is None or stream.position > position:
            stream = self._open[layer] = Stream(self._layers[layer].uncompressed())
        stream.skip(position - stream.position)
        return stream


def coalesced(rope: Iterable[Piece]) -> Iterator[Piece]:
    """The rope with ranges that touch made one."""
    last: Range | None = None
    for piece in rope:
        if type(piece) is Range:
            if last is not None and last.layer == piece.layer and last.end == piece.start:
                last = Range(last.layer, last.start, piece.end)
                continue
            if last is not None:
                yield last
            last = piece
        else:
            if last is not None:
                yield last
                last = None
            yield piece
    if last is not None:
        yield last


def gathered(parts: Iterable[bytes | memoryview], size: int = GATHERED) -> Iterator[bytes | memoryview]:
    """The parts, small ones put together until they have `size` bytes."""
    buffer = bytearray()
    for part in parts:
        if not buffer and len(part) >= size:
            yield part
            continue
        buffer += part
        if len(buffer) >= size:
            yield bytes(buffer)
            buffer.clear()
    if buffer:
        yield bytes(buffer)
