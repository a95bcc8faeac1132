"""What the closure sees: the image, its packages, the trace, and what is kept so far."""

from __future__ import annotations

import os
import posixpath
from typing import TYPE_CHECKING, Literal, TypeVar, cast

from jettison.image.entry import FILE
from jettison.origin import command_of
from jettison.rewrite.contents import each_file, read_files
from jettison.rewrite.draft import Draft
from jettison.slim.kept import Kept

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Sequence

    from jettison.image.image import Image
    from jettison.image.index import LayerIndex
    from jettison.image.tree import Node, Tree
    from jettison.packages import Inventory, Package
    from jettison.packages.elf import Elf
    from jettison.trace import Trace

T = TypeVar("T")
Level = Literal["package", "file"]
LEVELS: tuple[Level, ...] = ("package", "file")

DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
"""What engines set where the configuration does not."""

LANGUAGES = frozenset({"pypi", "npm", "gem", "composer"})
"""Kinds of packages that own many files of a program's own language."""
SYSTEM = frozenset({"deb", "apk", "rpm", "conda"})

USES = frozenset({"exec", "read"})
"""Accesses that use a file's content. All others only show that somebody looked."""

_MAX_TEXT = 4 << 20


class View:
    """One image being slimmed. `base` is the number of layers at the bottom that are the base image's."""

    def __init__(
        self,
        image: Image,
        indexes: Sequence[LayerIndex],
        tree: Tree,
        inventory: Inventory,
        trace: Trace,
        *,
        level: Level = "package",
        base: int = 1,
        barred: Collection[bytes] = (),
    ) -> None:
        self.image = image
        self.tree = tree
        self.inventory = inventory
        self.trace = trace
        self.level = level
        self.base = base
        self.draft = Draft.of(image, indexes)
        self.kept = Kept(tree, barred)
        self.container = image.config.container
        self.environment = dict(item.partition("=")[::2] for item in self.container.env or ())
        self.workdir = os.fsencode((self.container.working_dir or "/").strip("/"))
        self.copied = frozenset(_copied(image, base))
        self.whole_packages: set[Package] = set()
        self._touched = _used(trace, tree)
        self._contents: dict[bytes, bytes] = {}
        self._memory: dict[str, object] = {}

    @property
    def whole(self) -> bool:
        """True where what is touched stays whole: at the level of packages."""
        return self.level == "package"

    def owner(self, path: bytes) -> Package | None:
        """The package that keeps many files in order and owns this one; None for a program's own files."""
        package = self.inventory.owner(path)
        return package if package is not None and package.kind in SYSTEM | LANGUAGES else None

    def own(self, path: bytes) -> bool:
        """True for a file that no package manager owns."""
        return self.owner(path) is None

    def touched(self, path: bytes) -> bool:
        """True where the trace itself used the file, under any name, and not only something that is kept."""
        return path in self._touched

    def elf(self, node: Node) -> Elf | None:
        """What an ELF file says of itself; None for any other."""
        return self.inventory.elf_of(node)

    def read(self, paths: Iterable[bytes], *, limit: int = _MAX_TEXT) -> dict[bytes, bytes]:
        """The contents of those files that are there and no larger; remembered, so that no layer is read too often."""
        wanted = list(paths)
        missing = [path for path in wanted if path not in self._contents and self.tree.get(path) is not None]
        if missing:
            self._contents.update(read_files(self.draft, self.tree, missing, limit=limit))
        return {path: self._contents[path] for path in wanted if path in self._contents}

    def read_once(self, paths: Iterable[bytes], *, limit: int) -> Iterator[tuple[bytes, bytes]]:
        """The same, one after the other, for large files that nobody will want again."""
        nodes = {path: node for path in paths if (node := self.tree.get(path)) is not None}
        return each_file(self.draft, nodes, limit=limit)

    def memo(self, name: str, make: Callable[[View], T]) -> T:
        """What `make` finds out about the image, found out once."""
        if name not in self._memory:
            self._memory[name] = make(self)
        return cast("T", self._memory[name])

    def file(self, path: bytes) -> Node | None:
        """The regular file that a path leads to, links followed."""
        node = self.tree.resolve(path)
        return node if node is not None and node.content.kind == FILE else None

    def directory(self, path: bytes) -> Node | None:
        """The directory that a path leads to, links followed."""
        node = self.tree.resolve(path)
        return node if node is not None and node.children is not None else None

    def program(self, name: str) -> bytes | None:
        """The path of the executable that `name` means: on PATH, or, with a slash, from the working directory."""
        if "/" in name:
            places = [posixpath.join("/" + os.fsdecode(self.workdir), name)]
        else:
            places = [f"{place}/{name}" for place in self.environment.get("PATH", DEFAULT_PATH).split(":")]
        paths = (os.fsencode(posixpath.normpath("/" + place)).lstrip(b"/") for place in places)
        return next(filter(self._executable, paths), None)

    def _executable(self, path: bytes) -> bool:
        node = self.file(path)
        return node is not None and bool(node.content.mode & 0o111)

    def kept_named(self, *starts: bytes) -> bytes | None:
        """A kept path whose last component starts with one of these, if there is one."""
        return next((path for path in self.kept.reasons if path.rpartition(b"/")[2].startswith(starts)), None)


def _used(trace: Trace, tree: Tree) -> frozenset[bytes]:
    """The files whose content the traced run used."""
    names = [name for name, accesses in trace.paths.items() if USES & set(accesses)]
    for ran in trace.executed:
        names += [ran.path, *ran.interpreters]
    found = (tree.resolve(os.fsencode(name)) for name in names)
    return frozenset(node.entry.path for node in found if node is not None and node.children is None)


def below(node: Node) -> Iterator[Node]:
    """All that is below a directory, or the node itself, directories left out."""
    return (child for child in node.walk() if child.children is None)


def _copied(image: Image, base: int) -> Iterator[int]:
    """The numbers of the layers above the base that a COPY or ADD made."""
    number = 0
    for step, layer in image.steps():
        if layer is None:
            continue
        if number >= base and command_of(step).startswith(("COPY ", "ADD ")):
            yield number
        number += 1
