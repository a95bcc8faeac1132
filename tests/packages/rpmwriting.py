"""Writes rpm databases in all three forms, as far as their readers look: headers, sqlite, ndb, Berkeley DB's hash."""

from __future__ import annotations

import sqlite3
import struct
import zlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

NAME, VERSION, RELEASE, EPOCH, GROUP, ARCH, SOURCE = 1000, 1001, 1002, 1003, 1016, 1022, 1044
PROVIDES, REQUIRES, INDEXES, BASES, DIRECTORIES = 1047, 1049, 1116, 1117, 1118


def header(name: str, version: str = "1.0", release: str = "1.el9", **more: object) -> bytes:
    """A header as databases keep it. `files` are absolute paths; `epoch`, `arch`, `group`, `source`, `requires`."""
    files = [str(path).rpartition("/") for path in _list(more.get("files"))]
    directories = list(dict.fromkeys(head + "/" for head, _, _ in files))
    tags: list[tuple[int, object]] = [
        *((NAME, name), (VERSION, version), (RELEASE, release), (GROUP, more.get("group", "Unspecified"))),
        *((ARCH, more.get("arch", "x86_64")), (SOURCE, more.get("source", f"{name}-{version}-{release}.src.rpm"))),
    ]
    if "epoch" in more:
        tags.append((EPOCH, [more["epoch"]]))
    tags.append((REQUIRES, _list(more.get("requires"))))
    if files:
        tags.append((INDEXES, [directories.index(head + "/") for head, _, _ in files]))
        tags += [(BASES, [base for _, _, base in files]), (DIRECTORIES, directories)]
    index, store = [], b""
    for tag, value in tags:
        numbers = isinstance(value, list) and all(isinstance(item, int) for item in value) and value
        store += bytes(-len(store) % 4)
        if numbers:
            index.append(struct.pack(">IIiI", tag, 4, len(store), len(value)))
            store += struct.pack(f">{len(value)}I", *value)
        elif isinstance(value, list):
            index.append(struct.pack(">IIiI", tag, 8, len(store), len(value)))
            store += b"".join(str(item).encode() + b"\0" for item in value)
        else:
            index.append(struct.pack(">IIiI", tag, 9 if tag == GROUP else 6, len(store), 1))
            store += str(value).encode() + b"\0"
    return struct.pack(">II", len(index), len(store)) + b"".join(index) + store


def _list(value: object) -> list[object]:
    return list(value) if isinstance(value, list | tuple) else []


def sqlite(headers: Sequence[bytes], folder: Path, *, journal: str = "wal") -> bytes:
    """`rpmdb.sqlite`, closed cleanly: rpm leaves it in write-ahead mode."""
    path = folder / "rpmdb.sqlite"
    path.unlink(missing_ok=True)
    connection = sqlite3.connect(path)
    connection.execute(f"PRAGMA journal_mode = {journal}")
    connection.execute("CREATE TABLE 'Packages' (hnum INTEGER PRIMARY KEY AUTOINCREMENT, blob BLOB NOT NULL)")
    connection.executemany("INSERT INTO Packages (blob) VALUES (?)", [(h,) for h in headers])
    connection.commit()
    connection.close()
    return path.read_bytes()


def ndb(headers: Sequence[bytes]) -> bytes:
    """`Packages.db`: one page of slots, then the blobs, in units of 16 bytes."""
    slots, blobs = [], b""
    for number, data in enumerate(headers, 1):
        size = -(-(len(data) + 28) // 16)
        slots.append(struct.pack("<4s3I", b"Slot", number, 256 + len(blobs) // 16, size))
        blob = struct.pack("<4s3I", b"BlbS", number, zlib.adler32(data), len(data)) + data
        blobs += blob.ljust(size * 16, b"\0")
    slots += [struct.pack("<4s3I", b"Slot", 0, 0, 0)] * (254 - len(slots))
    return struct.pack("<4s3I16x", b"RpmP", 0, 1, 1) + b"".join(slots) + blobs


def bdb(headers: Sequence[bytes], *, order: str = "<", page_size: int = 4096) -> bytes:
    """`Packages`: metadata, one page of the hash, and a chain of overflow pages for each value."""
    overflow: list[bytes] = []
    values: list[bytes] = []
    for data in headers:
        room = page_size - 26
        pieces = [data[at : at + room] for at in range(0, len(data), room)]
        first = 2 + len(overflow)
        values.append(struct.pack(order + "B3xII", 3, first, len(data)))
        for number, piece in enumerate(pieces):
            following = first + number + 1 if number + 1 < len(pieces) else 0
            page = struct.pack(order + "8xIIIHHBB", first + number, 0, following, 1, len(piece), 0, 7) + piece
            overflow.append(page.ljust(page_size, b"\0"))
    items: list[bytes] = []
    for number, value in enumerate(values, 1):
        items += [struct.pack(order + "BI", 1, number), value]
    offsets, end, body = [], page_size, b""
    for item in items:
        end -= len(item)
        offsets.append(end)
        body = item + body
    head = struct.pack(order + "8xIIIHHBB", 1, 0, 0, len(items), end, 0, 13)
    head += struct.pack(f"{order}{len(offsets)}H", *offsets)
    pages = head.ljust(end, b"\0") + body
    meta = struct.pack(order + "8xIIIIBBBxIII", 0, 0x061561, 9, page_size, 0, 8, 0, 0, 1 + len(overflow), 0)
    return meta.ljust(page_size, b"\0") + pages + b"".join(overflow)


def history(reasons: dict[str, int], folder: Path) -> bytes:
    """dnf's `history.sqlite`, as far as reasons go; each package was first noted for another reason."""
    path = folder / "history.sqlite"
    path.unlink(missing_ok=True)
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE rpm (item_id INTEGER, name TEXT, epoch INTEGER, version TEXT, arch TEXT)")
    connection.execute("CREATE TABLE trans_item (id INTEGER PRIMARY KEY, item_id INTEGER, reason INTEGER)")
    for number, (name, reason) in enumerate(reasons.items()):
        connection.execute("INSERT INTO rpm VALUES (?, ?, 0, '1.0', 'x86_64')", (number, name))
        for noted in (0, reason):
            connection.execute("INSERT INTO trans_item (item_id, reason) VALUES (?, ?)", (number, noted))
    connection.commit()
    connection.close()
    return path.read_bytes()
