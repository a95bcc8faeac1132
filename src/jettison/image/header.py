"""What stands in tar headers: checksums, numbers, names, and the records of pax extended headers.

All of it is read as Go's archive/tar reads it, which is what engines unpack with.
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

from jettison.errors import LayerError
from jettison.image.entry import show

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_NAME = 4095
"""The most bytes of a path that Linux opens."""

EPOCH_LIMIT = (1 << 63) - 1
"""The farthest time from 1970 that is kept, in nanoseconds: 292 years."""

_MAX_NUMBER = (1 << 63) - 1
_ADLER_MODULUS = 65521
_ENDS = b"\0 "


def _adler32() -> Callable[[bytes], int]:
    try:
        from isal import isal_zlib
    except ImportError:
        return zlib.adler32
    fast: Callable[[bytes], int] = isal_zlib.adler32
    return fast


_adler = _adler32()


def number(field: bytes, where: int, what: str) -> int:
    """A header's number: octal text, or base-256 where the first byte's high bit is set. Raises `LayerError`."""
    digits = field[:-1]
    if digits.isdigit() and field[-1] in _ENDS:
        try:
            return int(digits, 8)
        except ValueError:
            pass
    elif field[0] & 0x80:
        value = int.from_bytes(field, "big") & ((1 << (8 * len(field) - 1)) - 1)
        if field[0] & 0x40:
            value -= 1 << (8 * len(field) - 1)
        if -_MAX_NUMBER <= value <= _MAX_NUMBER:
            return value
    else:
        text = field.strip(b" \0").partition(b"\0")[0] or b"0"
        if not text.strip(b"01234567"):
            return int(text, 8)
    raise LayerError(f"the {what} field of a tar header is no number: {field!r}", offset=where)


def checksum_holds(block: bytes) -> bool:
    """True when the header's checksum is right, counted with unsigned or, as old tars did, signed bytes.

    The low half of adler32 is the sum of all bytes, plus one, modulo a prime: much faster than `sum`.
    """
    field = block[148:156]
    try:
        stated = int(field[:6], 8) if field[:6].isdigit() and field[6] in _ENDS else number(field, 0, "checksum")
    except (LayerError, ValueError):
        return False
    difference = (_adler(block) & 0xFFFF) - 1 - sum(field) + 8 * 32 - stated
    if difference % _ADLER_MODULUS == 0:
        return True
    high = sum(1 for at, byte in enumerate(block) if byte > 127 and not 148 <= at < 156)
    return high > 0 and (difference - 256 * high) % _ADLER_MODULUS == 0


def prefixed(name: bytes, prefix: bytes, magic: bytes, block: bytes) -> bytes:
    """A name with its prefix, where the header's dialect has one.

    In GNU's dialect two times stand there instead; Go before 1.8 wrote prefixes all the same, which are no numbers.
    """
    if magic[:6] == b"ustar\0":
        star = block[508:] == b"tar\0"
        return (prefix[:131] if star else prefix).partition(b"\0")[0] + b"/" + name
    if magic == b"ustar  \0":
        text = prefix.partition(b"\0")[0]
        try:
            number(prefix[:12], 0, "time")
            number(prefix[12:24], 0, "time")
        except LayerError:
            if text.isascii():
                return text + b"/" + name
    return name


def normalise(name: bytes, where: int) -> bytes:
    """A member's path as engines clean it: no leading `/`, no `.`, `..` and doubled or trailing `/` resolved.

    Raises `LayerError` for a name that leads out of the image, holds a NUL, or is longer than any path may be.
    """
    if len(name) > MAX_NAME or b"\0" in name:
        what = f"has {len(name):,} bytes, more than a path may" if len(name) > MAX_NAME else "holds a NUL"
        raise LayerError(f"the name of a member, {show(name[:60])!r}…, {what}", offset=where)
    parts: list[bytes] = []
    for part in name.split(b"/"):
        if part == b"..":
            if not parts and name[:1] != b"/":
                raise LayerError(
                    f"a member is named {show(name)!r}, which leads out of the image",
                    offset=where,
                    hint="no engine would unpack it; the image is broken or hostile",
                )
            del parts[-1:]
        elif part not in (b"", b"."):
            parts.append(part)
    return b"/".join(parts)


def parse_pax(data: bytes, where: int) -> dict[bytes, bytes]:
    """The records of a pax header: `LENGTH KEY=VALUE\\n`. Raises `LayerError`.

    The map of a sparse file in GNU's oldest pax form, a record a number, comes out as `GNU.sparse.map`, as in the next.
    """
    records: dict[bytes, bytes] = {}
    sparse: list[bytes] = []
    position = 0
    while position < len(data):
        space = data.find(b" ", position, position + 20)
        length = int(data[position:space]) if space > 0 and data[position:space].isdigit() else 0
        record = data[space + 1 : position + length]
        key, equals, value = record[:-1].partition(b"=")
        if length < 5 or position + length > len(data) or record[-1:] != b"\n" or not equals:
            raise LayerError("a pax header is malformed", offset=where + position)
        if key == b"GNU.sparse.offset" or key == b"GNU.sparse.numbytes":
            sparse.append(value)
        else:
            records[key] = value
        position += length
    if sparse:
        records[b"GNU.sparse.map"] = b",".join(sparse)
    return records


def decimal(text: bytes, where: int) -> int:
    """A number of an extended header. Raises `LayerError`."""
    digits = text[1:] if text[:1] == b"-" else text
    if digits.isdigit() and len(digits) <= 19 and int(digits) <= _MAX_NUMBER:
        return int(text)
    raise LayerError(f"{text[:40]!r} in an extended header is no number", offset=where)


def pax_time(text: bytes, where: int) -> int:
    """A pax header's time in nanoseconds since 1970, as far as 64 bits reach. Raises `LayerError`."""
    whole, _, fraction = text.partition(b".")
    if fraction and not fraction.isdigit():
        raise LayerError(f"{text[:40]!r} in an extended header is no time", offset=where)
    nanoseconds = int((fraction + b"000000000")[:9])
    return in_nanoseconds(decimal(whole, where), -nanoseconds if whole[:1] == b"-" else nanoseconds)


def in_nanoseconds(seconds: int, nanoseconds: int = 0) -> int:
    """The time in nanoseconds since 1970; the years before 1677 and after 2262 are shown as those."""
    return max(-EPOCH_LIMIT, min(EPOCH_LIMIT, seconds * 1_000_000_000 + nanoseconds))
