"""A member under another name, its body and all else that its headers say left alone.

The new name goes into a pax header, which every reader takes before the name in the plain one; pax records that the
member had stay, a GNU long name goes. So sparse files, whose headers hold what an `Entry` does not, stay sparse.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from jettison.image import tar
from jettison.image.header import number, parse_pax
from jettison.image.stream import BLOCK_SIZE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jettison.image.entry import Entry
    from jettison.image.stream import Stream

_SPARSE_NAME = b"GNU.sparse.name"
_REPLACED = (b"path", b"uid", b"gid", b"mtime")
_XATTR = b"SCHILY.xattr."


def renamed(stream: Stream, new: Entry) -> Iterator[bytes]:
    """The headers of the member that begins here, with the name, owner, mode, time and xattrs of `new`.

    The stream is then behind its plain header.
    """
    records: dict[bytes, bytes] = {}
    while (block := stream.block())[156:157] in b"xXLKg":
        size = number(block[124:136], stream.position, "size")
        data = stream.take(size)
        stream.skip(-size % BLOCK_SIZE)
        if block[156:157] in b"xX":
            records = _records(data, stream.position)
        elif block[156:157] == b"K":
            yield block + data + tar.padding(size)
    ours, theirs = _said(new)
    records = {key: value for key, value in records.items() if key not in _REPLACED and not key.startswith(_XATTR)}
    records |= {**ours, b"path": new.path}
    if _SPARSE_NAME in records:
        records[_SPARSE_NAME] = new.path
    body = b"".join(tar.record(key, value) for key, value in records.items())
    yield _patched(tar.file_header(b"PaxHeaders/renamed", len(body)), 156, b"x") + body + tar.padding(len(body))
    yield _patched(_patched(block, 100, theirs[100:124]), 136, theirs[136:148])


def _said(entry: Entry) -> tuple[dict[bytes, bytes], bytes]:
    """The pax records and the plain header that our own writer gives the entry."""
    header = tar.header(entry)
    records: dict[bytes, bytes] = {}
    if len(header) > BLOCK_SIZE:
        size = number(header[124:136], 0, "size")
        records = parse_pax(header[BLOCK_SIZE : BLOCK_SIZE + size], 0)
        for key in (b"size", b"linkpath"):
            records.pop(key, None)
    return records, header[-BLOCK_SIZE:]


def _records(data: bytes, where: int) -> dict[bytes, bytes]:
    """The records. Of a sparse file in the oldest form, `parse_pax` makes the next one, which counts its ranges."""
    records = parse_pax(data, where)
    if b"GNU.sparse.offset=" in data:
        records[b"GNU.sparse.numblocks"] = b"%d" % (records[b"GNU.sparse.map"].count(b",") // 2 + 1)
    return records


def _patched(block: bytes, offset: int, data: bytes) -> bytes:
    block = block[:offset] + data + block[offset + len(data) :]
    total = sum(block) - sum(block[148:156]) + 8 * 32
    return b"%s%06o\0 %s" % (block[:148], total, block[156:])
