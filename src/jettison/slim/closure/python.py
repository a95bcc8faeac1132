"""Python: modules that code imports, also late; packages whole; the source beside its bytecode.

The application's own code, and packages that are not the standard library's, are read to the last function. Of the
standard library, a module that the trace saw loaded has shown what loading it takes; one that was only reached is read
as far as loading it goes. At the level of packages a standard library that no package manager owns stays whole, but for
its tests and programs.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from jettison.slim.closure.packages import BYTECODE
from jettison.slim.imports import Asked, Import, asked
from jettison.slim.kept import NEEDED, SPARE, Need
from jettison.slim.shellwords import programs
from jettison.slim.view import below

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jettison.image.tree import Node
    from jettison.slim.view import View

_LIBRARY = re.compile(rb"((?:.*/)?lib(?:64|exec)?/(?:python\d\.\d+|pypy\d\.\d+))/(?:os|site|abc|io|codecs|encodings)\b")
_SITE = re.compile(rb"((?:.*/)?(?:site|dist)-packages)/([^/]+)")
_CACHED = re.compile(rb"((?:.*/)?)__pycache__/([^/]+?)\.(?:cpython|pypy)[^/]*\.pyc\Z")
_UNWANTED = re.compile(
    rb"(?:test|tests|idlelib|tkinter|turtledemo|ensurepip|lib2to3|pydoc_data|distutils/tests|site-packages|dist-packages"
    rb"|config-[^/]+|__pycache__)(?:/|\Z)|.*/(?:__pycache__|tests?)/|turtle\.py\Z"
)
"""Parts of the standard library that a program at work has no use for."""
_TESTS = re.compile(rb"/(?:tests?|testing|conftest\.py)(?:/|\Z)")

_FROZEN = frozenset(
    {b"_collections_abc.py", b"_sitebuiltins.py", b"abc.py", b"codecs.py", b"genericpath.py", b"io.py", b"ntpath.py"}
    | {b"os.py", b"posixpath.py", b"stat.py"}
)

HIDDEN = {
    "asyncio": ("concurrent.futures.thread",),
    "concurrent.futures": ("concurrent.futures.thread", "concurrent.futures.process"),
    "ctypes": ("_ctypes", "ctypes.util"),
    "datetime": ("_strptime", "_datetime"),
    "dbm": ("dbm.dumb", "dbm.gnu", "dbm.ndbm"),
    "decimal": ("_decimal",),
    "encodings": (
        *("encodings.aliases", "encodings.ascii", "encodings.latin_1", "encodings.utf_8", "encodings.idna"),
        *("encodings.utf_8_sig", "encodings.unicode_escape", "encodings.raw_unicode_escape"),
        "traceback",
    ),
    "multiprocessing": (
        *("multiprocessing.popen_fork", "multiprocessing.popen_spawn_posix", "multiprocessing.popen_forkserver"),
        *("multiprocessing.pool", "multiprocessing.queues", "multiprocessing.synchronize", "multiprocessing.managers"),
        *("multiprocessing.resource_tracker", "multiprocessing.sharedctypes", "multiprocessing.shared_memory"),
    ),
    "sysconfig": ("_sysconfigdata*",),
    "time": ("_strptime",),
    "xml.sax": ("xml.sax.expatreader",),
    "zoneinfo": ("_zoneinfo",),
}
"""Modules that C code, or code that puts names together, imports once the key is there; `*` ends a name's beginning.

With `encodings`, which every interpreter loads, stands what prints errors. At the level of files, of what ran only
codecs count.
"""


@dataclass(slots=True)
class Pythons:
    """Where the image's modules are found: standard libraries, and directories of packages."""

    libraries: dict[bytes, None] = field(default_factory=dict)
    sites: dict[bytes, None] = field(default_factory=dict)
    deep: set[bytes] = field(default_factory=set)
    whole: set[bytes] = field(default_factory=set)

    def places(self) -> list[bytes]:
        """The directories of `sys.path` that the interpreter itself adds."""
        found = [place for library in self.libraries for place in (library, library + b"/lib-dynload")]
        return [*found, *self.sites]


def follow(view: View, fresh: list[Node]) -> Iterator[Need]:
    """What newly kept modules import, and what belongs to them."""
    pythons = view.memo("pythons", lambda _: Pythons())
    for node in fresh:
        if node.children is None and view.kept.used(node.entry.path):
            _learn(view, pythons, node.entry.path)
            yield from _twins(view, node.entry.path)
    if not pythons.libraries:
        return
    sources: list[bytes] = []
    for node in fresh:
        path = node.entry.path
        if node.children is not None:
            continue
        yield from _whole(view, pythons, path)
        if _is_source(view, node) and _counts(view, path):
            sources.append(path)
    _prefetch(view, pythons, sources)
    for path, content in view.read(sources).items():
        yield from _asked_for(view, pythons, path, content)


def _counts(view: View, path: bytes) -> bool:
    """True where what a module imports is needed too: it may be loaded, and is no test."""
    return view.kept.used(path) or (view.kept.reasons[path].strength == SPARE and not _TESTS.search(path))


def _prefetch(view: View, pythons: Pythons, sources: list[bytes]) -> None:
    """Read all sources of the standard libraries in one pass: import by import would take one each."""
    for library in pythons.libraries if sources else ():
        mark = "python sources of " + os.fsdecode(library)
        view.memo(mark, lambda view, library=library: view.read(_sources(view, library)))  # type: ignore[misc]


def _sources(view: View, library: bytes) -> list[bytes]:
    directory = view.directory(library)
    paths = (node.entry.path for node in below(directory)) if directory is not None else ()
    start = len(library) + 1
    return [path for path in paths if path.endswith(b".py") and not _UNWANTED.match(path[start:])]


def _learn(view: View, pythons: Pythons, path: bytes) -> None:
    library = _LIBRARY.match(path)
    if library is not None and library[1] not in pythons.libraries:
        home = library[1]
        pythons.libraries[home] = None
        version = home.rpartition(b"/")[2]
        top = home.rpartition(b"/")[0]
        for site in (b"/site-packages", b"/dist-packages"):
            pythons.sites[home + site] = None
        pythons.sites[b"usr/local/lib/" + version + b"/dist-packages"] = None
        pythons.sites[top + b"/python3/dist-packages"] = None
    package = _SITE.match(path)
    if package is not None:
        pythons.sites[package[1]] = None


def _twins(view: View, path: bytes) -> Iterator[Need]:
    """The source of bytecode, without which Python takes no notice of it; the bytecode of a source that is used."""
    cached = _CACHED.match(path)
    if cached is not None:
        source = cached[1] + cached[2] + b".py"
        if source in view.tree.nodes:
            yield Need(source, "the source of this bytecode", path, view.kept.reasons[path].strength)
    elif path.endswith(b".py") and view.kept.used(path):
        for other in _bytecode(view, path):
            yield Need(other, "the bytecode of this module", path)


def _whole(view: View, pythons: Pythons, path: bytes) -> Iterator[Need]:
    """The package around a module outside the standard library; a standard library that nobody else keeps whole."""
    site = _SITE.match(path)
    if site is not None and view.kept.used(path):
        top = site[1] + b"/" + site[2]
        node = view.tree.get(top)
        if top not in pythons.whole and node is not None and node.children is not None:
            pythons.whole.add(top)
            for child in below(node):
                if not BYTECODE.search(child.entry.path):
                    yield Need(child.entry.path, "part of the imported package", path, SPARE)
    for library in pythons.libraries if view.whole else ():
        if library not in pythons.whole and path.startswith(library + b"/") and view.own(path):
            pythons.whole.add(library)
            directory = view.directory(library)
            for child in below(directory) if directory is not None else ():
                if not _UNWANTED.match(child.entry.path[len(library) + 1 :]):
                    yield Need(child.entry.path, "part of Python's standard library", path, SPARE)


def _is_source(view: View, node: Node) -> bool:
    path = node.entry.path
    if path.endswith(b".py"):
        return True
    return bool(node.content.mode & 0o111) and b"." not in path.rpartition(b"/")[2] and view.elf(node) is None


def _asked_for(view: View, pythons: Pythons, path: bytes, content: bytes) -> Iterator[Need]:
    if not path.endswith(b".py") and b"python" not in content[:64].partition(b"\n")[0]:
        return
    library = next((place for place in pythons.libraries if path.startswith(place + b"/")), None)
    in_library = library is not None and _SITE.match(path) is None
    ran = _ran(view, path)
    if in_library and (ran or _is_whole(view, pythons, path)):
        yield from _hidden_only(view, pythons, path, library or b"")
        return
    found = asked(content, deep=not in_library or path in pythons.deep)
    if ran and not view.whole:
        found.imports = _late(found, asked(content, deep=False))
    strength = NEEDED if view.kept.used(path) else SPARE
    places = [*_own_places(view, path), *pythons.places()]
    for wanted in _with_hidden(found, path, library if in_library else None):
        for module in _resolved(view, places, path, wanted):
            if library is not None and _is_frozen(library, module):
                continue
            if not in_library or (path in pythons.deep and _together(library or b"", path, module)):
                pythons.deep.add(module)
            yield Need(module, f"imported ({wanted.module or '.'})", path, strength)
    if not in_library and view.own(path) and strength == NEEDED:
        yield from _run(view, path, found)


def _is_whole(view: View, pythons: Pythons, path: bytes) -> bool:
    """True for a module of a package, or of a library, that stays whole anyway."""
    return view.owner(path) in view.whole_packages or any(path.startswith(home + b"/") for home in pythons.whole)


def _together(library: bytes, path: bytes, other: bytes) -> bool:
    """True for two modules of one package of the standard library."""
    start = len(library) + 1
    top = path[start:].partition(b"/")
    return bool(top[1]) and other[start:].startswith(top[0] + b"/")


def _ran(view: View, path: bytes) -> bool:
    """True where the trace saw the module loaded, from its source or from its bytecode."""
    return view.touched(path) or any(view.touched(cached) for cached in _bytecode(view, path))


def _bytecode(view: View, path: bytes) -> Iterator[bytes]:
    """The bytecode that lies beside a source, without the optimized variants."""
    directory, _, name = path.rpartition(b"/")
    cache = view.tree.get((directory + b"/" if directory else b"") + b"__pycache__")
    for other, child in (cache.children or {}).items() if cache is not None and name.endswith(b".py") else ():
        if other.startswith(name[:-2]) and other.count(b".") == 2:
            yield child.entry.path


def _is_frozen(library: bytes, module: bytes) -> bool:
    """True for a module that the interpreter itself holds: its file is not looked for (since 3.11)."""
    version = library.rpartition(b"python3.")[2]
    return module[len(library) + 1 :] in _FROZEN and version.isdigit() and int(version) >= 11


def _late(found: Asked, at_once: Asked) -> list[Import]:
    """The imports that only calls lead to: of a module that ran, the trace has shown the others."""
    shown = set(at_once.imports)
    return [wanted for wanted in found.imports if wanted not in shown]


def _hidden_only(view: View, pythons: Pythons, path: bytes, library: bytes) -> Iterator[Need]:
    module_name = _name(path, library)
    for name in HIDDEN.get(module_name, ()):
        if not view.whole and not name.startswith("encodings."):
            continue  # the trace has shown it, or shown that it is not needed
        for module in _resolved(view, pythons.places(), path, Import(name)):
            yield Need(module, f"imported by what is not Python, or late ({name})", path, SPARE)


def _name(path: bytes, library: bytes) -> str:
    """The dotted name of a module of the standard library."""
    name = path[len(library) + 1 :].removesuffix(b".py").removesuffix(b"/__init__").replace(b"/", b".")
    return name.decode("utf-8", "replace")


def _with_hidden(found: Asked, path: bytes, library: bytes | None) -> Iterator[Import]:
    """The imports, and those that nothing in the source shows."""
    yield from found.imports
    if library is not None:
        yield from map(Import, HIDDEN.get(_name(path, library), ()))


def _own_places(view: View, path: bytes) -> Iterator[bytes]:
    """Where modules are found besides: beside the package around the file, the working directory, PYTHONPATH."""
    directory = path.rpartition(b"/")[0]
    while directory + b"/__init__.py" in view.tree.nodes:
        directory = directory.rpartition(b"/")[0]
    yield directory
    yield view.workdir
    for part in view.environment.get("PYTHONPATH", "").split(":"):
        if part:
            yield os.fsencode(part.strip("/"))


def _resolved(view: View, places: list[bytes], path: bytes, wanted: Import) -> Iterator[bytes]:
    """The files that an import loads: each package on the way, the module, and names that are modules themselves."""
    parts = [os.fsencode(part) for part in wanted.module.split(".") if part]
    if wanted.level:
        home = path.rpartition(b"/")[0]
        for _ in range(wanted.level - 1):
            home = home.rpartition(b"/")[0]
        places = [home]
    for place in dict.fromkeys(places):
        found = list(_walk(view, place, parts))
        if not found and not (wanted.level and not parts):
            continue
        yield from found
        package = b"/".join((place, *parts)) if place else b"/".join(parts)
        for name in wanted.names:
            if name != "*":
                yield from _module(view, package, os.fsencode(name))
        return


def _walk(view: View, place: bytes, parts: list[bytes]) -> Iterator[bytes]:
    for number, part in enumerate(parts):
        found = list(_module(view, place, part))
        yield from found
        place = place + b"/" + part if place else part
        node = view.tree.get(place)
        if number < len(parts) - 1 and (node is None or node.children is None):
            return


def _module(view: View, place: bytes, name: bytes) -> Iterator[bytes]:
    """The file of one module in a directory: a package, a source, or a library."""
    directory = view.tree.get(place)
    stem = place + b"/" + name if place else name
    if directory is None or directory.children is None:
        return
    if stem + b"/__init__.py" in view.tree.nodes:
        yield stem + b"/__init__.py"
    elif stem + b".py" in view.tree.nodes:
        yield stem + b".py"
    else:
        start, ends = (name[:-1], (b".py", b".so")) if name.endswith(b"*") else (name + b".", (b".so",))
        for other, child in sorted(directory.children.items()):
            if other.startswith(start) and other.endswith(ends) and child.children is None:
                yield child.entry.path


def _run(view: View, path: bytes, found: Asked) -> Iterator[Need]:
    """The programs that the application's code runs by name."""
    words = list(found.programs)
    for code in found.code:
        words += ["sh", *programs(code.encode("utf-8", "replace"))]
    for word in dict.fromkeys(words):
        program = view.program(word)
        if program is not None:
            yield Need(program, "the code runs it", path)
