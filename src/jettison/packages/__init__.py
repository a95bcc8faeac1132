"""What is installed in an image, and who owns which file. One file a package manager, found by its folder.

A manager's module offers `PROBES`, what it wants to keep of which files while a layer is indexed, and
`packages(reader)`, which makes packages of what was kept. Nothing here reads a layer.
"""

from __future__ import annotations

import importlib
import pkgutil
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Protocol, cast

from jettison.packages import elf
from jettison.packages.development import is_dev_tool
from jettison.packages.package import SYSTEM, InstalledBy, Kind, Package
from jettison.packages.reader import Reader

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from jettison.image.index import LayerIndex
    from jettison.image.probe import Probe
    from jettison.image.tree import Node, Tree

__all__ = ["InstalledBy", "Inventory", "Kind", "Package", "dev_tools", "inventory", "probes"]


class Manager(Protocol):
    """What a package manager's module offers."""

    PROBES: tuple[Probe, ...]

    def packages(self, reader: Reader) -> Iterable[Package]:
        """The packages that are visible in the image."""


@cache
def _modules() -> tuple[object, ...]:
    names = sorted(module.name for module in pkgutil.iter_modules(__path__))
    return tuple(importlib.import_module(f"{__name__}.{name}") for name in names)


def managers() -> tuple[Manager, ...]:
    """The modules of this folder that know a package manager, by name."""
    return tuple(cast("Manager", module) for module in _modules() if hasattr(module, "packages"))


def probes() -> tuple[Probe, ...]:
    """All that this room wants to be kept of files while their layer streams by."""
    return tuple(probe for module in _modules() for probe in getattr(module, "PROBES", ()))


class Inventory:
    """The packages of one image, sorted by kind and name, and the owner of each file.

    `notes` says what could not be judged: a database of an unknown form, one that was deleted.
    """

    def __init__(self, reader: Reader, found: Iterable[Package]) -> None:
        self._reader = reader
        packages = sorted(found, key=lambda p: (p.kind, p.name, p.version, p.arch, p.evidence))
        self._system: dict[bytes, Package] = {}
        self._owners: dict[bytes, Package] = {}
        for package in packages:
            if package.kind in SYSTEM:
                self._system.update(dict.fromkeys(package.files, package))
        packages = [self._settled(package) for package in packages]
        for package in packages:
            if package.kind not in SYSTEM:
                self._owners.update(dict.fromkeys(package.files, package))
        self._owners.update(self._system)
        self.packages: tuple[Package, ...] = tuple(packages)
        self.notes: tuple[str, ...] = tuple(reader.notes)

    def _settled(self, package: Package) -> Package:
        """A language's package with what only the whole inventory knows: who brought it."""
        if package.kind in SYSTEM:
            return package
        owner = self._system.get(package.evidence)
        if owner is not None:
            return replace(package, owned_by=owner.name, installed_by=owner.installed_by)
        if 0 <= package.first_layer < self._reader.base_layers:
            return replace(package, installed_by="base")
        return package

    def owner(self, path: bytes) -> Package | None:
        """The package that owns the file at `path`, a system package before a language's; None where nobody does.

        Both spellings of a merged /usr are understood. Directories have no owner.
        """
        owner = self._owners.get(path)
        if owner is None and path not in self._reader.tree.nodes:
            located = self._reader.locate(path)
            owner = self._owners.get(located) if located is not None else None
        return owner

    def elf_of(self, node: Node) -> elf.Elf | None:
        """What the ELF file at `node` says of itself; None for other files and those over the probe's limit."""
        fact = self._reader.fact(node, "elf")
        return elf.decode(fact) if fact is not None else None


def inventory(tree: Tree, indexes: Sequence[LayerIndex], base_layers: int = 1) -> Inventory:
    """The packages of the image whose layers `indexes` describe (made with `probes()`) and `tree` stacks.

    What stands in the first `base_layers` layers counts as the base image's.
    """
    reader = Reader(tree, indexes, base_layers)
    return Inventory(reader, [package for manager in managers() for package in manager.packages(reader)])


def dev_tools(inventory: Inventory) -> tuple[Package, ...]:
    """The system packages that exist to build software with: compilers, headers, build systems."""
    return tuple(package for package in inventory.packages if is_dev_tool(package))
