"""Package databases that follow: what they say is installed is what is there.

One module a package manager, found by its folder, with a function `follow(leaving) -> Followed`. A package loses its
record when it is dropped as a package, or when none of its files stay; one that loses some of its files keeps it, and
its list of files, where the manager's form lets it be changed, names those that stay.
"""

from __future__ import annotations

import importlib
import pkgutil
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Protocol, cast

from jettison.packages.reader import Reader
from jettison.rewrite.contents import read_files

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from jettison.image.tree import Tree
    from jettison.packages import Inventory, Package
    from jettison.rewrite.draft import Draft


@dataclass(frozen=True)
class Leaving:
    """What leaves an image: the paths in `gone`, and the packages `named` with all they have."""

    draft: Draft
    tree: Tree
    inventory: Inventory
    gone: frozenset[bytes]
    named: frozenset[Package]

    def packages(self, kind: str) -> list[Package]:
        """The packages of a kind that lose their record."""
        return [package for package in self.inventory.packages if package.kind == kind and self._leaves(package)]

    def touched(self, kind: str) -> list[Package]:
        """The packages of a kind that stay without some of their files."""
        return [
            package
            for package in self.inventory.packages
            if package.kind == kind and not self._leaves(package) and not self.gone.isdisjoint(package.files)
        ]

    def _leaves(self, package: Package) -> bool:
        return package in self.named or (bool(package.files) and self.gone.issuperset(package.files))

    @cached_property
    def _reader(self) -> Reader:
        return Reader(self.tree, self.draft.indexes)

    def is_gone(self, path: bytes) -> bool:
        """True when what a package's list calls `path` leaves; both spellings of a merged /usr are understood."""
        located = self._reader.locate(path)
        return located is not None and located in self.gone

    def resolve(self, path: bytes) -> bytes | None:
        """The path of the file that `path` leads to, links followed; None where there is none."""
        node = self.tree.resolve(path)
        return node.entry.path if node is not None and node.children is None and node.layer >= 0 else None

    def read(self, paths: Iterable[bytes]) -> dict[bytes, bytes]:
        """The contents of those files that are there."""
        return read_files(self.draft, self.tree, [path for path in paths if path not in self.gone], limit=256 << 20)


@dataclass(slots=True)
class Followed:
    """What a database needs: files with other content (`edits`), files that go too, and what could not be done."""

    edits: dict[bytes, bytes] = field(default_factory=dict)
    gone: set[bytes] = field(default_factory=set)
    notes: list[str] = field(default_factory=list)


class Database(Protocol):
    """A module of this folder."""

    def follow(self, leaving: Leaving) -> Followed:
        """What has to change."""


def follow(
    draft: Draft, tree: Tree, inventory: Inventory, gone: Collection[bytes], named: Collection[Package] = ()
) -> Followed:
    """What all databases of the image need, when `gone` and the packages `named` leave it."""
    everything = frozenset(gone).union(*(package.files for package in named))
    leaving = Leaving(draft, tree, inventory, everything, frozenset(named))
    whole = Followed(gone=set(everything))
    for info in sorted(pkgutil.iter_modules(__path__), key=lambda info: info.name):
        database = cast("Database", importlib.import_module(f"{__name__}.{info.name}"))
        one = database.follow(leaving)
        whole.edits |= one.edits
        whole.gone |= one.gone
        whole.notes += one.notes
    for path in whole.gone & whole.edits.keys():
        del whole.edits[path]
    return whole
