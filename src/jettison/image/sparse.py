"""Sparse files in GNU tar's three forms: which ranges of the file the archive holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jettison.errors import LayerError
from jettison.image.header import decimal, number
from jettison.image.stream import BLOCK_SIZE

if TYPE_CHECKING:
    from jettison.image.stream import Stream

MAX_MAP = 1 << 20
"""The most bytes that the map of one file may have; Go's reader allows as much."""

Ranges = list[tuple[int, int]]
"""(offset, length) of each range that is stored, in order; all else are holes."""


def in_header(block: bytes, stream: Stream, at: int) -> tuple[Ranges, int]:
    """The ranges and the real size of a member of type `S`; reads its further headers. Raises `LayerError`."""
    if block[257:265] != b"ustar  \0":
        raise LayerError("a sparse file in a dialect that has none", offset=at)
    numbers: list[int] = []
    table, more = block[386:482], block[482]
    for _ in range(MAX_MAP // BLOCK_SIZE):
        for i in range(0, len(table) - 23, 24):
            if not table[i]:
                break
            numbers += number(table[i : i + 12], at, "sparse"), number(table[i + 12 : i + 24], at, "sparse")
        if not more:
            size = number(block[483:495], at, "real size")
            return _ranges(numbers, size, at), size
        extension = stream.take(BLOCK_SIZE)
        table, more = extension[:504], extension[504]
    raise LayerError("a sparse file's map has no end", offset=at)


def in_pax(pax: dict[bytes, bytes], stream: Stream, size: int, at: int) -> tuple[Ranges, int] | None:
    """The ranges and the real size that pax records tell of, None where they tell of no sparse file.

    Form 1.0 has its map at the start of the body, whose `size` bytes come next in the stream.
    """
    unnumbered = b"0.1" if pax.get(b"GNU.sparse.map") else b"none"
    version = b".".join(pax[key] for key in (b"GNU.sparse.major", b"GNU.sparse.minor") if key in pax) or unnumbered
    if version not in (b"0.0", b"0.1", b"1.0"):
        return None
    numbers = _listed(stream, size, at) if version == b"1.0" else _mapped(pax, at)
    real = decimal(pax.get(b"GNU.sparse.size") or pax.get(b"GNU.sparse.realsize") or b"%d" % size, at)
    return _ranges(numbers, real, at), real


def _mapped(pax: dict[bytes, bytes], at: int) -> list[int]:
    text = pax.get(b"GNU.sparse.map")
    return [decimal(part, at) for part in text.split(b",")] if text else []


def _listed(stream: Stream, size: int, at: int) -> list[int]:
    text = bytearray()
    wanted, seen = 1, 0
    while seen < wanted:
        if len(text) + BLOCK_SIZE > min(size + BLOCK_SIZE - 1, MAX_MAP):
            raise LayerError("a sparse file's map has no end", offset=at)
        first = not text
        block = stream.take(BLOCK_SIZE)
        text += block
        seen += block.count(b"\n")
        if first or wanted == 1:
            head, newline, _ = text.partition(b"\n")
            wanted = 1 + 2 * decimal(bytes(head), at) if newline else 1
    return [decimal(bytes(line), at) for line in text.split(b"\n")[1:wanted]]


def _ranges(numbers: list[int], size: int, at: int) -> Ranges:
    ranges = list(zip(numbers[::2], numbers[1::2], strict=False))
    end = 0
    for offset, length in ranges:
        if offset < end or length < 0:
            raise LayerError("a sparse file's map is out of order", offset=at)
        end = offset + length
    if end > size or len(numbers) % 2:
        raise LayerError(f"a sparse file's map reaches to byte {end:,} of {size:,}", offset=at)
    return ranges
