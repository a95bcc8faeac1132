"""Taking symbol tables and debug sections out of an ELF file, without touching a byte that is ever loaded.

Everything up to the end of what the program headers map stays where it is; behind it, the sections that are to stay
are moved together, and a section header table without the others is written. So there is nothing to relocate and
nothing to get wrong, at the price of the few bytes that GNU strip saves more. Files with anything appended (archives,
interpreters' payloads, signatures) are left alone. Source of the format: the System V gABI, chapter 4.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    from typing_extensions import Buffer

_EXECUTABLE, _SHARED = 2, 3
_SYMTAB, _STRTAB, _RELA, _NOBITS, _REL, _GROUP = 2, 3, 4, 8, 9, 17
_ALLOC, _INFO_LINK = 2, 0x40
_DEBUG = (b".debug_", b".zdebug_", b".stab", b".gnu.debuglto_", b".pdr", b".mdebug")
_MAX_SECTIONS = 0xFF00
"""With more, the header's own fields do not suffice; no program has so many."""


_MAX_ALIGNMENT = 1 << 16


class Section(NamedTuple):
    """A section header, fields named as the specification names them, less their `sh_`."""

    name: int
    type: int
    flags: int
    addr: int
    offset: int
    size: int
    link: int
    info: int
    addralign: int
    entsize: int


class _Shape(NamedTuple):
    header: struct.Struct
    """phoff, shoff; then, after flags, ehsize, phentsize, phnum, shentsize, shnum, shstrndx"""
    at: int
    """Where in the file that stands"""
    program: struct.Struct
    """offset, size in the file"""
    section: struct.Struct
    align: int


_SHAPES = {
    (1, 1): _Shape(struct.Struct("<II4xHHHHHH"), 28, struct.Struct("<4xI8xI12x"), struct.Struct("<10I"), 4),
    (1, 2): _Shape(struct.Struct(">II4xHHHHHH"), 28, struct.Struct(">4xI8xI12x"), struct.Struct(">10I"), 4),
    (2, 1): _Shape(struct.Struct("<QQ4xHHHHHH"), 32, struct.Struct("<8xQ16xQ16x"), struct.Struct("<IIQQQQIIQQ"), 8),
    (2, 2): _Shape(struct.Struct(">QQ4xHHHHHH"), 32, struct.Struct(">8xQ16xQ16x"), struct.Struct(">IIQQQQIIQQ"), 8),
}


@dataclass(frozen=True, slots=True)
class Stripped:
    """A file without its symbols: `head`, then the old file's bytes from `len(head)` to `cut`, then `tail`."""

    head: bytes
    cut: int
    tail: bytes

    @property
    def size(self) -> int:
        """The new file's bytes."""
        return self.cut + len(self.tail)


def strip(data: Buffer) -> Stripped | None:
    """What is left of an ELF program or library; None where nothing can go, or it is not safe. Never raises."""
    try:
        return _File(memoryview(data)).strip()
    except (struct.error, IndexError, ValueError, KeyError):
        return None


class _File:
    def __init__(self, data: memoryview) -> None:
        self._data = data
        self._shape = _SHAPES[data[4], data[5]]
        (kind,) = struct.unpack_from("<H" if data[5] == 1 else ">H", data, 16)
        if bytes(data[:4]) != b"\x7fELF" or kind not in (_EXECUTABLE, _SHARED):
            raise ValueError("no program")
        fields = self._shape.header.unpack_from(data, self._shape.at)
        self._phoff, self._shoff, self._ehsize, self._phentsize, self._phnum, self._shentsize, self._shnum, names = (
            fields
        )
        if not 0 < self._shnum < _MAX_SECTIONS or names >= self._shnum or not self._phnum:
            raise ValueError("no section or program headers")
        if self._shentsize != self._shape.section.size or self._phentsize != self._shape.program.size:
            raise ValueError("headers of another size")
        self._names = names
        end = self._shoff + self._shnum * self._shentsize
        self._sections = [Section(*row) for row in self._shape.section.iter_unpack(data[self._shoff : end])]
        text = self._sections[names]
        if any(section.addralign > _MAX_ALIGNMENT for section in self._sections):
            raise ValueError("an alignment that no section has")
        self._text = bytes(data[text.offset : text.offset + text.size])
        self._table_end = end

    def strip(self) -> Stripped | None:
        """See the function of this name."""
        going = self._going()
        cut = self._loaded_end()
        stored = [s for s in self._sections if s.type != _NOBITS and s.type]
        last = max([self._table_end, *(s.offset + s.size for s in stored)])
        if max(last, cut) > len(self._data) or last + self._shape.align <= len(self._data):
            return None  # cut off, or with something appended
        if not any(self._sections[number].offset >= cut for number in going):
            return None
        staying = [number for number in range(self._shnum) if number not in going]
        result = self._written(cut, staying)
        return result if result.size < len(self._data) else None

    def _name(self, section: Section) -> bytes:
        return self._text[section.name : self._text.index(b"\0", section.name)]

    def _going(self) -> set[int]:
        """The numbers of the sections that go."""
        going = {
            number
            for number, section in enumerate(self._sections)
            if not section.flags & _ALLOC
            and number != self._names
            and (section.type == _SYMTAB or self._name(section).startswith(_DEBUG))
        }
        for number, section in enumerate(self._sections):
            if section.type in (_REL, _RELA) and not section.flags & _ALLOC and section.info in going:
                going.add(number)
            if section.type == _GROUP:
                raise ValueError("section groups belong into object files")
        strings = {self._sections[number].link for number in going if self._sections[number].type == _SYMTAB}
        used = {section.link for number, section in enumerate(self._sections) if number not in going}
        return going | {
            number
            for number in strings - used - {self._names, 0}
            if self._sections[number].type == _STRTAB and not self._sections[number].flags & _ALLOC
        }

    def _loaded_end(self) -> int:
        """Where what the program headers map, and all that must not move, ends in the file."""
        end = self._phoff + self._phnum * self._phentsize
        programs = self._shape.program.iter_unpack(self._data[self._phoff : end])
        ends = [max(self._ehsize, end), *(offset + size for offset, size in programs)]
        ends += [s.offset + s.size for s in self._sections if s.flags & _ALLOC and s.type != _NOBITS]
        return int(max(ends))

    def _written(self, cut: int, staying: Sequence[int]) -> Stripped:
        tail = bytearray()
        place = {number: new for new, number in enumerate(staying)}
        sections = []
        for number in staying:
            section = self._sections[number]
            if section.type and section.type != _NOBITS and not section.flags & _ALLOC and section.offset >= cut:
                tail += bytes(-(cut + len(tail)) % max(1, section.addralign))
                moved = cut + len(tail)
                tail += self._data[section.offset : section.offset + section.size]
                section = section._replace(offset=moved)
            info = section.info
            if section.type in (_REL, _RELA) or section.flags & _INFO_LINK:
                info = place.get(info, 0)
            sections.append(section._replace(link=place.get(section.link, 0), info=info))
        tail += bytes(-(cut + len(tail)) % self._shape.align)
        table = cut + len(tail)
        tail += b"".join(self._shape.section.pack(*section) for section in sections)
        head = bytearray(self._data[: self._ehsize])
        fields = list(self._shape.header.unpack_from(head, self._shape.at))
        fields[1], fields[6], fields[7] = table, len(staying), place[self._names]
        flags = bytes(head[self._shape.at + 2 * self._shape.align :][:4])
        self._shape.header.pack_into(head, self._shape.at, *fields)
        at = self._shape.at + 2 * self._shape.align
        head[at : at + 4] = flags  # packing zeroes what it pads
        return Stripped(bytes(head), cut, bytes(tail))
