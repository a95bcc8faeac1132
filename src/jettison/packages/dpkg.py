"""dpkg: Debian's and Ubuntu's packages, and the one-file-a-package form that distroless images use.

Source of the formats: deb-control(5), dpkg(1) "FILES", Debian policy chapters 5 and 7, apt's extended_states, and
distroless' PACKAGE_METADATA.md (`status.d/NAME` with `NAME.md5sums` beside it).
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from jettison.image.probe import Probe
from jettison.packages.package import Package, closure

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from jettison.packages.package import InstalledBy
    from jettison.packages.reader import Reader

STATUS = b"var/lib/dpkg/status"
STATES = b"var/lib/apt/extended_states"
INFO = b"var/lib/dpkg/info/"

PROBES = (
    Probe("dpkg-status", rb"/lib/dpkg/status\Z"),
    Probe("dpkg-status-d", rb"/lib/dpkg/status\.d/[^/]+\Z"),
    Probe("dpkg-list", rb"/lib/dpkg/info/[^/]+\.list\Z"),
    Probe("dpkg-diversions", rb"/lib/dpkg/diversions\Z"),
    Probe("apt-states", rb"/lib/apt/extended_states\Z"),
)

_ON_DISK = {"installed", "unpacked", "half-configured", "triggers-awaited", "triggers-pending"}
_WANTED = frozenset(
    {
        *("Package", "Version", "Architecture", "Status", "Source", "Section", "Priority", "Essential"),
        *("Depends", "Pre-Depends", "Recommends", "Provides", "Multi-Arch", "Auto-Installed", "Conffiles"),
    }
)

Fields = dict[str, str]
Key = tuple[str, str]
"""A package's name and architecture: what dpkg tells packages apart by."""


def stanzas(data: bytes) -> Iterator[Fields]:
    """The paragraphs of a control file, their fields cut down to those that are used here."""
    for block in data.split(b"\n\n"):
        fields = stanza(block)
        if fields:
            yield fields


def stanza(block: bytes) -> Fields:
    """The fields of one paragraph. Continuation lines are joined by newlines, without their first blank."""
    fields: Fields = {}
    last = ""
    for line in block.decode("utf-8", "replace").split("\n"):
        if line[:1] in (" ", "\t"):
            if last:
                fields[last] += "\n" + line[1:]
            continue
        name, colon, value = line.partition(":")
        last = name if colon and name in _WANTED else ""
        if last:
            fields[last] = value.strip()
    return fields


def relations(text: str) -> tuple[tuple[str, ...], ...]:
    """A dependency field as names: one tuple a requirement, the alternatives in it. Versions and `:any` are dropped."""
    requirements = (tuple(_names(requirement)) for requirement in text.split(",")) if text else ()
    return tuple(names for names in requirements if names)


def _names(requirement: str) -> Iterator[str]:
    for alternative in requirement.split("|"):
        words = alternative.replace("(", " ").replace(":", " ").split(None, 1)
        if words:
            yield words[0]


def source_of(fields: Fields) -> tuple[str, str]:
    """The source package's name and version: from `Source: NAME (VERSION)`, else the binary's, less a `+bN`.

    A `+bN` ending counts the rebuilds of a binary from an unchanged source (Debian developer's reference, 5.10.2.1).
    """
    version = fields.get("Version", "")
    name, _, rest = fields.get("Source", "").partition("(")
    name = name.strip() or fields.get("Package", "")
    if rest:
        return name, rest.rstrip(") ")
    head, plus, digits = version.rpartition("+b")
    return name, head if plus and digits.isdigit() else version


def _key(fields: Fields) -> Key:
    return fields["Package"], fields.get("Architecture", "")


def _installed(data: bytes, memory: dict[bytes, Fields]) -> dict[Key, Fields]:
    """The packages of a status file that are on the disk. `memory` saves parsing a paragraph twice."""
    found: dict[Key, Fields] = {}
    for block in data.split(b"\n\n"):
        fields = memory.get(block)
        if fields is None:
            fields = memory[block] = stanza(block)
        if "Package" in fields and "Version" in fields and fields.get("Status", "").rpartition(" ")[2] in _ON_DISK:
            found[_key(fields)] = fields
    return found


def packages(reader: Reader) -> Iterable[Package]:
    """The packages of the status file and of status.d, with why each of them is there."""
    yield from _from_status(reader)
    yield from _from_status_d(reader)


def _from_status(reader: Reader) -> list[Package]:
    node = reader.tree.resolve(STATUS)
    visible = reader.fact(node, "dpkg-status") if node is not None else None
    if node is None or visible is None:
        reader.note_deleted("dpkg", STATUS, "dpkg-status", lambda old: len(_installed(old, {})))
        return []
    memory: dict[bytes, Fields] = {}
    history = [(layer, _installed(old, memory)) for layer, old in reader.versions(node.inode.entry.path, "dpkg-status")]
    diversions = _diversions(reader.content(b"var/lib/dpkg/diversions", "dpkg-diversions") or b"")
    found = []
    unlisted = []
    for key, fields in _installed(visible, memory).items():
        first = reader.first([(layer, _same(listed.get(key), fields)) for layer, listed in history])
        package, listed = _package(reader, fields, first, diversions)
        found.append(package)
        if not listed:
            unlisted.append(package)
    if unlisted:
        reader.notes.append(f"dpkg: {len(unlisted)} packages have no list of files, such as {unlisted[0].name}")
    base = next((set(listed) for layer, listed in reversed(history) if layer < reader.base_layers), set())
    return reasons(found, base, _automatic(reader.content(STATES, "apt-states") or b""))


def _same(then: Fields | None, now: Fields) -> bool:
    return then is not None and then.get("Version") == now.get("Version")


def _package(
    reader: Reader, fields: Fields, first: int, diversions: dict[bytes, tuple[bytes, str]]
) -> tuple[Package, bool]:
    """The package, and whether a list of its files was found."""
    name, arch = _key(fields)
    listed = reader.content(INFO + name.encode() + b".list", "dpkg-list")
    if listed is None:
        listed = reader.content(INFO + f"{name}:{arch}".encode() + b".list", "dpkg-list")
    paths = [line[1:] for line in (listed or b"").split(b"\n") if line[:1] == b"/"]
    if diversions:
        paths = [to if (to := _diverted(diversions, path, name)) else path for path in paths]
    owned = reader.owned(paths)
    return _build(fields, STATUS, owned.paths, owned.size, first, max(first, owned.last_layer)), listed is not None


def _build(fields: Fields, evidence: bytes, files: tuple[bytes, ...], size: int, first: int, last: int) -> Package:
    source, source_version = source_of(fields)
    return Package(
        kind="deb",
        name=fields["Package"],
        version=fields.get("Version", ""),
        evidence=evidence,
        arch=fields.get("Architecture", ""),
        source=source,
        source_version=source_version,
        files=files,
        size=size,
        first_layer=first,
        last_layer=last,
        section=fields.get("Section", ""),
        priority=fields.get("Priority", ""),
        essential=fields.get("Essential") == "yes",
        depends=relations(fields.get("Pre-Depends", "")) + relations(fields.get("Depends", "")),
        recommends=relations(fields.get("Recommends", "")),
        provides=tuple(names[0] for names in relations(fields.get("Provides", "")) if names),
    )


def _diversions(data: bytes) -> dict[bytes, tuple[bytes, str]]:
    """Path → where other packages' file of that name went, and the package that diverts (dpkg-divert(1))."""
    lines = data.split(b"\n")
    return {
        a.lstrip(b"/"): (b.lstrip(b"/"), c.decode("utf-8", "replace"))
        for a, b, c in zip(lines[::3], lines[1::3], lines[2::3], strict=False)
    }


def _diverted(diversions: dict[bytes, tuple[bytes, str]], path: bytes, name: str) -> bytes | None:
    to, by = diversions.get(path, (b"", ""))
    return to if by != name else None


def _automatic(data: bytes) -> set[str]:
    """Names that apt noted as installed automatically."""
    return {
        fields["Package"] for fields in stanzas(data) if fields.get("Auto-Installed") == "1" and "Package" in fields
    }


def _from_status_d(reader: Reader) -> Iterator[Package]:
    """One package a file; the files it owns from NAME.md5sums, which lacks configuration files, and `Conffiles`."""
    sums = {n.entry.path: fact for n, fact in reader.every("dpkg-status-d") if n.entry.path.endswith(b".md5sums")}
    for node, fact in reader.every("dpkg-status-d"):
        path = node.entry.path
        fields = stanza(fact) if path not in sums else {}
        if "Package" not in fields or "Version" not in fields:
            continue
        lines = sums.get(path + b".md5sums") or sums.get(path.removesuffix(b".control") + b".md5sums") or b""
        paths = [line.partition(b"  ")[2] for line in lines.split(b"\n")]
        paths += [line.split(" ")[0].lstrip("/").encode() for line in fields.get("Conffiles", "").split("\n") if line]
        owned = reader.owned(p for p in paths if p)
        first = reader.since(node, "dpkg-status-d")
        package = _build(fields, path, owned.paths, owned.size, first, max(node.layer, owned.last_layer))
        yield replace(package, installed_by="base") if first < reader.base_layers else package


def reasons(found: list[Package], base: set[Key], automatic: set[str]) -> list[Package]:
    """The packages with `installed_by`.

    Needed is what Depends and Pre-Depends lead to from the base and from what was asked for; of alternatives and of
    providers, every installed one is kept, so that nothing is called superfluous that might serve.
    """
    roots = {p: "base" if (p.name, p.arch) in base else "manual" for p in found if _asked(p, base, automatic)}
    needed = closure(found, roots)
    recommended = closure(found, roots, recommended=True)

    def reason(package: Package) -> InstalledBy:
        if package in roots:
            return "base" if roots[package] == "base" else "manual"
        if package in needed:
            return "dependency"
        return "recommends" if package in recommended else "orphan"

    return [replace(package, installed_by=reason(package)) for package in found]


def _asked(package: Package, base: set[Key], automatic: set[str]) -> bool:
    return (package.name, package.arch) in base or package.name not in automatic
