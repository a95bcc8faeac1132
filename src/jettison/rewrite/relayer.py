"""Other layers for the same tree: one, or several of about the same weight, above the base.

Engines download several layers at once but unpack them one by one, each when it is there and those below it are done;
one large last layer, which most images have, is the slowest shape on a slow network. A member weighs its bytes plus
what its creation costs (71 µs at 158 MB/s, measured with dockerd: some 11 kB). Hard links go with their targets.
"""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

from jettison.image.entry import DIRECTORY, HARDLINK
from jettison.image.stream import BLOCK_SIZE
from jettison.image.tree import Tree
from jettison.rewrite.draft import DraftLayer, Member
from jettison.rewrite.layering import directories, whiteouts
from jettison.rewrite.survivors import survivors

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jettison.rewrite.draft import Draft

ENTRY_COST = 11_000
"""What creating a file costs, in bytes that could be unpacked meanwhile."""


def relayer(draft: Draft, count: int, step: str | None = None) -> Draft:
    """The draft with its layers above the base made `count` new ones; fewer where there is not enough to share out."""
    tree = draft.tree()
    above = [key for key in sorted(survivors(draft, tree, forced=True).members.items()) if key[0][0] >= draft.base]
    members = [member for _, member in above if member.entry.kind != DIRECTORY]
    explicit = {member.entry.path for _, member in above if member.entry.kind == DIRECTORY}
    below = Tree()
    for number, layer in enumerate(draft.layers[: draft.base]):
        below.add(number, [member.entry for member in layer.members])
    explicit |= {path for path, node in below.nodes.items() if node.layer >= 0 and _is_implied(tree, path)}
    removing = whiteouts(below, tree)
    layers = list(draft.layers[: draft.base])
    needed: set[bytes] = set()
    for number, share in enumerate(_shares(members, count) or [[]]):
        paths = [member.entry.path for member in share]
        if number == 0:
            share = [*removing, *share]
            paths += [member.entry.path for member in removing]
        parents = directories(paths, tree, stated=explicit)
        needed.update(member.entry.path for member in parents)
        layers.append(DraftLayer((*parents, *share)))
    lone = directories(explicit - needed, tree, besides=explicit - needed, stated=explicit)
    there = {member.entry.path for member in layers[draft.base].members}
    lone = [member for member in lone if member.entry.path not in there]
    layers[draft.base] = DraftLayer(_directories_first((*layers[draft.base].members, *lone)))
    if not layers[draft.base].members:
        del layers[draft.base]
    return draft.having(layers, step)


def _is_implied(tree: Tree, path: bytes) -> bool:
    """True for a directory that no layer has an entry for: one below that has must not lend it its attributes."""
    node = tree.get(path)
    return node is not None and node.layer < 0 and node.parent is not None


def _directories_first(members: Sequence[Member]) -> tuple[Member, ...]:
    """The members with directories first, by path."""
    first = sorted(
        (member for member in members if member.entry.kind == DIRECTORY), key=lambda member: member.entry.path
    )
    return (*first, *(member for member in members if member.entry.kind != DIRECTORY))


def _shares(members: Sequence[Member], count: int) -> list[list[Member]]:
    """The members in `count` shares of about the same weight, in their order; links go where their targets are."""
    weights = [_weight(member) for member in members]
    total = sum(weights) or 1
    shares: list[int] = []
    place: dict[bytes, int] = {}
    behind = 0
    for member, weight in zip(members, weights, strict=True):
        share = min(count - 1, (2 * behind + weight) * count // (2 * total))
        behind += weight
        if member.entry.kind == HARDLINK:
            share = place.get(member.entry.link, share)
        place[member.entry.path] = share
        shares.append(share)
    ordered = sorted(zip(shares, range(len(members)), strict=True))
    return [[members[number] for _, number in group] for _, group in groupby(ordered, key=lambda pair: pair[0])]


def _weight(member: Member) -> int:
    """The bytes of content that unpacking writes (holes of sparse files are none), and the cost of the entry.

    Links weigh nothing, since they stand where their targets do. What is stored of a sparse file is counted in steps,
    so that headers do not matter: other names must not lead to other layers.
    """
    if member.entry.kind == HARDLINK:
        return 0
    stored = sum(len(piece) for piece in member.rope())
    if stored < member.entry.size + BLOCK_SIZE:
        return round(stored, -5) + ENTRY_COST
    return member.entry.size + ENTRY_COST
