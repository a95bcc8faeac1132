"""Reading ELF: what a binary needs, what could be stripped from it. Never raises, whatever the bytes.

Source of the format: the System V gABI, chapters 4 and 5, and elf(5). A few dozen microseconds a file, since an
image has thousands. Program headers say what the loader sees; section headers, which may be missing, what else is there.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from jettison.image.probe import Probe

if TYPE_CHECKING:
    from collections.abc import Iterator

MAGIC = b"\x7fELF"
RELOCATABLE, EXECUTABLE, SHARED, CORE = 1, 2, 3, 4
"""`Elf.kind`, numbered as e_type. A position-independent executable is SHARED and has an interpreter."""

MACHINES = {3: "i386", 8: "mips", 20: "ppc", 21: "ppc64", 22: "s390x", 40: "arm", 62: "x86_64", 183: "aarch64"}
MACHINES |= {243: "riscv64", 258: "loongarch64"}

_LOAD, _DYNAMIC, _INTERP, _NOTE = 1, 2, 3, 4
_NOBITS, _SYMTAB, _STRTAB = 8, 2, 3
_ALLOC = 2
_NEEDED, _STRINGS, _SONAME, _RPATH, _RUNPATH, _FLAGS_1 = 1, 5, 14, 15, 29, 0x6FFFFFFB
_PIE = 0x08000000
_MAX_NAME = 4096
_MAX_SECTIONS = 1 << 17


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
    """The structures of one class and byte order, and where in them the fields stand that differ between classes."""

    header: struct.Struct
    program: struct.Struct
    section: struct.Struct
    entry: struct.Struct
    word: struct.Struct
    wide: bool


def _formats() -> dict[bytes, _Format]:
    formats = {}
    for mark, order in ((b"\1", "<"), (b"\2", ">")):
        word = struct.Struct(order + "III")
        formats[b"\1" + mark] = _Format(
            struct.Struct(order + "HHIIIIIHHHHHH"),
            struct.Struct(order + "IIIIIIII"),
            struct.Struct(order + "IIIIIIIIII"),
            struct.Struct(order + "iI"),
            word,
            False,
        )
        formats[b"\2" + mark] = _Format(
            struct.Struct(order + "HHIQQQIHHHHHH"),
            struct.Struct(order + "IIQQQQQQ"),
            struct.Struct(order + "IIQQQQIIQQ"),
            struct.Struct(order + "qQ"),
            word,
            True,
        )
    return formats


_FORMATS = _formats()
_ERRORS = (struct.error, IndexError, ValueError, OverflowError)


class Segment(NamedTuple):
    """A program header: its type, where it lies in the file, and where in memory."""

    kind: int
    offset: int
    address: int
    size: int


class Section(NamedTuple):
    """A section header; `name` is an offset into the section names."""

    name: int
    kind: int
    flags: int
    address: int
    offset: int
    size: int


class Layout(NamedTuple):
    """Where things are in an ELF file."""

    format: _Format
    kind: int
    machine: int
    segments: list[Segment]
    sections: list[Section]
    names: memoryview

    def name(self, section: Section) -> bytes:
        """The section's name, cut at 64 bytes."""
        return bytes(self.names[section.name : section.name + 64]).partition(b"\0")[0]


def layout(data: memoryview) -> Layout | None:
    """The headers of an ELF file, as far as they make sense; None where there is not even a first one."""
    format = _FORMATS.get(bytes(data[4:6]))
    if format is None or data[:4] != MAGIC:
        return None
    try:
        header = format.header.unpack_from(data, 16)
    except struct.error:
        return None
    kind, machine, _, _, phoff, shoff, _, _, phentsize, phnum, shentsize, shnum, names = header
    sections: list[Section] = []
    text = memoryview(b"")
    try:
        if shentsize == format.section.size and 0 < shoff < len(data):
            sections, text = _sections(data, format, shoff, shnum, names)
    except _ERRORS:
        pass
    segments: list[Segment] = []
    if phentsize == format.program.size and 0 < phoff < len(data):
        for fields in _table(data, format.program, phoff, phnum):
            if format.wide:
                segments.append(Segment(fields[0], fields[2], fields[3], fields[5]))
            else:
                segments.append(Segment(fields[0], fields[1], fields[2], fields[4]))
    return Layout(format, kind, machine, segments, sections, text)


def _table(data: memoryview, form: struct.Struct, offset: int, count: int) -> Iterator[tuple[int, ...]]:
    fits = max(0, (len(data) - offset) // form.size)
    return form.iter_unpack(data[offset : offset + min(count, fits) * form.size])


def _sections(
    data: memoryview, format: _Format, offset: int, count: int, names: int
) -> tuple[list[Section], memoryview]:
    if count == 0 or names == 0xFFFF:  # more than 16 bits hold: the first section says how many
        first = format.section.unpack_from(data, offset)
        count = count or first[5]
        names = first[6] if names == 0xFFFF else names
    table = [Section(*row[:6]) for row in _table(data, format.section, offset, min(count, _MAX_SECTIONS))]
    if not names < len(table):
        return table, memoryview(b"")
    text = table[names]
    return table, data[text.offset : text.offset + text.size]


def parse(data: memoryview) -> Elf | None:
    """What the ELF file says of itself; None for anything that is none. Never raises."""
    found = layout(data)
    if found is None:
        return None
    facts: dict[str, object] = {"bits": 64 if found.format.wide else 32, "machine": found.machine, "kind": found.kind}
    for step in (_read_segments, _read_sections):
        try:
            step(data, found, facts)
        except _ERRORS:
            continue  # a table that lies says nothing; what was read before stays
    return msgspec.convert(tuple(facts.get(name, _DEFAULTS[name]) for name in Elf.__struct_fields__), Elf)


_DEFAULTS: dict[str, object] = {
    **dict.fromkeys(Elf.__struct_fields__, 0),
    **dict.fromkeys(("interpreter", "soname", "rpath", "runpath", "build_id"), b""),
    **dict.fromkeys(("dynamic", "pie", "debuglink", "go"), False),
    "needed": (),
}


def _read_segments(data: memoryview, found: Layout, facts: dict[str, object]) -> None:
    for segment in found.segments:
        if segment.kind == _INTERP:
            facts["interpreter"] = _text(data, segment.offset, min(segment.size, _MAX_NAME))
        elif segment.kind == _NOTE:
            _read_notes(data[segment.offset : segment.offset + segment.size], found.format, facts)
        elif segment.kind == _DYNAMIC:
            facts["dynamic"] = True
            _read_dynamic(data, segment, found, facts)


def _read_dynamic(data: memoryview, segment: Segment, found: Layout, facts: dict[str, object]) -> None:
    needed: list[int] = []
    tags: dict[int, int] = {}
    for tag, value in _table(data, found.format.entry, segment.offset, segment.size // found.format.entry.size):
        if tag == 0:
            break
        if tag == _NEEDED:
            needed.append(value)
        else:
            tags[tag] = value
    facts["pie"] = bool(tags.get(_FLAGS_1, 0) & _PIE)
    strings = _offset(found.segments, tags.get(_STRINGS, -1))
    if strings is None:
        return
    facts["needed"] = tuple(_text(data, strings + value, _MAX_NAME) for value in needed[:4096])
    for tag, name in ((_SONAME, "soname"), (_RPATH, "rpath"), (_RUNPATH, "runpath")):
        if tag in tags:
            facts[name] = _text(data, strings + tags[tag], _MAX_NAME)


def _offset(segments: list[Segment], address: int) -> int | None:
    """Where in the file an address in memory comes from."""
    for segment in segments:
        if segment.kind == _LOAD and segment.address <= address < segment.address + segment.size:
            return address - segment.address + segment.offset
    return None


def _text(data: memoryview, offset: int, limit: int) -> bytes:
    return bytes(data[offset : offset + limit]).partition(b"\0")[0]


def _read_notes(notes: memoryview, format: _Format, facts: dict[str, object]) -> None:
    position = 0
    while position + 12 <= min(len(notes), 1 << 16):
        name_size, size, kind = format.word.unpack_from(notes, position)
        start = position + 12 + (name_size + 3 & ~3)
        name = bytes(notes[position + 12 : position + 12 + min(name_size, 16)]).rstrip(b"\0")
        if name == b"GNU" and kind == 3:
            facts["build_id"] = bytes(notes[start : start + min(size, 64)])
        elif name == b"Go":
            facts["go"] = True
        position = start + (size + 3 & ~3)


def _read_sections(data: memoryview, found: Layout, facts: dict[str, object]) -> None:
    debug = symbols = 0
    for section in found.sections:
        if section.flags & _ALLOC or section.kind == _NOBITS:
            continue
        size = min(section.size, max(0, len(data) - section.offset))
        name = found.name(section)
        if section.kind == _SYMTAB or (section.kind == _STRTAB and name == b".strtab"):
            symbols += size
        elif name.startswith((b".debug_", b".zdebug_")):
            debug += size
        elif name == b".gnu_debuglink":
            facts["debuglink"] = True
    facts["debug"], facts["symbols"] = debug, symbols
    if not facts.get("go") and found.names.nbytes < 1 << 20:
        facts["go"] = b"\0.go.buildinfo\0" in bytes(found.names)


_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(Elf)


def _read(data: memoryview) -> bytes | None:
    elf = parse(data)
    return _ENCODER.encode(elf) if elf is not None else None


def decode(fact: bytes) -> Elf:
    """The record that the probe kept."""
    return _DECODER.decode(fact)


PROBES = (Probe("elf", magic=MAGIC, read=_read, limit=256 << 20),)
