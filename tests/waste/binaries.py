"""ELF files as small as can be."""

from __future__ import annotations

import struct


def unstripped(symbols: int, *, kind: int = 2) -> bytes:
    """A program (ELF type `kind`) whose symbol table has so many bytes."""
    names = b"\0.symtab\0.shstrtab\0"
    head = b"\x7fELF\x02\x01\x01" + bytes(9)
    sections = 64 + symbols + len(names)
    head += struct.pack("<HHIQQQIHHHHHH", kind, 62, 1, 0, 0, sections, 0, 64, 56, 0, 64, 3, 2)
    rows = [
        (0,) * 10,
        (1, 2, 0, 0, 64, symbols, 0, 0, 8, 24),
        (9, 3, 0, 0, 64 + symbols, len(names), 0, 0, 1, 0),
    ]
    return head + bytes(symbols) + names + b"".join(struct.pack("<IIQQQQIIQQ", *row) for row in rows)
