"""Squeezing: the same final tree from fewer bytes. Lossless, and, with paths to be gone, the way to drop them.

Members that the final tree does not show leave their layers; of several versions of a file, also of one that was
copied again for a chmod, the last one stays. Whiteouts and opaque markers stay only where they still hide something
of a layer that is kept as it is. Layers without members vanish. Headers and bodies are copied as they stand.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from jettison.errors import ImageError
from jettison.image.entry import DIRECTORY, HARDLINK, OPAQUE, WHITEOUT, Entry, show
from jettison.image.tree import Tree, is_marker
from jettison.rewrite.layering import whiteout, written
from jettison.rewrite.survivors import survivors

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jettison.image.tree import Node
    from jettison.rewrite.draft import Draft, DraftLayer, Member
    from jettison.rewrite.survivors import Key, Survivors


def squeeze(draft: Draft, gone: frozenset[bytes] = frozenset(), step: str | None = None) -> Draft:
    """The draft without what its final tree does not show, and without the paths in `gone`.

    Directories in `gone` go where nothing is left in them. What stands in base layers stays (`left` tells).
    """
    tree = draft.tree()
    demand_links(draft, tree)
    gone = removable(draft, tree, gone)
    found, gone = _selected(draft, tree, gone)
    below = Tree()
    layers: list[DraftLayer] = []
    for number, layer in enumerate(draft.layers):
        if number < draft.base:
            below.add(number, [member.entry for member in layer.members])
            layers.append(layer)
            continue
        new = layer.having(list(_members(number, layer, found.members, gone, tree, below)))
        if new is not layer and found.resolved:
            new = layer.having(list(_members(number, layer, found.members | found.resolved, gone, tree, below)))
        below.add(number, [member.entry for member in new.members])
        layers.append(new)
    layers = _with_implied(layers, draft, tree, gone, below)
    return draft.having(_without_empty(layers, draft.base), step)


def _selected(draft: Draft, tree: Tree, gone: frozenset[bytes]) -> tuple[Survivors, frozenset[bytes]]:
    """The members that stay, and the paths that really go: links that others need stay, and so do their directories."""
    found = survivors(draft, tree, gone)
    while found.kept & gone:
        staying = set(found.kept)
        for path in found.kept:
            while path := path.rpartition(b"/")[0]:
                staying.add(path)
        gone -= staying
        found = survivors(draft, tree, gone)
    return found, gone


def demand_links(draft: Draft, tree: Tree) -> None:
    """Raises `ImageError` where a hard link leads to a directory or to nothing: no engine unpacks such an image."""
    for path, node in tree.nodes.items():
        if node.entry.kind == HARDLINK and node.content.kind in (HARDLINK, DIRECTORY):
            problem = "nothing" if node.content.kind == HARDLINK else "a directory"
            raise ImageError(
                f"the hard link {show(path)!r} leads to {problem} ({show(node.entry.link)!r})",
                where=f"{draft.image.reference}: layer {node.layer}",
                hint="no engine unpacks this image; it is broken",
            )


def removable(draft: Draft, tree: Tree, gone: frozenset[bytes]) -> frozenset[bytes]:
    """Those of the paths that can go: not in a base layer, no directory in which something stays."""
    if not gone:
        return gone
    base = Tree()
    for number, layer in enumerate(draft.layers[: draft.base]):
        base.add(number, [member.entry for member in layer.members])
    found: set[bytes] = set()
    for path in sorted(gone, key=len, reverse=True):
        node = tree.get(path)
        if node is None or node.layer < draft.base or node is tree.root:
            continue
        if node.children is not None and (path in base.nodes or not _all_in(node, found)):
            continue
        found.add(path)
    return frozenset(found)


def _all_in(directory: Node, paths: set[bytes]) -> bool:
    return all(child.entry.path in paths for child in (directory.children or {}).values())


def _members(
    number: int, layer: DraftLayer, found: dict[Key, Member], gone: frozenset[bytes], tree: Tree, below: Tree
) -> Iterator[Member]:
    """The members of a layer that stay, above what is `below`."""
    dropped = {(tree.nodes[path].layer, tree.nodes[path].number): path for path in gone if path in below.nodes}
    for n, member in enumerate(layer.members):
        entry, key = member.entry, (number, n)
        if is_marker(entry) and key not in found:
            if _hides(entry, below):
                yield member
            continue
        new = found.get(key)
        if key in dropped:
            yield _whiteout(dropped[key], entry.mtime)
        elif (new is None or new.entry.path != entry.path) and _parts(entry, tree, below):
            yield _whiteout(entry.path, entry.mtime)
        if new is not None:
            yield new


def _parts(entry: Entry, tree: Tree, below: Tree) -> bool:
    """True for a hidden member that stood between two directories: without it, they would be one."""
    if entry.kind == DIRECTORY or entry.path not in below.nodes:
        return False
    shown = tree.get(entry.path)
    return below.nodes[entry.path].children is not None and shown is not None and shown.children is not None


def _with_implied(
    layers: list[DraftLayer], draft: Draft, tree: Tree, gone: frozenset[bytes], below: Tree
) -> list[DraftLayer]:
    """The layers, with entries for directories that only a hidden member's path implied, in the last of them."""
    missing = [
        node.entry
        for path, node in sorted(tree.nodes.items())
        if node.layer < 0 and path not in gone and ((found := below.get(path)) is None or found.children is None)
    ]
    if not missing or len(layers) == draft.base:
        return layers
    *others, last = layers
    return [*others, last.having([*last.members, *map(written, missing)])]


def _hides(marker: Entry, below: Tree) -> bool:
    """True where a whiteout or an opaque marker hides something; also for AUFS' own files, which mean nothing here."""
    name = marker.name
    if marker.path.startswith(WHITEOUT + WHITEOUT) and name != OPAQUE:
        return True
    if name == OPAQUE:
        directory = below.get(marker.parent)
        return bool(directory is not None and directory.children)
    target = below.get(marker.whiteout or b"")
    return target is not None and target is not below.root


def _whiteout(path: bytes, mtime: int) -> Member:
    """A whiteout in the place of a member that goes, where a base layer has something at its path."""
    return written(msgspec.structs.replace(whiteout(path), mtime=mtime))


def _without_empty(layers: list[DraftLayer], base: int) -> list[DraftLayer]:
    """The layers that have members, and those of the base; an image needs one at least."""
    return [layer for number, layer in enumerate(layers) if layer.members or number < base] or layers[:1]


def left(draft: Draft, tree: Tree, gone: frozenset[bytes]) -> dict[str, int]:
    """How many of the paths cannot go, by reason."""
    going = removable(draft, tree, gone)
    reasons = {"in base layers": 0, "directories with other files": 0}
    for path in gone - going:
        node = tree.get(path)
        if node is not None:
            reasons["in base layers" if node.layer < draft.base else "directories with other files"] += 1
    return {reason: count for reason, count in reasons.items() if count}
