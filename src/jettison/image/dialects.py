"""Tar members in the dialects of other writers: what GNU tar, star and old tools put into layers.

`tar` writes one dialect, on purpose. Images that tests make need the others too: long names the GNU way, sparse files
in all three forms, pax globals, headers without magic. Each function gives one member whole: headers, body, padding.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from jettison.image import tar
from jettison.image.archive import BLOCK_SIZE
from jettison.image.entry import FILE, Entry

if TYPE_CHECKING:
    from collections.abc import Sequence


def member(entry: Entry, body: bytes = b"") -> bytes:
    """A member in our own dialect."""
    return tar.header(entry) + (body + tar.padding(len(body)) if entry.kind == FILE else b"")


def patched(block: bytes, offset: int, data: bytes) -> bytes:
    """A header block with `data` at `offset` and the checksum made right again."""
    block = block[:offset] + data + block[offset + len(data) :]
    total = sum(block) - sum(block[148:156]) + 8 * 32
    return b"%s%06o\0 %s" % (block[:148], total, block[156:])


def gnu_long(entry: Entry, body: bytes = b"") -> bytes:
    """A member whose name and link stand in GNU's `L` and `K` members, however short they are."""
    short = msgspec.structs.replace(entry, path=entry.path[:90], link=entry.link[:90])
    parts = []
    for flag, text in ((b"K", entry.link), (b"L", entry.path)):
        if text:
            head = patched(tar.file_header(b"././@LongLink", len(text) + 1), 156, flag)
            parts.append(patched(head, 257, b"ustar  \0") + text + b"\0" + tar.padding(len(text) + 1))
    return b"".join([*parts, patched(tar.header(short)[-BLOCK_SIZE:], 257, b"ustar  \0"), body, tar.padding(len(body))])


def old_v7(entry: Entry, body: bytes = b"") -> bytes:
    """A member as tools before 1988 wrote it: no magic, type NUL."""
    block = patched(tar.header(entry)[-BLOCK_SIZE:], 257, bytes(BLOCK_SIZE - 257))
    return patched(block, 156, b"\0") + body + tar.padding(len(body))


def pax_global(records: bytes = tar.record(b"comment", b"made for a test")) -> bytes:
    """A pax global header."""
    head = patched(tar.file_header(b"pax_global_header", len(records)), 156, b"g")
    return head + records + tar.padding(len(records))


def sparse_old(entry: Entry, extents: Sequence[tuple[int, bytes]]) -> bytes:
    """A sparse file in GNU's old form: a table in the header, then in blocks of 21 rows.

    `extents` are the data's positions and bytes; `entry.size` is the real size.
    """
    table = [b"%011o\0%011o\0" % (offset, len(data)) for offset, data in extents]
    data = b"".join(data for _, data in extents)
    block = patched(tar.header(entry)[-BLOCK_SIZE:], 257, b"ustar  \0")
    block = patched(block, 124, b"%011o\0" % len(data))
    block = patched(block, 156, b"S")
    rest = table[4:]
    block = patched(block, 386, b"".join(table[:4]).ljust(96, b"\0") + (b"\1" if rest else b"\0"))
    block = patched(block, 483, b"%011o\0" % entry.size)
    more = []
    while rest:
        rows, rest = rest[:21], rest[21:]
        more.append(b"".join(rows).ljust(504, b"\0") + (b"\1" if rest else b"\0") + bytes(7))
    return b"".join([block, *more, data, tar.padding(len(data))])


def sparse_pax(entry: Entry, extents: Sequence[tuple[int, bytes]], *, version: int = 1) -> bytes:
    """A sparse file in GNU's pax form 1.0 (the map in the body) or 0.1 (the map in the header)."""
    data = b"".join(data for _, data in extents)
    numbers = [number for offset, part in extents for number in (offset, len(part))]
    if version == 1:
        records = {
            b"GNU.sparse.major": b"1",
            b"GNU.sparse.minor": b"0",
            b"GNU.sparse.name": entry.path,
            b"GNU.sparse.realsize": b"%d" % entry.size,
        }
        text = b"".join(b"%d\n" % number for number in [len(extents), *numbers])
        data = text + tar.padding(len(text)) + data
    else:
        records = {
            b"GNU.sparse.map": b",".join(b"%d" % number for number in numbers),
            b"GNU.sparse.size": b"%d" % entry.size,
            b"GNU.sparse.numblocks": b"%d" % len(extents),
            b"GNU.sparse.name": entry.path,
        }
    name = entry.path.replace(b"/", b"_")[:60]
    extended = b"".join(tar.record(key, value) for key, value in records.items())
    head = patched(tar.file_header(b"PaxHeaders/" + name, len(extended)), 156, b"x")
    block = patched(tar.file_header(b"GNUSparseFile.0/" + name, len(data)), 136, b"%011o\0" % (entry.mtime // 10**9))
    block = patched(block, 100, b"%07o\0%07o\0%07o\0" % (entry.mode, entry.uid, entry.gid))
    return b"".join([head, extended, tar.padding(len(extended)), block, data, tar.padding(len(data))])
