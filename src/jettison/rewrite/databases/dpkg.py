"""dpkg: the status file and info files, apt's memory of what it installed by itself, and distroless' status.d."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jettison.packages.dpkg import INFO, STATES, STATUS, stanza
from jettison.rewrite.databases import Followed

if TYPE_CHECKING:
    from collections.abc import Iterable

    from jettison.packages import Package
    from jettison.rewrite.databases import Leaving

_LISTS = (b".list", b".md5sums")


def follow(leaving: Leaving) -> Followed:
    """Stanzas and info files of packages that leave go; lists of the others lose the files that leave."""
    found = Followed()
    packages = leaving.packages("deb")
    by_status = [package for package in packages if package.evidence == STATUS]
    if by_status:
        names = {(package.name, package.arch) for package in by_status}
        _without_stanzas(leaving, STATUS, names, found)
        _without_stanzas(leaving, STATES, names, found)
        for package in by_status:
            found.gone.update(_info_files(leaving, package))
    for package in packages:
        if package.evidence != STATUS:
            stem = package.evidence.removesuffix(b".control")
            found.gone.update(path for path in (package.evidence, stem + b".md5sums") if path in leaving.tree.nodes)
    touched = leaving.touched("deb")
    lists = [path for package in touched for path in _lists_of(leaving, package)]
    for path, content in leaving.read(lists).items():
        shorter = _shortened(leaving, content)
        if shorter != content:
            found.edits[path] = shorter
    return found


def _without_stanzas(leaving: Leaving, database: bytes, names: set[tuple[str, str]], found: Followed) -> None:
    path = leaving.resolve(database)
    content = leaving.read([path]).get(path) if path is not None else None
    if path is None or content is None:
        return
    blocks = content.split(b"\n\n")
    staying = [block for block in blocks if _name(block) not in names]
    if len(staying) != len(blocks):
        text = b"\n\n".join(staying)
        found.edits[path] = text.rstrip(b"\n") + b"\n\n" if text.strip() and content.endswith(b"\n\n") else text


def _name(block: bytes) -> tuple[str, str]:
    fields = stanza(block)
    return fields.get("Package", ""), fields.get("Architecture", "")


def _info_files(leaving: Leaving, package: Package) -> Iterable[bytes]:
    """dpkg's own files about a package: `NAME.postinst`, or `NAME:ARCH.postinst` where it has several architectures."""
    stems = (package.name.encode() + b".", f"{package.name}:{package.arch}.".encode())
    directory = leaving.tree.resolve(INFO)
    for name, child in ((directory.children if directory else None) or {}).items():
        if name.startswith(stems) and name.rpartition(b".")[0] + b"." in stems:
            yield child.entry.path


def _lists_of(leaving: Leaving, package: Package) -> Iterable[bytes]:
    if package.evidence != STATUS:
        stem = package.evidence.removesuffix(b".control")
        return [stem + b".md5sums"]
    return [path for path in _info_files(leaving, package) if path.endswith(_LISTS)]


def _shortened(leaving: Leaving, content: bytes) -> bytes:
    """The lines of a list (`/path`) or of checksums (`SUM  path`), but for files that leave."""
    lines = content.split(b"\n")
    return b"\n".join(line for line in lines if not leaving.is_gone(_path(line)))


def _path(line: bytes) -> bytes:
    return line[1:] if line.startswith(b"/") else line.partition(b"  ")[2]
