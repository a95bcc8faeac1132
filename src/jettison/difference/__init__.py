"""What sets two images apart: files, packages, configuration, layers and bytes.

Files are compared as a container sees them: the final trees, links followed to their content. Times are left out, since
every build gives new ones; a directory that no layer describes has no attributes to compare. Packages are compared by
kind and name; a direction (up or down) is given only where the versions' own order is known for certain.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from jettison import packages
from jettison.difference.configuration import Setting, compare_configs
from jettison.difference.files import FileChange, Sort, compare_trees
from jettison.difference.installed import PackageChange, compare_packages
from jettison.finding import Measure
from jettison.image.indexer import Indexer
from jettison.image.probe import ProbeSet
from jettison.image.tree import stack
from jettison.origin import command_of
from jettison.waste.ledger import shipped

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jettison.image.image import Image
    from jettison.image.index import LayerIndex
    from jettison.image.tree import Tree
    from jettison.packages import Package

__all__ = ["Difference", "FileChange", "LayerRow", "PackageChange", "Setting", "Side", "Sort", "compare"]


@dataclass(frozen=True, slots=True)
class LayerRow:
    """One layer of either image; `before` and `after` are its numbers there, both where the images share it.

    `repacked` tells a shared layer whose stored blobs differ: the same tar, compressed otherwise.
    """

    diff_id: str
    command: str
    size: Measure
    before: int | None
    after: int | None
    repacked: bool = False

    @property
    def shared(self) -> bool:
        """True where both images have it."""
        return self.before is not None and self.after is not None


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two images, read. `exact` tells whether compressed bytes were read off blobs, or sampled."""

    image: Image
    indexes: tuple[LayerIndex, ...]
    tree: Tree
    packages: tuple[Package, ...]
    sizes: tuple[Measure, ...]
    exact: bool

    @property
    def size(self) -> Measure:
        """Bytes of all layers."""
        return sum(self.sizes, Measure(0, 0))

    @property
    def files(self) -> int:
        """Visible paths that are no directories."""
        return sum(1 for node in self.tree.nodes.values() if node.children is None)


@dataclass(frozen=True, slots=True)
class Difference:
    """All that sets `after` apart from `before`. `touched` counts files of which only the time differs."""

    before: Side
    after: Side
    files: tuple[FileChange, ...]
    packages: tuple[PackageChange, ...]
    settings: tuple[Setting, ...]
    layers: tuple[LayerRow, ...]
    touched: int

    def __bool__(self) -> bool:
        """True where anything differs that a container could see."""
        return bool(self.files or self.packages or self.settings)

    @property
    def to_pull(self) -> Measure:
        """Bytes of the second image that a machine with the first one lacks."""
        own = [row.size for row in self.layers if row.before is None or row.repacked]
        return sum(own, Measure(0, 0))


def compare(before: Image, after: Image, *, indexer: Indexer | None = None) -> Difference:
    """Read both images and compare them. Raises `ImageError` where the bytes of one are wrong."""
    indexer = indexer or Indexer(ProbeSet(packages.probes()))
    one, other = read(before, indexer), read(after, indexer)
    files, touched = compare_trees(one.tree, other.tree)
    return Difference(
        before=one,
        after=other,
        files=tuple(files),
        packages=tuple(compare_packages(one.packages, other.packages)),
        settings=tuple(compare_configs(before.config, after.config)),
        layers=tuple(_layers(one, other)),
        touched=touched,
    )


def read(image: Image, indexer: Indexer) -> Side:
    """All that a comparison needs of an image."""
    indexes = indexer.image(image)
    weights = indexer.weigh(image, indexes)
    tree = stack(indexes)
    return Side(
        image=image,
        indexes=tuple(indexes),
        tree=tree,
        packages=packages.inventory(tree, indexes).packages,
        sizes=tuple(Measure(shipped(i.entries), w.total) for i, w in zip(indexes, weights, strict=True)),
        exact=all(weight.exact for weight in weights),
    )


def _layers(one: Side, other: Side) -> Iterator[LayerRow]:
    """The layers of both, those of the first image first; a shared one once, with its size in the second image."""
    places: dict[str, list[int]] = {}
    for number, layer in enumerate(other.image.layers):
        places.setdefault(layer.diff_id, []).append(number)
    shared: set[int] = set()
    for number, layer in enumerate(one.image.layers):
        if not places.get(layer.diff_id):
            yield LayerRow(layer.diff_id, _command(one, number), one.sizes[number], number, None)
            continue
        twin = places[layer.diff_id].pop(0)
        shared.add(twin)
        blobs = {layer.digest, other.image.layers[twin].digest}
        repacked = len(blobs) == 2 and None not in blobs
        yield LayerRow(layer.diff_id, _command(one, number), other.sizes[twin], number, twin, repacked)
    for number, layer in enumerate(other.image.layers):
        if number not in shared:
            yield LayerRow(layer.diff_id, _command(other, number), other.sizes[number], None, number)


def _command(side: Side, number: int) -> str:
    steps = [step for step, layer in side.image.steps() if layer is not None]
    return command_of(steps[number]) if number < len(steps) else ""
