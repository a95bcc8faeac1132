""".NET: the NuGet packages of published programs, and the shared runtimes.

Source of the format: the .NET documentation "Runtime configuration files" (`NAME.deps.json`): `libraries` names what
there is and of which type, `targets` which files of each are used at run time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from jettison.image.probe import Probe
from jettison.packages.package import Package

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from jettison.packages.reader import Reader


class Library(msgspec.Struct, array_like=True, frozen=True):
    """One package: its name, its version, the paths of its files as the package has them, and what it needs."""

    name: str
    version: str
    files: tuple[str, ...]
    depends: tuple[str, ...]


_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(list[Library])
_GROUPS = ("runtime", "native", "resources", "runtimeTargets")


def _read(data: memoryview) -> bytes | None:
    try:
        content: Any = msgspec.json.decode(bytes(data).removeprefix(b"\xef\xbb\xbf"))
        return _ENCODER.encode(list(_libraries(content)))
    except (msgspec.MsgspecError, ValueError, RecursionError, AttributeError, TypeError):
        return None


def _libraries(content: Any) -> Iterator[Library]:
    targets: dict[str, Any] = {}
    for target in content.get("targets", {}).values():
        targets.update(target)
    for key, library in content.get("libraries", {}).items():
        name, slash, version = key.partition("/")
        if not slash or library.get("type") not in ("package", "runtimepack"):
            continue
        target = targets.get(key, {})
        files = tuple(path for group in _GROUPS for path in target.get(group, {}))
        yield Library(name.removeprefix("runtimepack."), version, files, tuple(target.get("dependencies", {})))


PROBES = (Probe("dotnet", rb"/[^/]+\.deps\.json\Z", read=_read),)


def packages(reader: Reader) -> Iterable[Package]:
    """One package for each library of each program, with its files beside the program."""
    for node, fact in reader.every("dotnet"):
        home = node.entry.path.rpartition(b"/")[0] + b"/"
        first = reader.since(node, "dotnet")
        for library in _DECODER.decode(fact):
            owned = reader.owned(_places(home, library))
            yield Package(
                kind="nuget",
                name=library.name,
                version=library.version,
                evidence=node.entry.path,
                source=library.name,
                source_version=library.version,
                files=owned.paths,
                size=owned.size,
                first_layer=first,
                last_layer=max(first, owned.last_layer),
                depends=tuple((name,) for name in library.depends),
            )


def _places(home: bytes, library: Library) -> Iterator[bytes]:
    """Where publishing puts a package's files: `lib/TFM/a.dll` beside the program, `lib/TFM/de/a.dll` below `de`."""
    for path in library.files:
        parts = path.encode("utf-8", "surrogateescape").split(b"/")
        yield home + b"/".join(parts)
        yield home + parts[-1]
        yield home + b"/".join(parts[-2:])
