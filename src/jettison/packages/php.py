"""PHP: the packages that Composer installed.

Source of the format: Composer's `vendor/composer/installed.json` (InstalledFilesystemRepository): version 2 has
`packages`, `install-path` relative to the file, and `dev-package-names`; version 1 is a bare list.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from jettison.image.probe import Probe
from jettison.packages.package import Package

if TYPE_CHECKING:
    from collections.abc import Iterable

    from jettison.packages.reader import Reader


class Installed(msgspec.Struct, array_like=True, frozen=True):
    """One package: where it is, relative to `vendor/composer` (empty for none), and what it needs."""

    name: str
    version: str
    path: str
    dev: bool | None
    requires: tuple[str, ...]


_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(list[Installed])


def _read(data: memoryview) -> bytes | None:
    try:
        content = msgspec.json.decode(bytes(data))
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None
    listed = content.get("packages") if isinstance(content, dict) else content
    names = content.get("dev-package-names") if isinstance(content, dict) else None
    development = names if isinstance(names, list) else None
    if not isinstance(listed, list):
        return None
    return _ENCODER.encode([found for item in listed if (found := _one(item, development)) is not None])


def _one(item: object, development: list[object] | None) -> Installed | None:
    if not isinstance(item, dict):
        return None
    name, version, path, requires = (item.get(key) for key in ("name", "version", "install-path", "require"))
    if not isinstance(name, str) or not isinstance(version, str):
        return None
    return Installed(
        name,
        version,
        path if isinstance(path, str) else "" if "install-path" in item else f"../{name}",
        None if development is None else name in development,
        tuple(key for key in requires if "/" in key) if isinstance(requires, dict) else (),
    )


PROBES = (Probe("php", rb"/composer/installed\.json\Z", read=_read),)


def packages(reader: Reader) -> Iterable[Package]:
    """One package an entry; metapackages own nothing."""
    for node, fact in reader.every("php"):
        first = reader.since(node, "php")
        here = node.entry.path.rpartition(b"/")[0]
        for item in _DECODER.decode(fact):
            directory = reader.tree.resolve(here + b"/" + item.path.encode("utf-8", "surrogateescape"))
            inside = directory is not None and directory.parent is not None and bool(item.path)
            owned = reader.owned(reader.below(directory) if directory is not None and inside else ())
            yield Package(
                kind="composer",
                name=item.name,
                version=item.version,
                evidence=node.entry.path,
                source=item.name,
                source_version=item.version,
                files=owned.paths,
                size=owned.size,
                first_layer=first,
                last_layer=max(first, owned.last_layer),
                depends=tuple((name,) for name in item.requires),
                dev=item.dev,
            )
