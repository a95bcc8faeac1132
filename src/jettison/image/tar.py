"""Writing tar: ustar headers, with pax records only where ustar cannot say it. The counterpart of `archive`.

The same entries and bodies always give the same bytes: no clock, no user, no name of this machine enters. Bodies are
streamed and never held. Source of the format: POSIX.1-2001 pax; xattrs as star and Go's archive/tar write them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from jettison.errors import InputError
from jettison.image.archive import BLOCK_SIZE
from jettison.image.entry import DIRECTORY, FILE, show

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from jettison.image.entry import Entry

END = bytes(2 * BLOCK_SIZE)
"""What ends a tar."""

_PIECE = 128 << 10
_SECOND = 1_000_000_000


def pack(members: Iterable[tuple[Entry, Iterable[bytes]]]) -> Iterator[bytes]:
    """The tar of `members`, each an entry with its body's chunks (of files only), in pieces of some 100 kB.

    Raises `InputError` where a body has not the bytes that its entry says.
    """
    buffer = bytearray()
    for entry, body in members:
        buffer += header(entry)
        if entry.kind == FILE:
            left = entry.size
            for chunk in body:
                left -= len(chunk)
                buffer += chunk
                if len(buffer) >= _PIECE:
                    yield bytes(buffer)
                    buffer.clear()
            if left:
                raise InputError(
                    f"{show(entry.path)} has {entry.size - left:,} bytes where {entry.size:,} were expected"
                )
            buffer += padding(entry.size)
        if len(buffer) >= _PIECE:
            yield bytes(buffer)
            buffer.clear()
    yield bytes(buffer + END)


def padding(size: int) -> bytes:
    """The zeros after a body of `size` bytes."""
    return bytes(-size % BLOCK_SIZE)


def header(entry: Entry) -> bytes:
    """The header blocks of an entry: one, or, where that cannot hold it, a pax header before it."""
    name = entry.path + b"/" if entry.kind == DIRECTORY and entry.path else entry.path or b"./"
    size = entry.size if entry.kind == FILE else 0
    records: dict[bytes, bytes] = {}
    head, prefix = _split(name)
    if head is None or not name.isascii():
        records[b"path"] = name
        head, prefix = name[:100], b""
    if len(entry.link) > 100 or not entry.link.isascii():
        records[b"linkpath"] = entry.link
    if entry.mtime % _SECOND or not 0 <= entry.mtime < 8**11 * _SECOND:
        records[b"mtime"] = _time(entry.mtime)
    for key, value, width in ((b"size", size, 11), (b"uid", entry.uid, 7), (b"gid", entry.gid, 7)):
        if value >= 8**width:
            records[key] = b"%d" % value
    for attribute, xattr in sorted((entry.xattrs or {}).items()):
        records[b"SCHILY.xattr." + attribute.encode("utf-8", "surrogateescape")] = xattr
    block = _block(
        head,
        prefix,
        flag=b"%d" % entry.kind,
        mode=entry.mode,
        owner=(entry.uid, entry.gid),
        size=size,
        mtime=entry.mtime // _SECOND,
        link=entry.link[:100],
        device=entry.device or (0, 0),
    )
    return _pax(name, records) + block if records else block


def file_header(name: bytes, size: int, mode: int = 0o644) -> bytes:
    """The one block that heads a plain file of any size under a name of at most 100 ASCII bytes, dated 1970.

    It has the same length whatever `size` is, so that it can be written over once the body's size is known.
    """
    return _block(
        name, b"", flag=b"0", mode=mode, owner=(0, 0), size=size, mtime=0, link=b"", device=(0, 0), large=True
    )


def _split(name: bytes) -> tuple[bytes | None, bytes]:
    """The name as ustar's name and prefix fields have it; (None, b"") where it does not fit."""
    if len(name) <= 100:
        return name, b""
    slash = name.find(b"/", len(name) - 101)
    if 0 < slash <= 155 and slash + 1 < len(name):
        return name[slash + 1 :], name[:slash]
    return None, b""


def _time(nanoseconds: int) -> bytes:
    seconds, fraction = divmod(abs(nanoseconds), _SECOND)
    text = b"%s%d.%09d" % (b"-" if nanoseconds < 0 else b"", seconds, fraction)
    return text.rstrip(b"0").rstrip(b".")


def _pax(name: bytes, records: dict[bytes, bytes]) -> bytes:
    texts = [records[key] for key in (b"path", b"linkpath") if key in records]
    if not all(_is_utf8(text) for text in texts):
        records = {b"hdrcharset": b"BINARY", **records}
    body = b"".join(record(key, value) for key, value in records.items())
    label = b"PaxHeaders/" + name.rstrip(b"/").rpartition(b"/")[2][:80]
    block = _block(label, b"", flag=b"x", mode=0o644, owner=(0, 0), size=len(body), mtime=0, link=b"", device=(0, 0))
    return block + body + padding(len(body))


def _is_utf8(text: bytes) -> bool:
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True


def record(key: bytes, value: bytes) -> bytes:
    """One record of a pax header: its own length, key and value."""
    rest = b" " + key + b"=" + value + b"\n"
    length = len(rest) + len(b"%d" % len(rest))
    if len(b"%d" % length) != len(b"%d" % len(rest)):
        length += 1
    return b"%d" % length + rest


def _octal(value: int, width: int, *, large: bool = False) -> bytes:
    """`value` in `width` digits and a NUL; what does not fit is in base 256 (`large`), or 0 where pax says it."""
    if 0 <= value < 8**width:
        return b"%0*o\0" % (width, value)
    return b"\x80" + value.to_bytes(width, "big") if large and value >= 0 else b"%0*o\0" % (width, 0)


def _block(
    name: bytes,
    prefix: bytes,
    *,
    flag: bytes,
    mode: int,
    owner: tuple[int, int],
    size: int,
    mtime: int,
    link: bytes,
    device: tuple[int, int],
    large: bool = False,
) -> bytes:
    before = b"".join(
        (
            name.ljust(100, b"\0"),
            _octal(mode, 7),
            _octal(owner[0], 7),
            _octal(owner[1], 7),
            _octal(size, 11, large=large),
            _octal(mtime, 11),
        )
    )
    after = b"".join(
        (
            flag,
            link.ljust(100, b"\0"),
            b"ustar\00000",
            bytes(64),
            _octal(device[0], 7, large=True),
            _octal(device[1], 7, large=True),
            prefix.ljust(155, b"\0"),
            bytes(12),
        )
    )
    return b"%s%06o\0 %s" % (before, sum(before) + sum(after) + 8 * 32, after)
