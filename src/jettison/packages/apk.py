"""apk: Alpine's, Wolfi's and Chainguard's packages.

Source of the format: apk-tools, `apk_db_fdb_read` and `apk_db_read_index_entry` in src/database.c, and the Alpine
wiki's page "Apk spec": one letter, a colon, a value; a blank line ends a package; F opens a directory, R names a file
in it.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from jettison.image.probe import Probe
from jettison.packages.package import Package, closure

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from jettison.packages.package import InstalledBy
    from jettison.packages.reader import Reader

DATABASES = (b"lib/apk/db/installed", b"usr/lib/apk/db/installed")
WORLD = b"etc/apk/world"

PROBES = (
    Probe("apk-installed", rb"/apk/db/installed\Z"),
    Probe("apk-world", rb"/apk/world\Z"),
)

_VERSION = re.compile(r"[<>=~]")


class Record(NamedTuple):
    """One package of the database: its one-letter fields, and the paths of its files."""

    fields: dict[str, str]
    files: list[bytes]

    @property
    def key(self) -> tuple[str, str]:
        """Name and version."""
        return self.fields.get("P", ""), self.fields.get("V", "")


def records(data: bytes) -> Iterator[Record]:
    """The packages of an installed database, as they stand there."""
    for block in data.split(b"\n\n"):
        record = Record({}, [])
        directory = b""
        for line in block.split(b"\n"):
            letter, value = line[:2], line[2:]
            if letter == b"R:":
                record.files.append(directory + value)
            elif letter == b"F:":
                directory = value + b"/" if value else b""
            elif letter in (b"P:", b"V:", b"A:", b"o:", b"D:", b"p:"):
                record.fields[chr(letter[0])] = value.decode("utf-8", "replace")
        if "P" in record.fields:
            yield record


def names(text: str) -> tuple[str, ...]:
    """The names in a list of dependencies or provides, versions dropped; conflicts (`!name`) left out."""
    return tuple(_VERSION.split(word, maxsplit=1)[0] for word in text.split() if not word.startswith("!"))


def packages(reader: Reader) -> Iterable[Package]:
    """The packages of the installed database, with why each of them is there."""
    seen: set[bytes] = set()
    for path in DATABASES:
        node = reader.tree.resolve(path)
        data = reader.content(path, "apk-installed")
        if node is None or data is None:
            reader.note_deleted("apk", path, "apk-installed", lambda old: sum(1 for _ in records(old)))
        elif node.entry.path not in seen:  # with a merged /usr, both paths lead to one file
            seen.add(node.entry.path)
            yield from _installed(reader, node.entry.path, data)


def _installed(reader: Reader, path: bytes, data: bytes) -> list[Package]:
    history = [(layer, {r.key for r in records(old)}) for layer, old in reader.versions(path, "apk-installed")]
    base = {name for layer, keys in history if layer < reader.base_layers for name, _ in keys}
    found = []
    for record in records(data):
        first = reader.first([(layer, record.key in keys) for layer, keys in history])
        found.append(_package(reader, path, record, first))
    world = reader.content(WORLD, "apk-world")
    if world is None:
        return [replace(p, installed_by="base") if p.name in base else p for p in found]
    asked = set(names(world.decode("utf-8", "replace").replace("@", "=")))
    roots = [p for p in found if p.name in base or p.name in asked]
    needed = closure(found, roots)

    def reason(package: Package) -> InstalledBy:
        if package.name in base:
            return "base"
        if package.name in asked:
            return "manual"
        return "dependency" if package in needed else "orphan"

    return [replace(package, installed_by=reason(package)) for package in found]


def _package(reader: Reader, path: bytes, record: Record, first: int) -> Package:
    owned = reader.owned(record.files)
    fields = record.fields
    return Package(
        kind="apk",
        name=fields["P"],
        version=fields.get("V", ""),
        evidence=path,
        arch=fields.get("A", ""),
        source=fields.get("o") or fields["P"],
        source_version=fields.get("V", ""),
        files=owned.paths,
        size=owned.size,
        first_layer=first,
        last_layer=max(first, owned.last_layer),
        depends=tuple((name,) for name in names(fields.get("D", ""))),
        provides=names(fields.get("p", "")),
    )
