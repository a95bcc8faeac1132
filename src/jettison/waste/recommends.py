"""Packages that only a Recommends brought in: apt installs them unless told not to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jettison.waste import Claim, Kind, View

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jettison.image.tree import Node
    from jettison.packages import InstalledBy, Package

RECOMMENDED = Kind(
    "recommended-packages",
    "packages that are only recommended",
    rank=20,
    remedy="install with --no-install-recommends; name those that are needed",
    fix="no-recommends",
    safe=False,
)
KINDS = (RECOMMENDED,)

_RECORDS = b"var/lib/dpkg/info/"


def detect(view: View) -> Iterator[tuple[Kind, Claim]]:
    """All that belongs to such packages."""
    for node, package in belongings(view, "recommends"):
        yield RECOMMENDED, Claim(node.layer, node.number, reason=package.name)


def belongings(view: View, reason: InstalledBy) -> Iterator[tuple[Node, Package]]:
    """All visible files of packages that are there for `reason`, their bytecode, and dpkg's records of them."""
    wanted = {id(package) for package in view.inventory.packages if package.installed_by == reason}
    if not wanted:
        return
    by_name = {package.name: package for package in view.inventory.packages if package.kind == "deb"}
    for path, node in view.tree.nodes.items():
        if node.layer < 0 or node.children is not None:
            continue
        owner = view.inventory.owner(path) or view.inventory.owner(source_of(path)) or _described(path, by_name)
        if owner is not None and id(owner) in wanted:
            yield node, owner


def _described(path: bytes, by_name: dict[str, Package]) -> Package | None:
    """The package that a file of dpkg's own records (`info/NAME[:ARCH].list`, …) tells of."""
    if not path.startswith(_RECORDS):
        return None
    name = path[len(_RECORDS) :].rpartition(b".")[0].partition(b":")[0]
    return by_name.get(name.decode("utf-8", "replace"))


def source_of(path: bytes) -> bytes:
    """The `.py` file that a `__pycache__` file was compiled from; any other path as it is."""
    directory, slash, name = path.rpartition(b"/__pycache__/")
    return directory + b"/" + name.partition(b".")[0] + b".py" if slash else path
