"""Reading zip archives from memory: the central directory, and members one by one, within bounds.

Source of the format: PKWARE's APPNOTE.TXT 4.3. Raises `ValueError` and nothing else, whatever the bytes.
"""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

MAGIC = b"PK\x03\x04"
_END = struct.Struct("<4s4xHHII")
_CENTRAL = struct.Struct("<4s6xH8xII3H8xI")
_MAX_MEMBERS = 1 << 17


class Member(NamedTuple):
    """A file in the archive: name, compression method (0 stored, 8 deflate), compressed bytes, where it starts."""

    name: bytes
    method: int
    stored: int
    start: int


def members(data: memoryview) -> Iterator[Member]:
    """The archive's files in the order of its central directory. Raises `ValueError`."""
    tail = bytes(data[-65557:])
    at = tail.rfind(b"PK\x05\x06")
    try:
        _, _, count, size, offset = _END.unpack_from(tail, at) if at >= 0 else (b"", 0, 0, 0, 0)
        end = len(data) - len(tail) + at
        shift = end - size - offset  # bytes that were put before the archive, such as a shell script
        if at < 0 or shift < 0:
            raise ValueError("no zip archive")
        position = offset + shift
        while position < end:
            magic, method, stored, _, name, extra, comment, start = _CENTRAL.unpack_from(data, position)
            if magic != b"PK\x01\x02":
                break
            count += 1
            if count > 2 * _MAX_MEMBERS:
                raise ValueError("more members than are read")
            yield Member(bytes(data[position + 46 : position + 46 + name]), method, stored, start + shift)
            position += 46 + name + extra + comment
    except struct.error as error:
        raise ValueError(f"broken zip archive: {error}") from None


def content(data: memoryview, member: Member, limit: int) -> bytes:
    """The first `limit` bytes of a member. Raises `ValueError`."""
    try:
        magic, name, extra = struct.unpack_from("<4s22xHH", data, member.start)
        start = member.start + 30 + name + extra
        packed = data[start : start + member.stored]
        if magic != MAGIC or member.method not in (0, 8):
            raise ValueError("a member that cannot be read")
        return bytes(packed[:limit]) if member.method == 0 else zlib.decompressobj(-15).decompress(packed, limit)
    except (struct.error, zlib.error) as error:
        raise ValueError(f"broken zip member: {error}") from None
