"""Reading tar: ustar, pax (x and g), GNU long names and sparse files, base-256 numbers, as engines write layers.

No `tarfile`: a layer's headers are parsed at several hundred thousand a second, bodies are handed out as they stream
by, and every error names the byte. Source of the format: POSIX.1-2001 pax, GNU tar's manual, appendix "Basic Tar
Format", and what Go's archive/tar (Docker, containerd) accepts.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from jettison.errors import LayerError
from jettison.image.entry import BLOCK, CHARACTER, DIRECTORY, FIFO, FILE, HARDLINK, SYMLINK, Entry, show

if TYPE_CHECKING:
    from collections.abc import Iterator

BLOCK_SIZE = 512
MAX_EXTENSION = 1 << 20
"""The most bytes that a pax header or a GNU long name may have; Go's reader allows as much."""

_ZERO = bytes(BLOCK_SIZE)
_HEADER = struct.Struct("100s8s8s8s12s12s8sc100s8s32s32s8s8s155s12x")
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


class Stream:
    """Pull-style reading over an iterator of pieces; `position` counts the bytes handed out."""

    __slots__ = ("_at", "_pieces", "_view", "position")

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._view = memoryview(b"")
        self._at = 0
        self.position = 0

    def _next(self) -> bool:
        for piece in self._pieces:
            if piece:
                self._view, self._at = memoryview(piece), 0
                return True
        return False

    def block(self) -> bytes:
        """The next 512 bytes; fewer, or none, at the end of the stream."""
        start = self._at
        stop = start + BLOCK_SIZE
        if stop <= len(self._view):
            self._at = stop
            self.position += BLOCK_SIZE
            return self._view[start:stop].tobytes()
        return self.take(len(self.peek(BLOCK_SIZE)))

    def peek(self, size: int) -> bytes:
        """Up to `size` bytes that come next, without passing them; fewer only at the end of the stream."""
        have = len(self._view) - self._at
        while have < size:
            rest = self._view[self._at :].tobytes()
            if not self._next():
                self._view, self._at = memoryview(rest), 0
                break
            self._view, self._at = memoryview(rest + self._view.tobytes()), 0
            have = len(self._view)
        return self._view[self._at : self._at + size].tobytes()

    def parts(self, size: int) -> Iterator[memoryview]:
        """The next `size` bytes as views into the pieces. Raises `LayerError` at an early end."""
        left = size
        while left:
            have = len(self._view) - self._at
            if not have:
                if not self._next():
                    raise LayerError(
                        f"the archive ends {left:,} bytes before this member does",
                        offset=self.position,
                        hint="it was cut off: fetch or save the image again",
                    )
                continue
            step = left if left < have else have
            part = self._view[self._at : self._at + step]
            self._at += step
            self.position += step
            left -= step
            yield part

    def take(self, size: int) -> bytes:
        """The next `size` bytes in one piece. Raises `LayerError` at an early end."""
        return b"".join(self.parts(size))

    def rest(self) -> Iterator[memoryview]:
        """All bytes that are left, as views: what follows the archive's end still counts in the diff_id."""
        while True:
            part = self._view[self._at :]
            self._at = len(self._view)
            self.position += len(part)
            if part:
                yield part
            if not self._next():
                return

    def skip(self, size: int) -> None:
        """Pass over `size` bytes."""
        for _ in self.parts(size):
            pass


class Member:
    """One member as its headers describe it; its body is `stored` bytes that come next in the stream."""

    __slots__ = ("body", "entry", "holes", "stored")

    def __init__(self, entry: Entry, body: int, stored: int, holes: list[tuple[int, int]] | None) -> None:
        self.entry = entry
        self.body = body
        self.stored = stored
        self.holes = holes


def number(field: bytes, where: int, what: str) -> int:
    """A header's number: octal text, or base-256 where the first byte's high bit is set. Raises `LayerError`."""
    if field[0] & 0x80:
        value = int.from_bytes(field, "big", signed=False) & ((1 << (8 * len(field) - 1)) - 1)
        if field[0] & 0x40:
            value -= 1 << (8 * len(field) - 1)
        return value
    text = field.partition(b"\0")[0].strip()
    if not text:
        return 0
    try:
        return int(text, 8)
    except ValueError:
        raise LayerError(f"the {what} field of a tar header is no number: {field!r}", offset=where) from None


def checksum_holds(block: bytes) -> bool:
    """True when the header's checksum is right, counted with unsigned or, as old tars did, signed bytes."""
    try:
        stated = number(block[148:156], 0, "checksum")
    except LayerError:
        return False
    unsigned = sum(block) - sum(block[148:156]) + 8 * 32
    signed = unsigned - 256 * sum(1 for i, byte in enumerate(block) if byte > 127 and not 148 <= i < 156)
    return stated in (unsigned, signed)


def normalise(name: bytes, where: int) -> bytes:
    """A member's name without leading `/` and `./`, doubled or trailing `/`. Raises `LayerError` for `..` or NUL."""
    if name[:1] not in b"./" and b"//" not in name and b"/." not in name:
        return name.removesuffix(b"/")
    parts = [part for part in name.split(b"/") if part not in (b"", b".")]
    if b".." in parts:
        raise LayerError(
            f"a member is named {show(name)!r}, which leads out of the image",
            offset=where,
            hint="no engine would unpack it; the image is broken or hostile",
        )
    return b"/".join(parts)


def parse_pax(data: bytes, where: int) -> dict[bytes, bytes]:
    """The records of a pax header: `LENGTH KEY=VALUE\\n`. Raises `LayerError`."""
    records: dict[bytes, bytes] = {}
    position = 0
    while position < len(data):
        space = data.find(b" ", position, position + 20)
        length = int(data[position:space]) if space > 0 and data[position:space].isdigit() else 0
        record = data[space + 1 : position + length]
        key, equals, value = record[:-1].partition(b"=")
        if length < 5 or position + length > len(data) or record[-1:] != b"\n" or not equals:
            if not data[position:].strip(b"\0"):
                break
            raise LayerError("a pax header is malformed", offset=where + position)
        records[key] = value
        position += length
    return records


class Reader:
    """Iterates over the members of a tar stream. The caller must read or skip `stored` bytes of each.

    `notes` collects what was tolerated, as engines do, and deserves a word.
    """

    def __init__(self, stream: Stream) -> None:
        self.stream = stream
        self.notes: list[str] = []
        self._globals: dict[bytes, bytes] = {}

    def __iter__(self) -> Iterator[Member]:
        stream = self.stream
        pax: dict[bytes, bytes] = {}
        start = -1
        while True:
            at = stream.position
            block = stream.block()
            if block == _ZERO or not block:
                self._check_end(block, at, pax)
                return
            if len(block) < BLOCK_SIZE:
                raise LayerError(f"the archive ends inside a header of {len(block)} bytes", offset=at)
            if start < 0:
                start = at
            flag = block[156:157]
            if flag in b"xgLKX":
                self._extension(block, flag, at, pax)
                continue
            yield self._member(block, flag, at, start, pax)
            if pax:
                pax = {}
            start = -1

    def _check_end(self, block: bytes, at: int, pax: dict[bytes, bytes]) -> None:
        if pax:
            raise LayerError("the archive ends after an extended header, before its member", offset=at)
        if not block and at == 0:
            self.notes.append("the layer has no bytes at all, not even a tar's end")

    def _extension(self, block: bytes, flag: bytes, at: int, pax: dict[bytes, bytes]) -> None:
        size = number(block[124:136], at, "size")
        if not 0 <= size <= MAX_EXTENSION:
            raise LayerError(f"an extended header claims {size:,} bytes; at most {MAX_EXTENSION:,} are read", offset=at)
        data = self.stream.take(size)
        self.stream.skip(-size % BLOCK_SIZE)
        if flag == b"L":
            pax[b"path"] = data.rstrip(b"\0")
        elif flag == b"K":
            pax[b"linkpath"] = data.rstrip(b"\0")
        elif flag == b"g":
            self._globals.update(parse_pax(data, at + BLOCK_SIZE))
        else:
            pax.update(parse_pax(data, at + BLOCK_SIZE))

    def _member(self, block: bytes, flag: bytes, at: int, start: int, pax: dict[bytes, bytes]) -> Member:
        fields = _HEADER.unpack(block)
        kind = _KINDS.get(flag)
        if kind is None or (block[257:262] != b"ustar" and not checksum_holds(block)):
            raise self._refusal(block, flag, at)
        name = fields[0].partition(b"\0")[0]
        if fields[9][:6] == b"ustar\0" and fields[14][0]:
            name = fields[14].partition(b"\0")[0] + b"/" + name
        link = fields[8].partition(b"\0")[0]
        size, mtime = number(fields[4], at, "size"), number(fields[5], at, "time") * 1_000_000_000
        uid, gid = number(fields[2], at, "uid"), number(fields[3], at, "gid")
        xattrs = None
        if self._globals:
            pax = {**self._globals, **pax}
        if pax:
            name, link = pax.get(b"path", name), pax.get(b"linkpath", link)
            size, uid, gid = (_pax_int(pax, k, v, at) for k, v in ((b"size", size), (b"uid", uid), (b"gid", gid)))
            mtime = _pax_time(pax, mtime)
            xattrs = {
                k[13:].decode("utf-8", "surrogateescape"): v for k, v in pax.items() if k[:13] == b"SCHILY.xattr."
            }
        if kind == FILE and flag in b"0\0" and name.endswith(b"/"):
            kind = DIRECTORY
        if size < 0:
            raise LayerError(f"a member claims {size:,} bytes", offset=at)
        stored = size if kind == FILE else 0
        holes, real = (
            self._sparse(block, flag, pax, at, stored) if kind == FILE and (pax or flag == b"S") else (None, size)
        )
        if holes is not None and b"GNU.sparse.name" in pax:
            name = pax[b"GNU.sparse.name"]
        if name[:1] == b"/":
            self.notes.append(f"member {show(name)!r} has an absolute name; read as engines do, below the root")
        path = normalise(name, at)
        if kind == HARDLINK:
            link = normalise(link, at)
        consumed_here = self.stream.position
        data_blocks = stored - (consumed_here - at - BLOCK_SIZE if holes is not None and flag != b"S" else 0)
        entry = Entry(
            path=path,
            kind=kind,
            size=real if kind == FILE else 0,
            mode=number(fields[1], at, "mode") & 0o7777,
            uid=uid,
            gid=gid,
            mtime=mtime,
            start=start,
            end=consumed_here + data_blocks + (-data_blocks % BLOCK_SIZE),
            link=link if kind in (HARDLINK, SYMLINK) else b"",
            device=(number(fields[12], at, "device"), number(fields[13], at, "device"))
            if kind in (CHARACTER, BLOCK)
            else None,
            xattrs=xattrs or None,
        )
        return Member(entry, consumed_here, data_blocks, holes)

    def _refusal(self, block: bytes, flag: bytes, at: int) -> LayerError:
        if not checksum_holds(block):
            return LayerError("this is no tar header: its checksum does not hold", offset=at)
        return LayerError(f"a member of type {flag!r}, which no engine unpacks", offset=at)

    def _sparse(
        self, block: bytes, flag: bytes, pax: dict[bytes, bytes], at: int, stored: int
    ) -> tuple[list[tuple[int, int]] | None, int]:
        """The data ranges (offset, length) of a sparse file and its real size; (None, stored) for any other."""
        if flag == b"S":
            return self._sparse_old(block, at)
        if pax.get(b"GNU.sparse.major") == b"1":
            return self._sparse_listed(pax, at)
        if b"GNU.sparse.map" in pax:
            numbers = [_int(text, at) for text in pax[b"GNU.sparse.map"].split(b",") if text]
            return _ranges(numbers, at), _int(pax.get(b"GNU.sparse.size", b"0"), at)
        return None, stored

    def _sparse_old(self, block: bytes, at: int) -> tuple[list[tuple[int, int]], int]:
        numbers: list[int] = []
        table, more = block[386:482], block[482]
        while True:
            for i in range(0, len(table) - 23, 24):
                if table[i]:
                    numbers += [number(table[i : i + 12], at, "sparse"), number(table[i + 12 : i + 24], at, "sparse")]
            if not more or len(numbers) > 1 << 20:
                break
            extension = self.stream.take(BLOCK_SIZE)
            table, more = extension[:504], extension[504]
        return _ranges(numbers, at), number(block[483:495], at, "real size")

    def _sparse_listed(self, pax: dict[bytes, bytes], at: int) -> tuple[list[tuple[int, int]], int]:
        text = b""
        wanted = -1
        while wanted < 0 or text.count(b"\n") < wanted:
            text += self.stream.take(BLOCK_SIZE)
            if wanted < 0 and b"\n" in text:
                wanted = 1 + 2 * _int(text.partition(b"\n")[0], at)
            if len(text) > MAX_EXTENSION:
                raise LayerError("a sparse file's map has no end", offset=at)
        numbers = [_int(line, at) for line in text.split(b"\n")[1:wanted]]
        return _ranges(numbers, at), _int(pax.get(b"GNU.sparse.realsize", b"0"), at)


def _int(text: bytes, at: int) -> int:
    if not text.isdigit() or len(text) > 19:
        raise LayerError(f"{text[:40]!r} in an extended header is no number", offset=at)
    return int(text)


def _pax_int(pax: dict[bytes, bytes], key: bytes, otherwise: int, at: int) -> int:
    return _int(pax[key], at) if pax.get(key) else otherwise


def _pax_time(pax: dict[bytes, bytes], otherwise: int) -> int:
    text = pax.get(b"mtime")
    if not text:
        return otherwise
    whole, _, fraction = text.partition(b".")
    try:
        nanoseconds = int((fraction + b"000000000")[:9])
        seconds = int(whole or b"0")
    except ValueError:
        return otherwise
    return seconds * 1_000_000_000 + (-nanoseconds if whole.startswith(b"-") else nanoseconds)


def _ranges(numbers: list[int], at: int) -> list[tuple[int, int]]:
    ranges = list(zip(numbers[::2], numbers[1::2], strict=False))
    end = 0
    for offset, length in ranges:
        if offset < end or length < 0:
            raise LayerError("a sparse file's map is out of order", offset=at)
        end = offset + length
    return ranges
