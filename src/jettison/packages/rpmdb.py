"""The three forms of an rpm database, and the headers in them. Nothing here raises on wrong bytes but `ValueError`.

Source of the formats: rpm's lib/header.c and docs/manual/hregions.md (headers), lib/backend/sqlite.c (`rpmdb.sqlite`),
lib/backend/ndb/rpmpkg.c (`Packages.db`), and Berkeley DB's dbinc/db_page.h (`Packages`, a hash whose values lie on
overflow pages).
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import msgspec

from jettison.packages import sqlite

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_HEADERS = 1 << 17
MAX_BYTES = 1 << 29
"""Bounds on what one database may hold, against hostile ones."""

_NAME, _VERSION, _RELEASE, _EPOCH, _GROUP, _ARCH, _SOURCE = 1000, 1001, 1002, 1003, 1016, 1022, 1044
_PROVIDES, _REQUIRES, _RECOMMENDS = 1047, 1049, 5046
_OLD_FILES, _INDEXES, _BASES, _DIRECTORIES = 1027, 1116, 1117, 1118
_TEXT = frozenset({_NAME, _VERSION, _RELEASE, _GROUP, _ARCH, _SOURCE})
_TEXTS = frozenset({_PROVIDES, _REQUIRES, _RECOMMENDS, _OLD_FILES, _BASES, _DIRECTORIES})
_INT32, _STRING, _STRING_ARRAY, _I18N = 4, 6, 8, 9


class Record(msgspec.Struct, array_like=True, frozen=True):
    """One installed package. `directories` end in `/`; `files` pair an index into them with a name."""

    name: str
    epoch: int
    version: str
    release: str
    arch: str
    source: str
    group: str
    requires: tuple[str, ...]
    recommends: tuple[str, ...]
    provides: tuple[str, ...]
    directories: tuple[bytes, ...]
    files: tuple[tuple[int, bytes], ...]

    @property
    def evr(self) -> str:
        """Epoch, version and release as rpm writes them; an epoch of 0 is left out."""
        epoch = f"{self.epoch}:" if self.epoch else ""
        return f"{epoch}{self.version}-{self.release}"


def headers(data: memoryview) -> Iterator[bytes]:
    """The headers in a database of any of the three forms. Raises `ValueError` for anything else, or broken."""
    try:
        head = bytes(data[:16])
        if head == sqlite.MAGIC:
            yield from _sqlite(data)
        elif head.startswith(b"RpmP"):
            yield from _ndb(data)
        elif head[12:] in (b"\x61\x15\x06\x00", b"\x00\x06\x15\x61"):
            yield from _bdb(data, "<" if data[12] else ">")
        else:
            raise ValueError("no rpm database")
    except (struct.error, IndexError, OverflowError) as error:
        raise ValueError(f"broken rpm database: {error}") from None


def _sqlite(data: memoryview) -> Iterator[bytes]:
    with sqlite.opened(data, "Packages") as connection:
        for (blob,) in connection.execute("SELECT blob FROM Packages ORDER BY hnum"):
            if isinstance(blob, bytes):
                yield blob


def _ndb(data: memoryview) -> Iterator[bytes]:
    _, version, _, pages = struct.unpack_from("<4I", data)
    if version != 0 or not 0 < pages <= 2048:
        raise ValueError(f"an ndb database of version {version} with {pages} pages of slots")
    end = min(pages * 4096, len(data) & ~15)
    for magic, number, block, _ in struct.iter_unpack("<4s3I", data[32:end]):
        if magic != b"Slot" or not number:
            continue
        mark, owner, _, size = struct.unpack_from("<4s3I", data, block * 16)
        if mark != b"BlbS" or owner != number:
            raise ValueError(f"slot {number} of the ndb database leads to no package")
        yield bytes(data[block * 16 + 16 : block * 16 + 16 + size])


def _bdb(data: memoryview, order: str) -> Iterator[bytes]:
    page_size = struct.unpack_from(order + "I", data, 20)[0]
    if data[25] != 8 or page_size not in (512 << n for n in range(8)):
        raise ValueError("a Berkeley DB file that is no hash")
    for start in range(page_size, len(data) - page_size + 1, page_size):
        kind = data[start + 25]
        if kind not in (2, 13):  # hash pages, unsorted and sorted
            continue
        (count,) = struct.unpack_from(order + "H", data, start + 20)
        count = min(count, (page_size - 26) // 2)
        for at in struct.unpack_from(f"{order}{count}H", data, start + 26)[1::2]:
            if data[start + at] == 3:  # the value lies on overflow pages
                page, size = struct.unpack_from(order + "II", data, start + at + 4)
                yield _overflow(data, order, page_size, page, size)


def _overflow(data: memoryview, order: str, page_size: int, page: int, size: int) -> bytes:
    parts: list[bytes] = []
    left = min(size, len(data))
    while left > 0 and page:
        start = page * page_size
        if data[start + 25] != 7:
            raise ValueError(f"page {page} of the Berkeley DB is no overflow page")
        part = bytes(data[start + 26 : start + min(page_size, 26 + left)])
        parts.append(part)
        left -= len(part)
        (page,) = struct.unpack_from(order + "I", data, start + 16)
    return b"".join(parts)


def read(data: memoryview) -> list[Record]:
    """All packages of a database. Raises `ValueError`."""
    found: list[Record] = []
    total = 0
    for blob in headers(data):
        total += len(blob)
        if len(found) >= MAX_HEADERS or total > MAX_BYTES:
            raise ValueError("more packages than any system has")
        record = parse(blob)
        if record is not None:
            found.append(record)
    return found


def parse(blob: bytes) -> Record | None:
    """A header without its magic, as databases keep it; None for a public key. Raises `ValueError`."""
    count, length = struct.unpack_from(">II", blob) if len(blob) >= 8 else (0, 0)
    store = 8 + 16 * count
    if not 0 < count < 1 << 16 or store + length > len(blob):
        raise ValueError("broken rpm header")
    text: dict[int, str] = {}
    texts: dict[int, list[bytes]] = {}
    indexes: tuple[int, ...] = ()
    epoch = 0
    for tag, kind, offset, number in struct.iter_unpack(">IIiI", blob[8:store]):
        at = store + offset
        if at < store or at > len(blob):
            continue
        if tag in _TEXT and kind in (_STRING, _I18N):
            text[tag] = blob[at : blob.index(b"\0", at)].decode("utf-8", "replace")
        elif tag in _TEXTS and kind == _STRING_ARRAY:
            texts[tag] = blob[at:].split(b"\0", number)[:number]
        elif tag == _EPOCH and kind == _INT32:
            (epoch,) = struct.unpack_from(">I", blob, at)
        elif tag == _INDEXES and kind == _INT32:
            indexes = struct.unpack_from(f">{min(number, (len(blob) - at) // 4)}I", blob, at)
    name = text.get(_NAME, "")
    if not name or name == "gpg-pubkey":
        return None
    directories, files = _files(texts, indexes)
    return Record(
        name=name,
        epoch=epoch,
        version=text.get(_VERSION, ""),
        release=text.get(_RELEASE, ""),
        arch=text.get(_ARCH, ""),
        source=text.get(_SOURCE, ""),
        group=text.get(_GROUP, ""),
        requires=_distinct(texts.get(_REQUIRES, [])),
        recommends=_distinct(texts.get(_RECOMMENDS, [])),
        provides=_distinct(texts.get(_PROVIDES, [])),
        directories=directories,
        files=files,
    )


def _files(
    texts: dict[int, list[bytes]], indexes: tuple[int, ...]
) -> tuple[tuple[bytes, ...], tuple[tuple[int, bytes], ...]]:
    old = texts.get(_OLD_FILES)
    if old and _BASES not in texts:  # packages made before rpm 4 name whole paths
        return (b"",), tuple((0, path) for path in old)
    directories = tuple(texts.get(_DIRECTORIES, []))
    pairs = zip(indexes, texts.get(_BASES, []), strict=False)
    return directories, tuple((index, base) for index, base in pairs if index < len(directories))


def _distinct(names: list[bytes]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(n.decode("utf-8", "replace") for n in names if not n.startswith(b"rpmlib(")))
