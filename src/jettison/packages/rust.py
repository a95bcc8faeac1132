"""Rust: the crates of binaries that cargo-auditable built.

Source of the format: PARSING.md of rust-secure-code/cargo-auditable: the section `.dep-v0` holds JSON, in zlib's form.
"""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING

import msgspec

from jettison.image.probe import Probe
from jettison.packages import elf
from jettison.packages.package import Package

if TYPE_CHECKING:
    from collections.abc import Iterable

    from jettison.packages.reader import Reader

_MAX_JSON = 8 << 20


class _Crate(msgspec.Struct):
    name: str
    version: str
    kind: str = "runtime"
    root: bool = False


class _Crates(msgspec.Struct):
    packages: list[_Crate]


_DECODER = msgspec.json.Decoder(_Crates)


def _read(data: memoryview) -> bytes | None:
    """The JSON of the section, as far as it can be decoded."""
    try:
        if b".dep-v0\0" not in elf.names(data):
            return None
        found = elf.layout(data)
        section = found.section(b".dep-v0") if found is not None else None
        if section is None:
            return None
        text = zlib.decompressobj().decompress(bytes(data[section[4] : section[4] + section[5]]), _MAX_JSON)
        _DECODER.decode(text)
    except (struct.error, IndexError, ValueError, OverflowError, zlib.error, msgspec.MsgspecError, RecursionError):
        return None
    return text


PROBES = (Probe("rust", magic=elf.MAGIC, read=_read, limit=256 << 20),)


def packages(reader: Reader) -> Iterable[Package]:
    """The crates of each audited binary; the root crate owns the file. Crates that only the build used are left out."""
    for node, fact in reader.every("rust"):
        first = reader.since(node, "rust")
        for crate in _DECODER.decode(fact).packages:
            if crate.kind != "runtime":
                continue
            yield Package(
                kind="cargo",
                name=crate.name,
                version=crate.version,
                evidence=node.entry.path,
                source=crate.name,
                source_version=crate.version,
                files=(node.entry.path,) if crate.root else (),
                size=node.content.size if crate.root else 0,
                first_layer=first,
                last_layer=node.layer,
                installed_by="unknown" if crate.root else "dependency",
            )
