"""rpm: the packages of Fedora, Red Hat, SUSE, Amazon Linux and Azure Linux."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import msgspec

from jettison.image.probe import Probe
from jettison.packages import dnf, rpmdb
from jettison.packages.package import Package
from jettison.packages.rpmdb import Record

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from jettison.image.tree import Node
    from jettison.packages.package import InstalledBy
    from jettison.packages.reader import Reader

DIRECTORIES = (b"var/lib/rpm/", b"usr/lib/sysimage/rpm/", b"usr/share/rpm/")
NAMES = (b"rpmdb.sqlite", b"Packages.db", b"Packages")
"""Where the database lies, and its file in the three forms, newest first."""
MANIFEST = b"var/lib/rpmmanifest/container-manifest-2"

_SOURCE = re.compile(r"(.+)-([^-]+-[^-]+)\.(?:no)?src\.rpm")
_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(list[Record] | str)


def _read(data: memoryview) -> bytes:
    """The records of a database, or the sentence that says why there are none."""
    try:
        return _ENCODER.encode(rpmdb.read(data))
    except ValueError as error:
        return _ENCODER.encode(str(error))


PROBES = (
    Probe("rpm", rb"/rpm/(?:rpmdb\.sqlite|Packages(?:\.db)?)\Z", read=_read, limit=128 << 20),
    Probe("rpm-manifest", rb"/rpmmanifest/container-manifest-2\Z"),
)


def packages(reader: Reader) -> Iterable[Package]:
    """The packages of the rpm database, or, where there is none, of the manifest that distroless images keep."""
    seen: set[bytes] = set()
    for path in (directory + name for directory in DIRECTORIES for name in NAMES):
        node = reader.tree.resolve(path)
        if node is None or node.entry.size == 0:
            reader.note_deleted("rpm", path, "rpm", lambda old: len(_DECODER.decode(old)))
        elif node.entry.path not in seen:  # var/lib/rpm is often a link to usr/lib/sysimage/rpm
            seen.add(node.entry.path)
            yield from _database(reader, node)
    manifest = reader.content(MANIFEST, "rpm-manifest")
    if manifest is not None and not seen:
        yield from _manifest(reader, manifest)


def _database(reader: Reader, node: Node) -> Iterator[Package]:
    path = node.entry.path
    fact = reader.fact(node, "rpm")
    records = _DECODER.decode(fact) if fact is not None else f"{node.entry.size:,} bytes, more than are read"
    if isinstance(records, str):
        reader.notes.append(f"rpm: {path.decode('utf-8', 'replace')} was not assessed: {records}")
        return
    log = reader.tree.get(path + b"-wal")
    if log is not None and log.content.size:
        reader.notes.append("rpm: the database has a write-ahead log; what only that says is missing here")
    history = []
    for layer, old in reader.versions(path, "rpm"):
        listed = _DECODER.decode(old)
        history.append((layer, {(r.name, r.evr, r.arch) for r in listed if not isinstance(r, str)}))
    base = {key[0] for layer, keys in history if layer < reader.base_layers for key in keys}
    why = dnf.reasons(reader)
    for record in records:
        key = (record.name, record.evr, record.arch)
        first = reader.first([(layer, key in keys) for layer, keys in history])
        reason: InstalledBy = "base" if record.name in base else why.get(f"{record.name}.{record.arch}", "unknown")
        yield _package(reader, path, record, first, reason)


def _package(reader: Reader, path: bytes, record: Record, first: int, reason: InstalledBy) -> Package:
    directories = [directory.lstrip(b"/") for directory in record.directories]
    owned = reader.owned([directories[index] + name for index, name in record.files])
    source, source_version = _source(record.source)
    return Package(
        kind="rpm",
        name=record.name,
        version=record.evr,
        evidence=path,
        arch=record.arch,
        source=source or record.name,
        source_version=source_version or f"{record.version}-{record.release}",
        files=owned.paths,
        size=owned.size,
        first_layer=first,
        last_layer=max(first, owned.last_layer),
        installed_by=reason,
        section=record.group if record.group != "Unspecified" else "",
        depends=tuple((name,) for name in record.requires),
        recommends=tuple((name,) for name in record.recommends),
        provides=record.provides,
    )


def _source(name: str) -> tuple[str, str]:
    """Name and version of the source package `NAME-VERSION-RELEASE.src.rpm`."""
    match = _SOURCE.fullmatch(name)
    return (match[1], match[2]) if match else ("", "")


def _manifest(reader: Reader, data: bytes) -> Iterator[Package]:
    """Lines of `rpm -qa`: name, version-release, two times, vendor, epoch, size, arch, epoch number, source."""
    node = reader.tree.resolve(MANIFEST)
    first = reader.since(node, "rpm-manifest") if node is not None else -1
    found = 0
    for line in data.decode("utf-8", "replace").splitlines():
        fields = line.split("\t")
        if len(fields) < 10:
            continue
        found += 1
        source, source_version = _source(fields[9])
        yield Package(
            kind="rpm",
            name=fields[0],
            version=fields[1] if fields[8] in ("0", "(none)") else f"{fields[8]}:{fields[1]}",
            evidence=MANIFEST,
            arch=fields[7],
            source=source or fields[0],
            source_version=source_version or fields[1],
            first_layer=first,
            last_layer=first,
            installed_by="base" if first < reader.base_layers else "unknown",
        )
    if found:
        reader.notes.append(f"rpm: {found} packages are known from a manifest, which does not say what files they own")
