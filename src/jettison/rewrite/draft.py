"""Drafts: images on their way to lighter ones, as members that are ranges of old layers' bytes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

from jettison.image.tree import Tree
from jettison.rewrite.rope import Piece, Range

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from jettison.image.entry import Entry
    from jettison.image.image import Image
    from jettison.image.index import LayerIndex


class Member(NamedTuple):
    """One member of a layer to be: its entry as it will be read, and where its bytes come from.

    `pieces` is None where it is a member of the image's layer `source` as it stands there: the bytes from
    `entry.start` to `entry.end`, extended headers included.
    """

    entry: Entry
    source: int
    pieces: tuple[Piece, ...] | None = None

    def rope(self) -> tuple[Piece, ...]:
        """The member's bytes: headers, body and padding."""
        if self.pieces is not None:
            return self.pieces
        return (Range(self.source, self.entry.start, self.entry.end),)


@dataclass(frozen=True, slots=True)
class DraftLayer:
    """One layer to be. `origin` is the number of the image's layer whose place it has, None for a new one.

    `untouched` says that it is that layer, byte for byte.
    """

    members: tuple[Member, ...]
    origin: int | None = None
    untouched: bool = False

    def having(self, members: Sequence[Member]) -> DraftLayer:
        """This layer with other members; itself where they are the same."""
        new = tuple(members)
        return self if new == self.members else DraftLayer(new, self.origin)

    @property
    def raw(self) -> int:
        """The bytes that its members have in the tar, as far as they are known before writing."""
        return sum(sum(len(piece) for piece in member.rope()) for member in self.members)


@dataclass(frozen=True, slots=True)
class Draft:
    """An image on its way. `image` and `indexes` are what it is made of, `layers` what it will be.

    The first `base` layers are shared with other images and stay as they are. `steps` are sentences for the history.
    """

    image: Image
    indexes: tuple[LayerIndex, ...]
    layers: tuple[DraftLayer, ...]
    base: int = 0
    steps: tuple[str, ...] = ()

    @classmethod
    def of(cls, image: Image, indexes: Sequence[LayerIndex], *, base: int = 0) -> Draft:
        """The draft that changes nothing."""
        layers = tuple(
            DraftLayer(tuple(Member(entry, number) for entry in index.entries), number, untouched=True)
            for number, index in enumerate(indexes)
        )
        return cls(image, tuple(indexes), layers, min(base, len(layers)))

    @property
    def unchanged(self) -> bool:
        """True when it is the image, byte for byte."""
        return len(self.layers) == len(self.indexes) and all(layer.untouched for layer in self.layers)

    def tree(self) -> Tree:
        """The tree of the layers to be; nodes' `layer` and `number` count in this draft."""
        tree = Tree()
        for number, layer in enumerate(self.layers):
            tree.add(number, [member.entry for member in layer.members])
        return tree

    def having(self, layers: Sequence[DraftLayer], step: str | None = None) -> Draft:
        """This draft with other layers, and one more sentence for the history where they differ."""
        new = tuple(layers)
        if new == self.layers:
            return self
        return replace(self, layers=new, steps=(*self.steps, step) if step else self.steps)

    def member(self, layer: int, number: int) -> Member:
        """The member that a node of `tree` stands for."""
        return self.layers[layer].members[number]

    def above_base(self) -> Iterator[tuple[int, DraftLayer]]:
        """The layers that may be changed, with their numbers."""
        return ((number, layer) for number, layer in enumerate(self.layers) if number >= self.base)


def shared_layers(image: Image, other: Image) -> int:
    """How many layers both images have in common, from the base up."""
    shared = 0
    for mine, theirs in zip(image.layers, other.layers, strict=False):
        if mine.diff_id != theirs.diff_id:
            break
        shared += 1
    return shared
