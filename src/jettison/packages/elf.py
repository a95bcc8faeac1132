"""Reading ELF: what a binary needs, what could be stripped from it. Never raises, whatever the bytes.

Source of the format: the System V gABI, chapters 4 and 5, and elf(5). Some twenty microseconds a file, since an image
has thousands. Program headers say what the loader sees; section headers, which may be missing, what else there is.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from jettison.image.probe import Probe

if TYPE_CHECKING:
    from collections.abc import Iterator

MAGIC = b"\x7fELF"
RELOCATABLE, EXECUTABLE, SHARED, CORE = 1, 2, 3, 4
"""`Elf.kind`, numbered as e_type. A position-independent executable is SHARED with `pie`."""

MACHINES = {3: "i386", 8: "mips", 20: "ppc", 21: "ppc64", 22: "s390x", 40: "arm", 62: "x86_64", 183: "aarch64"}
MACHINES |= {243: "riscv64", 258: "loongarch64"}
"""Names of e_machine numbers, as uname(1) writes them."""

_LOAD, _DYNAMIC, _INTERP, _NOTE = 1, 2, 3, 4
_SYMTAB, _STRTAB, _NOTE_SECTION, _NOBITS = 2, 3, 7, 8
_ALLOC = 2
_NEEDED, _STRINGS, _SONAME, _RPATH, _RUNPATH, _FLAGS_1 = 1, 5, 14, 15, 29, 0x6FFFFFFB
_PIE = 0x08000000
_MAX_NAME = 4096
_MAX_SECTIONS = 1 << 17
_MAX_NOTES = 1 << 12
_MAX_SEGMENTS = 1024
_MAX_TAGS = 1 << 14
"""Bounds far above what any real file has, so that a hostile one costs milliseconds."""


class Elf(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """What Jettison wants to know of an ELF file; sizes are bytes as stored in the file.

    `bits` is 32 or 64, `machine` the e_machine number, `kind` the e_type. `debug` sums the `.debug_*` and `.zdebug_*`
    sections, `symbols` `.symtab` and `.strtab`: what stripping takes away, unless `kind` is RELOCATABLE, where the
    symbols are needed (object files, kernel modules). `debuglink` says that debug sections were moved to a file of
    their own. Names are bytes: paths.
    """

    bits: int
    machine: int
    kind: int
    interpreter: bytes = b""
    needed: tuple[bytes, ...] = ()
    soname: bytes = b""
    rpath: bytes = b""
    runpath: bytes = b""
    dynamic: bool = False
    pie: bool = False
    debug: int = 0
    symbols: int = 0
    debuglink: bool = False
    build_id: bytes = b""
    go: bool = False

    @property
    def static(self) -> bool:
        """True for a program that needs no loader and no shared library."""
        program = self.kind == EXECUTABLE or (self.kind == SHARED and self.pie)
        return program and not self.interpreter and not self.needed

    @property
    def strippable(self) -> int:
        """Bytes of sections that `strip` would remove."""
        return 0 if self.kind in (RELOCATABLE, CORE) else self.debug + self.symbols


class _Format(NamedTuple):
    """The structures of one class and byte order, reduced to the fields that are used, in the same order for both."""

    header: struct.Struct
    """type, machine, phoff, shoff, phentsize, phnum, shentsize, shnum, shstrndx; from byte 16"""
    program: struct.Struct
    """type, offset, address, size in the file"""
    section: struct.Struct
    """name, type, flags, address, offset, size"""
    link: struct.Struct
    """A section's sh_link"""
    entry: struct.Struct
    """A dynamic tag and its value"""
    note: struct.Struct
    """Size of the name, size of the description, type"""
    bits: int


def _format(order: str, bits: int) -> _Format:
    if bits == 32:
        shapes = ("HH8xII6xHHHHH", "III4xI12x", "IIIIII16x", "24xI12x", "iI", "III")
    else:
        shapes = ("HH12xQQ6xHHHHH", "I4xQQ8xQ16x", "IIQQQQ24x", "40xI20x", "qQ", "III")
    header, program, section, link, entry, note = (struct.Struct(order + shape) for shape in shapes)
    return _Format(header, program, section, link, entry, note, bits)


_FORMATS = {
    bytes((number, mark)): _format(order, bits)
    for number, bits in ((1, 32), (2, 64))
    for mark, order in ((1, "<"), (2, ">"))
}
_ERRORS = (struct.error, IndexError, ValueError, OverflowError)

Segment = tuple[int, int, int, int]
"""A program header: type, offset in the file, address in memory, bytes in the file."""
Section = tuple[int, int, int, int, int, int]
"""A section header: offset of its name in the names, type, flags, address in memory, offset in the file, bytes."""


class Layout(NamedTuple):
    """Where things are in an ELF file: its headers as far as they make sense."""

    format: _Format
    kind: int
    machine: int
    segments: list[Segment]
    sections: list[Section]
    names: bytes

    def section(self, name: bytes) -> Section | None:
        """The first section of that name."""
        wanted = name + b"\0"
        if wanted not in self.names:
            return None
        return next((row for row in self.sections if self.names.startswith(wanted, row[0])), None)

    def offset(self, address: int) -> int | None:
        """Where in the file an address in memory comes from."""
        for kind, offset, start, size in self.segments:
            if kind == _LOAD and start <= address < start + size:
                return address - start + offset
        return None


def layout(data: memoryview) -> Layout | None:
    """The headers of an ELF file; None where there is not even a first one."""
    form = _FORMATS.get(bytes(data[4:6]))
    if form is None or data[:4] != MAGIC or len(data) < 16 + form.header.size:
        return None
    kind, machine, phoff, shoff, phentsize, phnum, shentsize, shnum, strings = form.header.unpack_from(data, 16)
    sections: list[Section] = []
    names = b""
    if shentsize == form.section.size and 0 < shoff <= len(data) - shentsize:
        if shnum == 0:  # more than 16 bits can hold: the first section says how many
            shnum = form.section.unpack_from(data, shoff)[5]
        if strings == 0xFFFF:
            (strings,) = form.link.unpack_from(data, shoff)
        sections = list(_table(data, form.section, shoff, min(shnum, _MAX_SECTIONS)))
        if strings < len(sections):
            _, _, _, _, offset, size = sections[strings]
            names = bytes(data[offset : offset + min(size, 1 << 24)])
    segments: list[Segment] = []
    if phentsize == form.program.size and 0 < phoff < len(data):
        segments = list(_table(data, form.program, phoff, min(phnum, _MAX_SEGMENTS)))
    return Layout(form, kind, machine, segments, sections, names)


def names(data: memoryview) -> bytes:
    """The names of all sections, for a quick look; b"" for a file that has none. May raise `struct.error`."""
    form = _FORMATS.get(bytes(data[4:6]))
    if form is None or len(data) < 16 + form.header.size:
        return b""
    _, _, _, shoff, _, _, shentsize, _, strings = form.header.unpack_from(data, 16)
    if shentsize != form.section.size or not 0 < shoff <= len(data) - shentsize:
        return b""
    if strings == 0xFFFF:
        (strings,) = form.link.unpack_from(data, shoff)
    _, _, _, _, offset, size = form.section.unpack_from(data, shoff + strings * shentsize)
    return bytes(data[offset : offset + min(size, 1 << 24)])


def _table(data: memoryview, shape: struct.Struct, offset: int, count: int) -> Iterator[Any]:
    fits = max(0, (len(data) - offset) // shape.size)
    return shape.iter_unpack(data[offset : offset + min(count, fits) * shape.size])


def parse(data: memoryview) -> Elf | None:
    """What the ELF file says of itself; None for anything that is none. Never raises."""
    try:
        found = layout(data)
    except _ERRORS:
        return None
    if found is None:
        return None
    facts: dict[str, object] = {"bits": found.format.bits, "machine": found.machine, "kind": found.kind}
    for step in (_read_segments, _read_sections):
        try:
            step(data, found, facts)
        except _ERRORS:
            continue  # a table that lies says nothing; what was read before it stays
    return Elf(**facts)  # type: ignore[arg-type]


def _read_segments(data: memoryview, found: Layout, facts: dict[str, object]) -> None:
    for kind, offset, _, size in found.segments:
        if kind == _INTERP:
            facts["interpreter"] = _text(data, offset, min(size, _MAX_NAME))
        elif kind == _NOTE:
            _read_notes(data[offset : offset + min(size, _MAX_NOTES)], found.format.note, facts)
        elif kind == _DYNAMIC and "dynamic" not in facts:
            facts["dynamic"] = True
            count = min(size // found.format.entry.size, _MAX_TAGS)
            _read_dynamic(data, found, _table(data, found.format.entry, offset, count), facts)


def _read_dynamic(
    data: memoryview, found: Layout, entries: Iterator[tuple[int, int]], facts: dict[str, object]
) -> None:
    needed: list[int] = []
    tags: dict[int, int] = {}
    for tag, value in entries:
        if tag == _NEEDED:
            needed.append(value)
        elif tag == 0:
            break
        else:
            tags[tag] = value
    facts["pie"] = bool(tags.get(_FLAGS_1, 0) & _PIE)
    strings = found.offset(tags.get(_STRINGS, -1))
    if strings is None:
        return
    facts["needed"] = tuple([_text(data, strings + value, _MAX_NAME) for value in needed[:1024]])
    for tag, name in ((_SONAME, "soname"), (_RPATH, "rpath"), (_RUNPATH, "runpath")):
        if tag in tags:
            facts[name] = _text(data, strings + tags[tag], _MAX_NAME)


def _text(data: memoryview, offset: int, limit: int) -> bytes:
    text, end, _ = bytes(data[offset : offset + 64]).partition(b"\0")
    return text if end or limit <= 64 else bytes(data[offset : offset + limit]).partition(b"\0")[0]


def _read_notes(notes: memoryview, shape: struct.Struct, facts: dict[str, object]) -> None:
    position, end = 0, len(notes) - 12
    while position <= end:
        name_size, size, kind = shape.unpack_from(notes, position)
        start = position + 12 + (name_size + 3 & ~3)
        name = bytes(notes[position + 12 : position + 16])
        if name == b"GNU\0" and kind == 3:
            facts["build_id"] = bytes(notes[start : start + min(size, 64)])
        elif name == b"Go\0\0":
            facts["go"] = True
        position = start + (size + 3 & ~3)


def _read_sections(data: memoryview, found: Layout, facts: dict[str, object]) -> None:
    debug = symbols = 0
    names, length = found.names, len(data)
    for name, kind, flags, _, offset, size in found.sections:
        if kind == _NOTE_SECTION and "build_id" not in facts and names.startswith(b".note.gnu.build-id\0", name):
            _read_notes(data[offset : offset + min(size, _MAX_NOTES)], found.format.note, facts)
        if flags & _ALLOC or kind == _NOBITS or not kind:
            continue
        if offset + size > length:
            size = max(0, length - offset)
        if kind == _SYMTAB or (kind == _STRTAB and names.startswith(b".strtab\0", name)):
            symbols += size
        elif names.startswith((b".debug_", b".zdebug_"), name):
            debug += size
        elif names.startswith(b".gnu_debuglink\0", name):
            facts["debuglink"] = True
    facts["debug"], facts["symbols"] = debug, symbols
    if b".go.buildinfo\0" in names:
        facts["go"] = True


_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(Elf)


def _read(data: memoryview) -> bytes | None:
    elf = parse(data)
    return _ENCODER.encode(elf) if elf is not None else None


def decode(fact: bytes) -> Elf:
    """The record that the probe kept."""
    return _DECODER.decode(fact)


PROBES = (Probe("elf", magic=MAGIC, read=_read, limit=256 << 20),)
