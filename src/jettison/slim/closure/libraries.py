"""ELF: the loader that a program asks for, the libraries it needs, and those whose names it holds for dlopen.

Read as ld.so(8) searches: RPATH, LD_LIBRARY_PATH, RUNPATH, the directories of ld.so.conf, the default ones; musl has a
list of its own. No program of the image is run. Of several files of one name the first in that order is kept, as the
loader would take it, and its variants for newer processors (`glibc-hwcaps`). At the level of files, a file that the
trace saw loaded has shown what it loads by name; one that only the closure reached may load whatever it names.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from jettison.packages.elf import RELOCATABLE
from jettison.slim.kept import Need

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jettison.image.tree import Node
    from jettison.packages.elf import Elf
    from jettison.slim.view import View

_DEFAULT = (b"lib", b"usr/lib", b"lib64", b"usr/lib64", b"usr/local/lib", b"usr/local/lib64")
_MULTIARCH = re.compile(rb"[a-z0-9_]+-linux-(?:gnu|musl)[a-z0-9]*")
_NAME = re.compile(rb"[A-Za-z0-9_+/.-]*lib[A-Za-z0-9_+.-]+\.so(?:\.[0-9]+)*\Z")
"""A library's name as code hands it to dlopen."""
_THREADS = b"libgcc_s.so.1"
"""What the C library loads to end a thread."""
_MAX_SEARCHED = 96 << 20


def follow(view: View, fresh: list[Node]) -> Iterator[Need]:
    """What newly kept programs and libraries need."""
    found = [(node, elf) for node in fresh if (elf := view.elf(node)) is not None and elf.kind != RELOCATABLE]
    for node, elf in found:
        yield from needed(view, node, elf)
    used = {node.entry.path: elf for node, elf in found if view.kept.used(node.entry.path)}
    shown = {path for path in used if not view.whole and view.touched(path)}
    for path in sorted(shown):
        if path.endswith(b"/libc.so.6"):
            yield from _by_name(view, path, used[path], {_THREADS})
    for path, content in view.read_once(used.keys() - shown, limit=_MAX_SEARCHED):
        yield from _by_name(view, path, used[path], _names(content))


def _by_name(view: View, path: bytes, elf: Elf, names: set[bytes]) -> Iterator[Need]:
    """The libraries that are there of those whose names a file holds."""
    for name in sorted(names - {*elf.needed, elf.soname}):
        target = find(view, path, elf, name)
        if target is not None:
            yield Need(target, f"may be loaded by name ({name.decode('ascii', 'replace')})", path)


def _names(content: bytes) -> set[bytes]:
    """The strings that look like names of libraries. A search for `.so` is a hundred times as fast as a pattern."""
    found: set[bytes] = set()
    at = content.find(b".so")
    while at >= 0:
        end = content.find(b"\0", at, at + 64)
        start = content.rfind(b"\0", max(0, at - 256), at) + 1
        if end >= 0 and start and (match := _NAME.match(content, start, end)) is not None:
            found.add(match[0])
        at = content.find(b".so", at + 3)
    return found


def needed(view: View, node: Node, elf: Elf) -> Iterator[Need]:
    """The loader and the libraries that an ELF file names."""
    path, strength = node.entry.path, view.kept.reasons[node.entry.path].strength
    if elf.interpreter:
        yield Need(elf.interpreter.lstrip(b"/"), "the program's loader", path, strength)
    for name in elf.needed:
        for target in candidates(view, path, elf, name):
            yield Need(target, f"a library that is needed ({name.decode('utf-8', 'replace')})", path, strength)


def find(view: View, path: bytes, elf: Elf, name: bytes) -> bytes | None:
    """The path at which the loader would find a library that the file at `path` names."""
    return next(candidates(view, path, elf, name), None)


def candidates(view: View, path: bytes, elf: Elf, name: bytes) -> Iterator[bytes]:
    """That path, and those of variants for newer processors."""
    if b"/" in name:
        if _fits(view, name.lstrip(b"/"), elf):
            yield name.lstrip(b"/")
        return
    for directory in directories(view, path, elf):
        found = directory + b"/" + name
        if _fits(view, found, elf):
            yield found
            variants = view.directory(directory + b"/glibc-hwcaps")
            for variant in sorted((variants.children or {}) if variants is not None else ()):
                special = directory + b"/glibc-hwcaps/" + variant + b"/" + name
                if _fits(view, special, elf):
                    yield special
            return


def _fits(view: View, path: bytes, elf: Elf) -> bool:
    node = view.file(path)
    other = view.elf(node) if node is not None else None
    return other is not None and (other.bits, other.machine) == (elf.bits, elf.machine)


def directories(view: View, path: bytes, elf: Elf) -> Iterator[bytes]:
    """Where the loader looks for what the file at `path` needs, in its order; at the end where a program may look."""
    real = view.file(path)
    origin = (real.entry.path if real is not None else path).rpartition(b"/")[0]
    if elf.rpath and not elf.runpath:
        yield from _expanded(elf.rpath, origin)
    yield from _expanded(os.fsencode(view.environment.get("LD_LIBRARY_PATH", "")), origin)
    if elf.runpath:
        yield from _expanded(elf.runpath, origin)
    yield from view.memo("loader directories", system_directories)
    yield origin


def _expanded(path: bytes, origin: bytes) -> Iterator[bytes]:
    for part in path.split(b":"):
        for mark in (b"$ORIGIN", b"${ORIGIN}"):
            part = part.replace(mark, b"/" + origin)
        spellings = [part]
        if b"$LIB" in part or b"${LIB}" in part:
            names = (b"lib64", b"lib", b"lib/x86_64-linux-gnu", b"lib/aarch64-linux-gnu")
            spellings = [part.replace(b"${LIB}", name).replace(b"$LIB", name) for name in names]
        for spelling in spellings:
            if spelling.startswith(b"/"):
                yield spelling.strip(b"/")


def system_directories(view: View) -> list[bytes]:
    """The directories of ld.so.conf, or of musl's list, and the default ones."""
    found = list(_configured(view))
    listing = view.directory(b"etc")
    musl = [name for name in (listing.children or {}) if name.startswith(b"ld-musl-")] if listing is not None else []
    for content in view.read(b"etc/" + name for name in sorted(musl)).values():
        found += [line.strip(b"/ ") for line in content.replace(b":", b"\n").split(b"\n") if line.strip()]
    for directory in _DEFAULT:
        node = view.directory(directory)
        for name, child in sorted((node.children or {}).items()) if node is not None else ():
            if child.children is not None and _MULTIARCH.fullmatch(name):
                found.append(directory + b"/" + name)
        found.append(directory)
    return list(dict.fromkeys(found))


def _configured(view: View) -> Iterator[bytes]:
    """The lines of ld.so.conf and of the files that it includes (ldconfig(8))."""
    pending, seen = [b"etc/ld.so.conf"], set()
    while pending:
        path = pending.pop(0)
        if path in seen:
            continue
        seen.add(path)
        for line in view.read([path]).get(path, b"").split(b"\n"):
            line = line.partition(b"#")[0].strip()
            if line.startswith(b"include"):
                pending += _globbed(view, line.split(None, 1)[-1])
            elif line.startswith(b"/"):
                yield line.strip(b"/")


def _globbed(view: View, pattern: bytes) -> list[bytes]:
    import fnmatch

    directory, _, names = pattern.rpartition(b"/")
    node = view.directory(directory or b"etc")
    return (
        [child.entry.path for name, child in sorted((node.children or {}).items()) if fnmatch.fnmatchcase(name, names)]
        if node is not None
        else []
    )
