"""Go: the modules that a binary says it was built from.

Source of the format: Go's debug/buildinfo package: a magic on a 16-byte boundary in the section `.go.buildinfo`; since
Go 1.18 two strings follow at byte 32, each after its length; before, two pointers to string headers stand at byte 16.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from jettison.image.probe import Probe
from jettison.packages import elf
from jettison.packages.package import Package

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from jettison.image.tree import Node
    from jettison.packages.reader import Reader

_MAGIC = b"\xff Go buildinf:"
_FRAME = 16
_MAX_TEXT = 4 << 20


def build_information(data: memoryview) -> bytes | None:
    """The Go version, a newline, and the module text of an ELF file; None where it has none. Never raises."""
    try:
        names = elf.names(data)
        if names and b".go.buildinfo\0" not in names:
            return None
        found = elf.layout(data)
        return _find(data, found) if found is not None else None
    except (struct.error, IndexError, ValueError, OverflowError):
        return None


def _find(data: memoryview, found: elf.Layout) -> bytes | None:
    section = found.section(b".go.buildinfo")
    if section is not None:
        start, size = section[4], section[5]
    else:  # without sections, it stands at the start of a segment that is loaded
        starts = (offset for kind, offset, _, _ in found.segments if kind == 1)
        start = next((at for at in starts if data[at : at + len(_MAGIC)] == _MAGIC), -1)
        size = 32
    if start < 0 or size < 32:
        return None
    head = bytes(data[start : start + 32])
    at = head.find(_MAGIC)
    if at < 0 or at % 16:
        return None
    if head[at + 15] & 2:
        version, end = _inline(data, start + at + 32)
        text, _ = _inline(data, end)
    else:
        version, text = _pointed(data, found, start + at, 0), _pointed(data, found, start + at, 1)
    if not version.startswith(b"go") and not version.startswith(b"devel"):
        return None
    framed = len(text) > 2 * _FRAME and text[-_FRAME - 1 : -_FRAME] == b"\n"
    return version + b"\n" + (text[_FRAME:-_FRAME] if framed else b"")


def _inline(data: memoryview, at: int) -> tuple[bytes, int]:
    """A string after its length, a varint; and where it ends."""
    length = shift = 0
    for position in range(at, at + 10):
        byte = data[position]
        length |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            if length > _MAX_TEXT:
                break
            return bytes(data[position + 1 : position + 1 + length]), position + 1 + length
    raise ValueError("no string")


def _pointed(data: memoryview, found: elf.Layout, at: int, number: int) -> bytes:
    """The string that the pointer `number` after the magic leads to by way of a string header."""
    order = ">" if data[at + 15] & 1 else "<"
    wide = data[at + 14] == 8
    word = struct.Struct(order + ("Q" if wide else "I"))
    (pointer,) = word.unpack_from(data, at + 16 + number * word.size)
    header = found.offset(pointer)
    if header is None:
        return b""
    (address,) = word.unpack_from(data, header)
    (length,) = word.unpack_from(data, header + word.size)
    start = found.offset(address)
    return bytes(data[start : start + length]) if start is not None and length <= _MAX_TEXT else b""


PROBES = (Probe("go", magic=elf.MAGIC, read=build_information, limit=256 << 20),)


def packages(reader: Reader) -> Iterable[Package]:
    """For each Go binary: its main module, which owns the file, its dependencies, and the standard library."""
    for node, fact in reader.every("go"):
        yield from _binary(reader, node, fact)


def modules(fact: bytes) -> list[tuple[str, str]]:
    """Module path and version of the main module, the dependencies (replaced ones as replaced) and `stdlib`."""
    version, _, text = fact.decode("utf-8", "replace").partition("\n")
    found: list[tuple[str, str]] = []
    path = ""
    for line in text.split("\n"):
        fields = line.split("\t")
        if fields[0] == "path" and len(fields) > 1:
            path = fields[1]
        elif fields[0] in ("mod", "dep") and len(fields) > 2:
            found.append((fields[1], fields[2]))
        elif fields[0] == "=>" and len(fields) > 2 and found and not fields[1].startswith((".", "/")):
            found[-1] = (fields[1], fields[2])  # a directory as replacement is nothing that advisories know
    if path and not found:
        found.append((path, ""))
    return [*found, ("stdlib", version.partition(" ")[0])]


def _binary(reader: Reader, node: Node, fact: bytes) -> Iterator[Package]:
    first = reader.since(node, "go")
    for number, (name, version) in enumerate(modules(fact)):
        yield Package(
            kind="golang",
            name=name,
            version=version,
            evidence=node.entry.path,
            source=name,
            source_version=version,
            files=(node.entry.path,) if number == 0 else (),
            size=node.content.size if number == 0 else 0,
            first_layer=first,
            last_layer=node.layer,
            installed_by="dependency" if number else "unknown",
        )
