"""Pull-style reading over pieces of bytes that arrive as they like."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jettison.errors import LayerError

if TYPE_CHECKING:
    from collections.abc import Iterator

BLOCK_SIZE = 512
"""A tar archive consists of blocks of so many bytes."""


class Stream:
    """Hands out the bytes of an iterator of pieces; `position` counts those that are behind.

    What lies in one piece costs one slice; only what spans two is copied together.
    """

    __slots__ = ("_at", "_piece", "_pieces", "position")

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._piece = b""
        self._at = 0
        self.position = 0

    def _next(self) -> bool:
        for piece in self._pieces:
            if piece:
                self._piece, self._at = piece, 0
                return True
        return False

    def block(self) -> bytes:
        """The next 512 bytes; fewer, or none, at the end of the stream."""
        start = self._at
        stop = start + BLOCK_SIZE
        if stop <= len(self._piece):
            self._at = stop
            self.position += BLOCK_SIZE
            return self._piece[start:stop]
        return self.take(len(self.peek(BLOCK_SIZE)))

    def peek(self, size: int) -> bytes:
        """Up to `size` bytes that come next, without passing them; fewer only at the end of the stream."""
        while len(self._piece) - self._at < size:
            rest = self._piece[self._at :]
            if not self._next():
                self._piece, self._at = rest, 0
                break
            self._piece = rest + self._piece
        return self._piece[self._at : self._at + size]

    def body(self, size: int) -> memoryview | None:
        """The next `size` bytes as one view where they lie in one piece; otherwise None, and nothing is passed."""
        start = self._at
        stop = start + size
        if stop > len(self._piece):
            return None
        self._at = stop
        self.position += size
        return memoryview(self._piece)[start:stop]

    def parts(self, size: int) -> Iterator[memoryview]:
        """The next `size` bytes as views into the pieces. Raises `LayerError` at an early end."""
        left = size
        while left:
            part = self.body(min(left, len(self._piece) - self._at))
            if part:
                left -= len(part)
                yield part
            elif not self._next():
                raise LayerError(
                    f"the archive ends {left:,} bytes before this member does",
                    offset=self.position,
                    hint="it was cut off: fetch or save the image again",
                )

    def take(self, size: int) -> bytes:
        """The next `size` bytes in one piece. Raises `LayerError` at an early end."""
        return b"".join(self.parts(size))

    def rest(self) -> Iterator[memoryview]:
        """All bytes that are left, as views: what follows the archive's end still counts in the diff_id."""
        while True:
            part = self.body(len(self._piece) - self._at)
            if part:
                yield part
            if not self._next():
                return

    def skip(self, size: int) -> None:
        """Pass over `size` bytes. Raises `LayerError` at an early end."""
        if self.body(size) is None:
            for _ in self.parts(size):
                pass
