"""Tapes: a blob's bytes on their way out, hashed as they pass, with the last of them at hand.

What was given to a connection that broke may not have arrived. The bytes that a socket holds back are few, so a short
memory is enough to go on from where the registry says it stands; only what lies further back is read from the source
again.
"""

from __future__ import annotations

import hashlib
from collections import deque
from typing import TYPE_CHECKING

from jettison.errors import DigestMismatch, RemoteError
from jettison.registry.retry import Interrupted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from jettison.image.source import Source
    from jettison.oci.descriptor import Descriptor

MEMORY = 8 << 20
"""Bytes that stay at hand; more than Linux lets a socket hold back (4 MiB and a little)."""


class Tape:
    """The bytes of the blob that `descriptor` describes, out of `source`; `where` names it in errors.

    `told` hears of every piece that is handed out, and may raise to stop it all.
    """

    def __init__(
        self, source: Source, descriptor: Descriptor, where: str, told: Callable[[int], None] | None = None
    ) -> None:
        self.size = descriptor.size
        self._source = source
        self._digest = descriptor.checked_digest()
        self._where = where
        self._told = told or (lambda count: None)
        self._start()

    def _start(self) -> None:
        self._reading = self._source.chunks()
        self._hasher = hashlib.new(self._digest.algorithm)
        self._kept: deque[bytes] = deque()
        self._have = self._held = 0

    def pieces(self, start: int, end: int) -> Iterator[bytes]:
        """The bytes from `start` to `end`. Raises `DigestMismatch` where there are fewer, or more than there should be.

        Bytes that have passed and are no longer at hand are read again, from the source's first on.
        """
        if start < self._have - self._held:
            self._start()
        position = self._have - self._held
        for piece in [*self._kept]:
            yield from self._cut(piece, position, start, end)
            position += len(piece)
        while self._have < end:
            position = self._have
            yield from self._cut(self._next(), position, start, end)

    def _cut(self, piece: bytes, position: int, start: int, end: int) -> Iterator[bytes]:
        """The part of a piece at `position` that lies between `start` and `end`."""
        wanted = piece[max(0, start - position) : max(0, end - position)]
        if wanted:
            self._told(len(wanted))
            yield wanted

    def _next(self) -> bytes:
        try:
            piece = next(self._reading)
        except StopIteration:
            raise self._lie(f"ends after {self._have:,}") from None
        except Interrupted as error:  # it is the source's, and no reason to try the target again
            raise RemoteError(error.message, where=error.where, hint=error.hint) from None
        self._hasher.update(piece)
        self._have += len(piece)
        if self._have > self.size:
            raise self._lie("has more")
        self._kept.append(piece)
        self._held += len(piece)
        while len(self._kept) > 1 and self._held - len(self._kept[0]) >= MEMORY:
            self._held -= len(self._kept.popleft())
        return piece

    def verify(self) -> None:
        """Raises `DigestMismatch` unless all bytes have passed, and are those that the digest stands for."""
        for _ in self.pieces(self.size, self.size):
            pass
        while self._have < self.size:
            self._next()
        if next(self._reading, b""):
            raise self._lie("has more")
        found = f"{self._digest.algorithm}:{self._hasher.hexdigest()}"
        if found != self._digest:
            raise DigestMismatch(f"a blob's digest is {found}; it should be {self._digest}", where=self._where)

    def _lie(self, found: str) -> DigestMismatch:
        return DigestMismatch(f"the manifest says {self.size:,} bytes; the blob {found}", where=self._where)
