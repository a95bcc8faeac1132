"""Damage: bytes changed as bad disks, cut connections and attackers change them. The same dice give the same damage."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jettison.image import dialects

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

INTERESTING = (0, 1, 7, 127, 128, 255)
NUMBERS = (b"0", b"-1", b"7", b"99999999999999999999", b"18446744073709551615", b"1e9", b"077", b"")
WORDS = (b"../", b"/", b"\0", b".wh.", b".wh..wh..opq", b"sha256:", b"null", b"[[[[", b"{}", b"\xff", b"size=")


def mutate(data: bytes, dice: random.Random) -> bytes:
    """`data` with one to four kinds of damage."""
    for _ in range(dice.choice((1, 1, 1, 2, 4))):
        data = dice.choice(_DAMAGES)(data, dice)
    return data


def _cut(data: bytes, dice: random.Random) -> bytes:
    return data[: dice.randrange(len(data) + 1)]


def _flip(data: bytes, dice: random.Random) -> bytes:
    changed = bytearray(data)
    for _ in range(dice.choice((1, 1, 3, 20))):
        if changed:
            changed[dice.randrange(len(changed))] ^= 1 << dice.randrange(8)
    return bytes(changed)


def _overwrite(data: bytes, dice: random.Random) -> bytes:
    at = dice.randrange(len(data) + 1)
    filling = bytes([dice.choice(INTERESTING)]) * dice.choice((1, 8, 12, 100, 512))
    return data[:at] + filling + data[at + len(filling) :]


def _insert(data: bytes, dice: random.Random) -> bytes:
    at = dice.randrange(len(data) + 1)
    return data[:at] + dice.choice((*WORDS, *NUMBERS)) + data[at:]


def _delete(data: bytes, dice: random.Random) -> bytes:
    at = dice.randrange(len(data) + 1)
    return data[:at] + data[at + dice.choice((1, 2, 511, 512, 1024)) :]


def _swap_blocks(data: bytes, dice: random.Random) -> bytes:
    blocks = [data[at : at + 512] for at in range(0, len(data), 512)]
    if len(blocks) > 1:
        one, other = dice.randrange(len(blocks)), dice.randrange(len(blocks))
        blocks[one], blocks[other] = blocks[other], blocks[one]
    return b"".join(blocks)


def _repeat(data: bytes, dice: random.Random) -> bytes:
    at = dice.randrange(len(data) + 1) // 512 * 512
    part = data[at : at + 512 * dice.choice((1, 2, 8))]
    return data[:at] + part * dice.choice((2, 3, 50)) + data[at:]


def _header(data: bytes, dice: random.Random) -> bytes:
    """A header's field replaced, with the checksum made right: damage that only understanding finds."""
    headers = [at for at in range(0, len(data) - 511, 512) if data[at + 257 : at + 262] == b"ustar"]
    if not headers:
        return _flip(data, dice)
    at = dice.choice(headers)
    offset, width = dice.choice(((0, 100), (100, 8), (108, 8), (124, 12), (136, 12), (156, 1), (157, 100), (345, 155)))
    choices = (
        bytes([dice.choice(INTERESTING)]) * width,
        dice.choice(NUMBERS)[:width].ljust(width, b"\0"),
        dice.choice(WORDS)[:width].ljust(width, b"\0"),
        dice.choice((b"0", b"1", b"2", b"5", b"x", b"g", b"L", b"K", b"S", b"V", b"\0"))[:width].ljust(width, b" "),
        b"\x80".ljust(width, b"\xff")[:width],
    )
    return data[:at] + dialects.patched(data[at : at + 512], offset, dice.choice(choices)) + data[at + 512 :]


def _word(data: bytes, dice: random.Random) -> bytes:
    """One number or word of a text in the data replaced: pax records, JSON."""
    spots = [at for at in range(len(data) - 1) if data[at : at + 1] in b'0123456789":,[{=' and dice.random() < 0.05]
    if not spots:
        return _insert(data, dice)
    at = dice.choice(spots)
    return data[:at] + dice.choice((*NUMBERS, *WORDS)) + data[at + dice.choice((0, 1, 3)) :]


_DAMAGES: tuple[Callable[[bytes, random.Random], bytes], ...] = (
    _cut,
    _flip,
    _overwrite,
    _insert,
    _delete,
    _swap_blocks,
    _repeat,
    _header,
    _header,
    _word,
)
