"""Java: the Maven artifacts in jar, war and ear files, one level of nesting included.

Source of the formats: Maven's archiver (`META-INF/maven/GROUP/ARTIFACT/pom.properties`), the JAR file specification
(`META-INF/MANIFEST.MF`), Spring Boot's and the servlet specification's places for nested jars.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import msgspec

from jettison.image.probe import Probe
from jettison.packages import zip
from jettison.packages.package import Package

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from jettison.packages.reader import Reader

ENDINGS = (b".jar", b".war", b".ear", b".par", b".jpi", b".hpi")
_MAX_TEXT = 1 << 20
_MAX_NESTED = 64 << 20
_MAX_ALL_NESTED = 512 << 20
_NAMED = re.compile(r"(.+?)-(\d[^/]*?)(?:\.[a-z]+)?")
_ENCODER = msgspec.msgpack.Encoder()


class Artifact(msgspec.Struct, array_like=True, frozen=True):
    """One artifact. `inside` is the nested archive that holds it (empty for the file itself); `main` what that is."""

    inside: bytes
    group: str
    name: str
    version: str
    main: bool


class Archive(msgspec.Struct, array_like=True, frozen=True):
    """What is kept of a jar: the artifacts that say who they are, and what its manifest calls it."""

    artifacts: list[Artifact]
    title: str
    """OSGi's symbolic name; `Implementation-Title` is prose."""
    version: str


_DECODER = msgspec.msgpack.Decoder(Archive)


def _read(data: memoryview) -> bytes | None:
    try:
        archive = _archive(data, b"")
    except ValueError:
        return None
    return _ENCODER.encode(archive) if archive is not None else None


PROBES = (Probe("java", magic=zip.MAGIC, read=_read, limit=256 << 20),)


def _archive(data: memoryview, inside: bytes, budget: int = _MAX_ALL_NESTED) -> Archive | None:
    """The artifacts of an archive; None for a zip file that is no Java archive."""
    artifacts: list[Artifact] = []
    manifest: dict[str, str] = {}
    java = False
    for member in zip.members(data):
        name = member.name
        if name.startswith(b"META-INF/") and name.endswith((b"/pom.properties", b"/MANIFEST.MF")):
            java = True
            text = zip.content(data, member, _MAX_TEXT).decode("utf-8", "replace")
            if name == b"META-INF/MANIFEST.MF":
                manifest = parse_manifest(text)
            elif name.endswith(b"pom.properties"):
                artifacts += _pom(text, inside)
        elif name.endswith(ENDINGS) and not inside:
            nested = zip.content(data, member, min(_MAX_NESTED, budget))
            budget -= len(nested)
            artifacts += _nested(nested, name)
        elif name.endswith(b".class"):
            java = True
    if not java and not artifacts:
        return None
    version = manifest.get("Implementation-Version") or manifest.get("Bundle-Version") or ""
    return Archive(artifacts, manifest.get("Bundle-SymbolicName", "").partition(";")[0].strip(), version.strip())


def _nested(data: bytes, name: bytes) -> list[Artifact]:
    try:
        archive = _archive(memoryview(data), name)
    except ValueError:
        return []
    return list(_identified(archive, name, name)) if archive is not None else []


def _pom(text: str, inside: bytes) -> list[Artifact]:
    fields = dict(line.strip().split("=", 1) for line in text.splitlines() if "=" in line and line[:1] != "#")
    group, name, version = (fields.get(key, "").strip() for key in ("groupId", "artifactId", "version"))
    return [Artifact(inside, group, name, version, False)] if name and version else []


def parse_manifest(text: str) -> dict[str, str]:
    """The main section of a MANIFEST.MF, continuation lines joined."""
    fields: dict[str, str] = {}
    last = ""
    for line in text.splitlines():
        if not line.strip():
            break
        if line[0] == " " and last:
            fields[last] += line[1:]
            continue
        last, _, value = line.partition(":")
        fields[last] = value.strip()
    return fields


def _identified(archive: Archive, path: bytes, inside: bytes) -> Iterator[Artifact]:
    """The archive's artifacts, the archive's own one marked as `main`.

    Its own is the one that the file is named after; a jar without any is known by its file's name, else by its
    manifest. Artifacts beside it were shaded into it.
    """
    stem = path.rpartition(b"/")[2].decode("utf-8", "replace").rpartition(".")[0]
    own = [a for a in archive.artifacts if a.inside == inside]
    main = next((a for a in own if stem == f"{a.name}-{a.version}"), None)
    main = main or max((a for a in own if stem.startswith(a.name)), key=lambda a: len(a.name), default=None)
    if main is None and len(own) == 1:
        main = own[0]
    if main is None:
        match = _NAMED.fullmatch(stem)
        name, version = (match[1], match[2]) if match else (archive.title or stem, archive.version)
        main = Artifact(inside, "", name, version, True)
        yield main
    for artifact in archive.artifacts:
        yield msgspec.structs.replace(artifact, main=True) if artifact is main else artifact


def packages(reader: Reader) -> Iterable[Package]:
    """One package an artifact; the file belongs to what the archive itself is."""
    for node, fact in reader.every("java"):
        path = node.entry.path
        if not path.endswith(ENDINGS):
            continue
        first = reader.since(node, "java")
        seen: set[tuple[str, str, str]] = set()
        for artifact in _identified(_DECODER.decode(fact), path, b""):
            key = (artifact.group, artifact.name, artifact.version)
            if key in seen:
                continue
            seen.add(key)
            file = artifact.main and not artifact.inside
            name = f"{artifact.group}:{artifact.name}" if artifact.group else artifact.name
            yield Package(
                kind="maven",
                name=name,
                version=artifact.version,
                evidence=path,
                source=name,
                source_version=artifact.version,
                files=(path,) if file else (),
                size=node.content.size if file else 0,
                first_layer=first,
                last_layer=node.layer,
                installed_by="unknown" if file else "dependency",
            )
