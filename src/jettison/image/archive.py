"""Reading tar: ustar, pax (x and g), GNU long names and sparse files, base-256 numbers, as engines write layers.

No `tarfile`: a layer's headers are parsed at a few hundred thousand a second, bodies are handed out as they stream
by, and every error names the byte. Source of the format: POSIX.1-2001 pax, GNU tar's manual, appendix "Basic Tar
Format", and what Go's archive/tar (Docker, containerd, Podman) accepts.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from jettison.errors import LayerError
from jettison.image import codec, sparse
from jettison.image.entry import BLOCK, CHARACTER, DIRECTORY, FIFO, FILE, HARDLINK, SYMLINK, Entry, show
from jettison.image.header import (
    EPOCH_LIMIT,
    checksum_holds,
    decimal,
    in_nanoseconds,
    normalise,
    number,
    parse_pax,
    pax_time,
    prefixed,
)
from jettison.image.stream import BLOCK_SIZE, Stream

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["BLOCK_SIZE", "MAX_EXTENSION", "Member", "Reader", "Stream", "checksum_holds", "normalise", "number"]

MAX_EXTENSION = 1 << 20
"""The most bytes that a pax header or a GNU long name may have; Go's reader allows as much."""

_ZERO = bytes(BLOCK_SIZE)
_HEADER = struct.Struct("100s24s12s12s8xc100s8s64x8s8s155s12x")
_KINDS = {
    b"0": FILE,
    b"\0": FILE,
    b"7": FILE,
    b"S": FILE,
    b"1": HARDLINK,
    b"2": SYMLINK,
    b"3": CHARACTER,
    b"4": BLOCK,
    b"5": DIRECTORY,
    b"6": FIFO,
}
_LONG = {b"L": b"\0path", b"K": b"\0linkpath"}
_XATTR = b"SCHILY.xattr."
_DOTS = (b"", b".", b"..")

Pax = dict[bytes, bytes]
"""The records that extended headers give to the next member; GNU's long names stand under the keys of `_LONG`."""


class Member:
    """One member as its headers describe it; its body is `stored` bytes that come next in the stream, at `body`.

    `holes` is None but for a sparse file, whose body consists of the ranges (offset, length) that it lists.
    """

    __slots__ = ("body", "entry", "holes", "stored")

    def __init__(self, entry: Entry, body: int, stored: int, holes: sparse.Ranges | None) -> None:
        self.entry = entry
        self.body = body
        self.stored = stored
        self.holes = holes


class Reader:
    """Iterates over the members of a tar stream. The caller must read or skip `stored` bytes of each, and padding."""

    def __init__(self, stream: Stream) -> None:
        self.stream = stream
        self._holes = 0
        self._tolerated: dict[str, tuple[int, bytes]] = {}
        self._owners: dict[bytes, tuple[int, int, int]] = {}
        self._clean: set[bytes] = set()

    @property
    def notes(self) -> list[str]:
        """What was tolerated, as engines do, and deserves a word: one sentence a matter, however often it occurs."""
        return [
            what + (f", such as {show(example)!r}" if example else "") + (f" ({count:,} times)" if count > 1 else "")
            for what, (count, example) in self._tolerated.items()
        ]

    def _tolerate(self, what: str, example: bytes = b"") -> None:
        count, first = self._tolerated.get(what, (0, example))
        self._tolerated[what] = (count + 1, first)

    def __iter__(self) -> Iterator[Member]:
        stream = self.stream
        pax: Pax = {}
        start = -1
        while True:
            at = stream.position
            block = stream.block()
            if block == _ZERO or not block:
                self._end(block, at, pax)
                return
            if len(block) < BLOCK_SIZE:
                raise LayerError(f"the archive ends inside a header of {len(block)} bytes", offset=at)
            if not checksum_holds(block):
                raise LayerError("this is no tar header: its checksum does not hold", offset=at)
            if start < 0:
                start = at
            if block[156:157] in b"xgLKX":
                self._extension(block, at, pax)
                continue
            yield self._member(block, at, start, pax)
            if pax:
                pax = {}
            start = -1

    def _end(self, block: bytes, at: int, pax: Pax) -> None:
        if pax:
            self._tolerate("the archive ends after an extended header, which belongs to no member")
        if block:
            if self.stream.block() not in (_ZERO, b""):
                raise LayerError("one block of zeros, then more: neither an end nor a header", offset=at + BLOCK_SIZE)
        elif at == 0:
            self._tolerate("the layer has no bytes at all, not even a tar's end")

    def _extension(self, block: bytes, at: int, pax: Pax) -> None:
        size = number(block[124:136], at, "size")
        if not 0 <= size <= MAX_EXTENSION:
            raise LayerError(f"an extended header claims {size:,} bytes; at most {MAX_EXTENSION:,} are read", offset=at)
        data = self.stream.take(size)
        self.stream.skip(-size % BLOCK_SIZE)
        flag = block[156:157]
        if flag in _LONG:
            pax[_LONG[flag]] = data.partition(b"\0")[0]
        elif flag == b"g":
            if parse_pax(data, at + BLOCK_SIZE).keys() - {b"comment"}:
                self._tolerate("a global pax header was passed over, as engines do")
        else:
            for key in [key for key in pax if key not in _LONG.values()]:
                del pax[key]  # of two pax headers in a row, the second counts
            pax.update(parse_pax(data, at + BLOCK_SIZE))

    def _member(self, block: bytes, at: int, start: int, pax: Pax) -> Member:
        name, owner, sized, timed, flag, link, magic, major, minor, prefix = _HEADER.unpack(block)
        kind = _KINDS.get(flag)
        if kind is None:
            raise LayerError(f"a member of type {flag!r}, which no engine unpacks", offset=at)
        name = name.partition(b"\0")[0]
        if prefix[0]:
            name = prefixed(name, prefix, magic, block)
        link = link.partition(b"\0")[0] if kind in (HARDLINK, SYMLINK) else b""
        mode, uid, gid = self._owners.get(owner) or self._owner(owner, at)
        size, mtime = number(sized, at, "size"), number(timed, at, "time") * 1_000_000_000
        if pax:
            name = pax.get(b"\0path") or pax.get(b"path") or name
            link = link and (pax.get(b"\0linkpath") or pax.get(b"linkpath") or link)
            size, uid, gid, mtime = _override(pax, size, uid, gid, mtime, at)
        if flag == b"\0" and name[-1:] == b"/":
            kind = DIRECTORY
        stored, holes = size, None
        if kind != FILE:
            stored = size = 0
        elif size < 0:
            raise LayerError(f"a member claims {size:,} bytes", offset=at)
        elif pax or flag == b"S":
            holes, stored, size, name = self._sparse(block, pax, size, name, at)
        path = self._path(name, at)
        if not path and kind != DIRECTORY:
            raise LayerError("a member takes the place of the root directory", offset=at)
        body = self.stream.position
        entry = Entry(
            path,
            kind,
            size,
            mode,
            uid,
            gid,
            mtime if -EPOCH_LIMIT < mtime < EPOCH_LIMIT else in_nanoseconds(0, mtime),
            start,
            body + stored + -stored % BLOCK_SIZE,
            normalise(link, at) if kind == HARDLINK else link,
            b"",
            _device(magic, major, minor, at) if kind in (CHARACTER, BLOCK) else None,
            _xattrs(pax) if pax else None,
        )
        return Member(entry, body, stored, holes)

    def _owner(self, field: bytes, at: int) -> tuple[int, int, int]:
        """Mode, uid and gid. A layer has but a few combinations of them, so they are remembered by their bytes."""
        if len(self._owners) > 4096:
            self._owners.clear()
        found = number(field[:8], at, "mode") & 0o7777, number(field[8:16], at, "uid"), number(field[16:], at, "gid")
        self._owners[field] = found
        return found

    def _sparse(
        self, block: bytes, pax: Pax, size: int, name: bytes, at: int
    ) -> tuple[sparse.Ranges | None, int, int, bytes]:
        """The stored ranges, the bytes of the body that are left, the real size, and the real name."""
        body = self.stream.position
        if block[156:157] == b"S":
            ranges, real = sparse.in_header(block, self.stream, at)
        else:
            found = sparse.in_pax(pax, self.stream, size, at)
            if found is None:
                return None, size, size, name
            ranges, real = found
            size -= self.stream.position - body
            name = pax.get(b"GNU.sparse.name") or name
        self._holes += real - size
        if self._holes > codec.BOMB_BYTES and self._holes > codec.BOMB_RATIO * self.stream.position:
            raise LayerError(f"sparse files claim {self._holes:,} bytes that are not stored: a bomb", offset=at)
        listed = sum(length for _, length in ranges)
        if listed != size:
            raise LayerError(f"a sparse file's map lists {listed:,} bytes where {size:,} are stored", offset=at)
        return ranges, size, real, name

    def _path(self, name: bytes, at: int) -> bytes:
        """`name` cleaned. Directories that were clean once are remembered, so that most names cost one look."""
        path = name[:-1] if name[-1:] == b"/" else name
        head, slash, last = path.rpartition(b"/")
        if head + slash in self._clean and last not in _DOTS and len(path) <= 255 and b"\0" not in path:
            return path
        cleaned = normalise(name, at)
        if cleaned == path:
            self._clean.add(head + slash)
        elif name[:1] == b"/":
            self._tolerate("a member has an absolute name; read as engines do, below the root", name)
        elif b".." in name.split(b"/"):
            self._tolerate("a member's name has `..` in it; resolved, as engines do", name)
        return cleaned


def _override(pax: Pax, size: int, uid: int, gid: int, mtime: int, at: int) -> tuple[int, int, int, int]:
    """The numbers that pax records give instead of the header's; empty records give none."""
    if pax.get(b"size"):
        size = decimal(pax[b"size"], at)
    if pax.get(b"uid"):
        uid = decimal(pax[b"uid"], at)
    if pax.get(b"gid"):
        gid = decimal(pax[b"gid"], at)
    if pax.get(b"mtime"):
        mtime = pax_time(pax[b"mtime"], at)
    return size, uid, gid, mtime


def _device(magic: bytes, major: bytes, minor: bytes, at: int) -> tuple[int, int]:
    """A device's numbers; the oldest dialect has none."""
    return (number(major, at, "device"), number(minor, at, "device")) if magic[:5] == b"ustar" else (0, 0)


def _xattrs(pax: Pax) -> dict[str, bytes] | None:
    return {
        key[len(_XATTR) :].decode("utf-8", "surrogateescape"): value
        for key, value in pax.items()
        if value and key.startswith(_XATTR)
    } or None
