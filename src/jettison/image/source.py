"""Sources: where a blob's stored bytes come from. Each can be read as often as wanted, always from the start."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from jettison.errors import ImageError, InputError
from jettison.image.codec import recognise

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jettison.oci.digest import Digest

CHUNK = 512 << 10
"""Bytes a read: small enough to keep three threads busy and memory low, large enough to make few calls."""

_LEAP = 2 << 20
"""Bytes a read where nothing is compressed: each is as large as it was stored, and cheap to come by."""


class Source(Protocol):
    """Stored bytes of one blob."""

    @property
    def size(self) -> int | None:
        """How many bytes there are, or None where only reading tells."""

    def chunks(self) -> Iterator[bytes]:
        """The bytes from the start, in pieces of at most a few hundred kilobytes. Raises `InputError`."""


@dataclass(frozen=True, slots=True)
class BytesSource:
    """Bytes in memory."""

    data: bytes

    @property
    def size(self) -> int:
        """How many bytes there are."""
        return len(self.data)

    def chunks(self) -> Iterator[bytes]:
        """The bytes, in pieces."""
        for start in range(0, len(self.data), CHUNK):
            yield self.data[start : start + CHUNK]


@dataclass(frozen=True, slots=True)
class FileSource:
    """A range of a regular file: a blob of an OCI layout, or a member of an archive.

    The range is read, not mapped: a file that somebody truncates meanwhile gives an error, not a signal.
    """

    path: str
    offset: int
    size: int

    def chunks(self) -> Iterator[bytes]:
        """The bytes of the range. Raises `ImageError` where the file ends before the range does."""
        try:
            descriptor = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError as error:
            raise InputError(f"cannot be read: {error.strerror}", where=self.path) from None
        try:
            position, end, step = self.offset, self.offset + self.size, CHUNK
            while position < end:
                chunk = os.pread(descriptor, min(step, end - position), position)
                if not chunk:
                    raise ImageError(
                        f"the file ends at byte {position:,}; {end - position:,} bytes of this blob are missing",
                        where=self.path,
                        hint="it was cut off, or is still being written: fetch or save the image again",
                    )
                if position == self.offset and recognise(chunk) is None:
                    step = _LEAP
                position += len(chunk)
                yield chunk
        except OSError as error:
            raise InputError(f"reading failed: {error.strerror}", where=self.path) from None
        finally:
            os.close(descriptor)


@dataclass(frozen=True, slots=True)
class OwnSource(FileSource):
    """A whole file that we wrote a moment ago, in a directory of our own, hashing it as we wrote.

    Whoever wants it may link to it, and need not hash it again. `digest` is the sha256 of its bytes.
    """

    digest: Digest


def read_all(source: Source, limit: int, what: str) -> bytes:
    """All bytes of a small blob. Raises `ImageError` when there are more than `limit`."""
    parts: list[bytes] = []
    total = 0
    for chunk in source.chunks():
        total += len(chunk)
        if total > limit:
            raise ImageError(f"the {what} has more than {limit:,} bytes, which is no sane size for one")
        parts.append(chunk)
    return b"".join(parts)
