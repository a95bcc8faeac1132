"""Python: installed distributions, from dist-info and egg-info.

Source of the formats: the packaging specifications "Recording installed projects" (METADATA, RECORD, REQUESTED) and
"Core metadata", and setuptools' "The Internal Structure of Python Eggs" for egg-info.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from jettison.image.probe import Probe
from jettison.packages.package import Package

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from jettison.image.tree import Node
    from jettison.packages.package import InstalledBy
    from jettison.packages.reader import Reader

_KEPT = (b"name:", b"version:", b"requires-dist:")
_REQUIREMENT = re.compile(r"\s*([A-Za-z0-9][A-Za-z0-9._-]*)")
_EXTRA = re.compile(r";.*\bextra\s*==")
_SEPARATORS = re.compile(r"[-_.]+")


def _head(data: memoryview) -> bytes | None:
    """The lines of core metadata that are used here; the description, which may be long, follows a blank line."""
    head = bytes(data).replace(b"\r\n", b"\n").partition(b"\n\n")[0]
    kept = [line for line in head.split(b"\n") if line.lower().startswith(_KEPT)]
    return b"\n".join(kept) or None


def _recorded(data: memoryview) -> bytes:
    """The paths of a RECORD, a line each; its hashes and sizes say nothing that the layer's index does not know."""
    lines = bytes(data).replace(b"\r\n", b"\n").split(b"\n")
    if b'"' not in bytes(data):
        return b"\n".join([line.rsplit(b",", 2)[0] for line in lines if line])
    import csv  # few lists need it

    try:
        rows = csv.reader(bytes(data).decode("utf-8", "surrogateescape").splitlines())
        return b"\n".join(row[0].encode("utf-8", "surrogateescape") for row in rows if row and "\n" not in row[0])
    except csv.Error:
        return b""


PROBES = (
    Probe("python-metadata", rb"/(?:METADATA|PKG-INFO|[^/]+\.egg-info)\Z", read=_head),
    Probe("python-record", rb"/RECORD\Z", read=_recorded),
    Probe("python-installed-files", rb"/installed-files\.txt\Z"),
    Probe("python-top-level", rb"/top_level\.txt\Z"),
)


class _Metadata(NamedTuple):
    name: str
    version: str
    requires: tuple[tuple[str, ...], ...]


def normalise(name: str) -> str:
    """A project's name as indexes compare it ("Names and normalization")."""
    return _SEPARATORS.sub("-", name).lower()


def _metadata(fact: bytes) -> _Metadata | None:
    name = version = ""
    requires: dict[str, None] = {}
    for line in fact.decode("utf-8", "replace").split("\n"):
        key, _, value = line.partition(":")
        key = key.lower()
        if key == "name":
            name = name or value.strip()
        elif key == "version":
            version = version or value.strip()
        elif not _EXTRA.search(value) and (match := _REQUIREMENT.match(value)):
            requires[normalise(match[1])] = None
    return _Metadata(name, version, tuple((r,) for r in requires)) if name and version else None


def packages(reader: Reader) -> Iterable[Package]:
    """One package for each dist-info directory, egg-info directory and egg-info file."""
    found = [(node, fact) for node, fact in reader.every("python-metadata") if _place(node)]
    asking = {_site(node) for node, _ in found if _requested(reader, node)}
    for node, fact in found:
        metadata = _metadata(fact)
        if metadata is None:
            continue
        owned = reader.owned(_files(reader, node))
        first = reader.since(node, "python-metadata")
        reason: InstalledBy = "unknown"
        if _site(node) in asking:
            reason = "manual" if _requested(reader, node) else "dependency"
        yield Package(
            kind="pypi",
            name=metadata.name,
            version=metadata.version,
            evidence=node.entry.path,
            source=normalise(metadata.name),
            source_version=metadata.version,
            files=owned.paths,
            size=owned.size,
            first_layer=first,
            last_layer=max(node.layer, owned.last_layer),
            installed_by=reason,
            depends=metadata.requires,
            provides=(normalise(metadata.name),),
        )


def _place(node: Node) -> bool:
    """True where metadata tells of an installed distribution, and not of a source tree or a vendored copy."""
    directory, _, name = node.entry.path.rpartition(b"/")
    if name == b"METADATA":
        return directory.endswith(b".dist-info")
    if name == b"PKG-INFO":
        return directory.endswith((b".egg-info", b"/EGG-INFO"))
    return True


def _home(node: Node) -> bytes:
    """The dist-info or egg-info, a directory or a single file."""
    directory, _, name = node.entry.path.rpartition(b"/")
    return directory if name in (b"METADATA", b"PKG-INFO") else node.entry.path


def _site(node: Node) -> bytes:
    """The directory that packages are installed to."""
    return _home(node).rpartition(b"/")[0]


def _requested(reader: Reader, node: Node) -> bool:
    return reader.tree.get(_home(node) + b"/REQUESTED") is not None


def _files(reader: Reader, node: Node) -> Iterator[bytes]:
    """The paths of a distribution: by its list, or else by the names of its top-level modules."""
    home, site = _home(node), _site(node)
    for listing, probe, base in (
        (b"/RECORD", "python-record", site),
        (b"/installed-files.txt", "python-installed-files", home),
    ):
        listed = reader.content(home + listing, probe)
        if listed is not None:
            yield from (_join(base, line) for line in listed.split(b"\n") if line)
            return
    yield home
    if (directory := reader.tree.get(home)) is not None:
        yield from reader.below(directory)
    for name in (reader.content(home + b"/top_level.txt", "python-top-level") or b"").split():
        yield site + b"/" + name + b".py"
        module = reader.tree.get(site + b"/" + name)
        if module is not None and name.strip(b"."):
            yield from reader.below(module)


def _join(base: bytes, path: bytes) -> bytes:
    """A path of a list, relative to `base` or absolute, as the tree writes paths."""
    if b"../" not in path and path[:1] != b"/":
        return base + b"/" + path
    parts = [] if path[:1] == b"/" else base.split(b"/")
    for part in path.split(b"/"):
        if part == b"..":
            del parts[-1:]
        elif part not in (b"", b"."):
            parts.append(part)
    return b"/".join(parts)
