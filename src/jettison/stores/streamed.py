"""Archives that can only be read from front to back: compressed files, pipes, and what engines send.

One pass keeps the small documents and indexes every layer as it comes by, so that no copy of the archive is made and
memory stays flat. Whoever wants a layer's bytes afterwards makes the stream run again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from jettison.errors import ImageError, JettisonError, NotFound
from jettison.image import codec
from jettison.image.archive import BLOCK_SIZE, Reader, Stream, checksum_holds
from jettison.image.entry import show
from jettison.image.members import bounded
from jettison.image.source import BytesSource
from jettison.oci.decode import MAX_BYTES
from jettison.stores.contents import CONTROL, Links, located

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from jettison.image.indexer import Indexer
    from jettison.image.source import Source

MAX_KEPT = 64 << 20
"""The most bytes of documents that are kept of one archive."""


class StreamedArchive:
    """The members of a tar that streams by. `start` begins the stream, from its first byte, each time it is called."""

    def __init__(self, where: str, start: Callable[[], Iterator[bytes]], indexer: Indexer) -> None:
        self.where = where
        self._start = start
        self._links = Links(where)
        self._kept: dict[bytes, bytes] = {}
        self._layers: dict[bytes, int] = {}
        self._broken: dict[bytes, JettisonError] = {}
        self._failure: JettisonError | None = None
        with located(where):
            self._pass(indexer)

    def has(self, path: str) -> bool:
        """True when there is a file at `path`, or a link to one."""
        name = self._links.lead(path)
        return name in self._kept or name in self._layers or name in self._broken

    def source(self, path: str) -> Source:
        """The file at `path`. Raises `NotFound`, or what was wrong with the layer there."""
        name = self._links.lead(path)
        if name in self._broken:
            raise self._broken[name]
        if name in self._kept:
            return BytesSource(self._kept[name])
        if name not in self._layers:
            raise NotFound(f"{path[:200]} is missing", where=self.where)
        return _Again(self._start, name, self._layers[name])

    def _pass(self, indexer: Indexer) -> None:
        stream = Stream(self._watched(self._start()))
        kept = 0
        for member in bounded(Reader(stream), stream):
            name, size = member.entry.path, member.stored
            for earlier in (self._kept, self._layers, self._broken):
                earlier.pop(name, None)
            if not self._links.note(member):
                continue
            head = stream.peek(min(size, BLOCK_SIZE))
            if name in CONTROL or not size or (head[:1] in b"{[" and size <= MAX_BYTES):
                kept += size
                if size > MAX_BYTES or kept > MAX_KEPT:
                    raise ImageError(f"{show(name)}: too large for a document of an image", where=self.where)
                self._kept[name] = stream.take(size)
            elif _looks_like_layer(head):
                self._absorb(indexer, stream, name, size)
        for _ in stream.rest():
            pass

    def _watched(self, pieces: Iterator[bytes]) -> Iterator[bytes]:
        """The pieces; a failure of the stream itself is told from that of a layer in it."""
        try:
            yield from pieces
        except JettisonError as error:
            self._failure = error
            raise

    def _absorb(self, indexer: Indexer, stream: Stream, name: bytes, size: int) -> None:
        """Index a layer; one that is broken matters only if the image turns out to have it."""
        try:
            indexer.absorb(_Body(stream, size), where=f"{self.where}: {show(name)}")
        except JettisonError as error:
            if error is self._failure:
                raise
            self._broken[name] = error
        else:
            self._layers[name] = size


def _looks_like_layer(head: bytes) -> bool:
    if len(head) < BLOCK_SIZE:
        return codec.recognise(head) is not None
    return codec.recognise(head) is not None or checksum_holds(head) or not any(head)


@dataclass(frozen=True, slots=True)
class _Body:
    """The next `size` bytes of a stream, readable once."""

    stream: Stream
    size: int

    def chunks(self) -> Iterator[bytes]:
        self.stream.peek(min(self.size, BLOCK_SIZE))  # so that the first chunk is long enough to be recognised by
        for part in self.stream.parts(self.size):
            yield bytes(part)


@dataclass(frozen=True, slots=True)
class _Again:
    """A member of a stream, read by running the stream anew up to it."""

    start: Callable[[], Iterator[bytes]]
    name: bytes
    size: int

    def chunks(self) -> Iterator[bytes]:
        stream = Stream(self.start())
        for member in bounded(Reader(stream), stream):
            if member.entry.path == self.name and member.stored == self.size:
                yield from _Body(stream, self.size).chunks()
                return
        raise NotFound(f"{show(self.name)} is no longer in the archive")
