"""Finding the members of an archive without reading their bodies: headers only, by position.

An image archive of a gigabyte has a few dozen members, so this takes a millisecond or two.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from jettison.errors import ImageError, InputError, LayerError
from jettison.image.archive import BLOCK_SIZE, Member, Reader, Stream

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_MEMBERS = 100_000
"""The most members an image archive is allowed; real ones have a few hundred."""


class HeaderStream(Stream):
    """A stream over a regular file that passes over bodies by seeking."""

    __slots__ = ("_descriptor", "_size")

    def __init__(self, descriptor: int) -> None:
        super().__init__(iter(()))
        self._descriptor = descriptor
        self._size = os.fstat(descriptor).st_size

    def block(self) -> bytes:
        """The next 512 bytes; fewer, or none, at the end."""
        block = os.pread(self._descriptor, BLOCK_SIZE, self.position)
        self.position += len(block)
        return block

    def peek(self, size: int) -> bytes:
        """Up to `size` bytes that come next, without passing them."""
        return os.pread(self._descriptor, size, self.position)

    def body(self, _: int) -> memoryview | None:
        """None: no piece of the file is in memory."""
        return None

    def parts(self, size: int) -> Iterator[memoryview]:
        """The next `size` bytes in one piece. Raises `LayerError` at an early end."""
        self._demand(size)
        data = os.pread(self._descriptor, size, self.position)
        if len(data) != size:
            raise LayerError("the archive shrank while it was read", offset=self.position + len(data))
        self.position += size
        yield memoryview(data)

    def skip(self, size: int) -> None:
        """Pass over `size` bytes without reading them. Raises `LayerError` at an early end."""
        self._demand(size)
        self.position += size

    def _demand(self, size: int) -> None:
        missing = self.position + size - self._size
        if missing > 0:
            raise LayerError(
                f"the archive ends {missing:,} bytes before this member does",
                offset=self._size,
                hint="it was cut off: fetch or save the image again",
            )


def walk(path: str) -> Iterator[Member]:
    """The members of the uncompressed archive at `path`, bodies unread. Raises `InputError` naming `path`."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", where=path) from None
    try:
        stream = HeaderStream(descriptor)
        yield from bounded(Reader(stream), stream)
    except ImageError as error:
        error.where = error.where or path
        raise
    except OSError as error:
        raise InputError(f"reading failed: {error.strerror}", where=path) from None
    finally:
        os.close(descriptor)


def bounded(reader: Reader, stream: Stream) -> Iterator[Member]:
    """The members of an image archive; what a consumer leaves of a body is passed over. Raises `ImageError`."""
    for number, member in enumerate(reader):
        if number == MAX_MEMBERS:
            raise ImageError(f"more than {MAX_MEMBERS:,} members, which is no sane image archive")
        end = member.entry.end
        yield member
        stream.skip(end - stream.position)
