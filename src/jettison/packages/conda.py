"""conda: the packages of an environment, whatever language they are written in.

Source of the format: conda's `conda-meta/NAME-VERSION-BUILD.json` (PrefixRecord): files are relative to the
environment, `requested_spec` is what somebody asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from jettison.image.probe import Probe
from jettison.packages.package import Package

if TYPE_CHECKING:
    from collections.abc import Iterable

    from jettison.packages.reader import Reader


class Record(msgspec.Struct, omit_defaults=True):
    """What is kept of a package's record."""

    name: str
    version: str
    build: str = ""
    subdir: str = ""
    files: list[str] = []
    depends: list[str] = []
    requested_spec: str | None = None
    requested_specs: list[str] | None = None


_READER = msgspec.json.Decoder(Record)
_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(Record)


def _read(data: memoryview) -> bytes | None:
    try:
        return _ENCODER.encode(_READER.decode(data))
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None


PROBES = (Probe("conda", rb"/conda-meta/[^/]+\.json\Z", read=_read),)


def packages(reader: Reader) -> Iterable[Package]:
    """One package for each record of each environment."""
    for node, fact in reader.every("conda"):
        record = _DECODER.decode(fact)
        prefix = node.entry.path.rpartition(b"/conda-meta/")[0] + b"/"
        paths = [prefix + file.encode("utf-8", "surrogateescape") for file in record.files]
        owned = reader.owned([*paths, node.entry.path])
        first = reader.since(node, "conda")
        asked = bool(record.requested_spec or record.requested_specs)
        yield Package(
            kind="conda",
            name=record.name,
            version=record.version,
            evidence=node.entry.path,
            arch=record.subdir,
            source=record.name,
            source_version=record.version,
            files=owned.paths,
            size=owned.size,
            first_layer=first,
            last_layer=max(node.layer, owned.last_layer),
            installed_by="base" if first < reader.base_layers else "manual" if asked else "dependency",
            depends=tuple((text.split()[0],) for text in record.depends if text.strip()),
        )
