"""Bytes nobody can see: entries that a later layer deletes, overwrites, or copies again for a change of metadata."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jettison.image.entry import DIRECTORY, FILE, HARDLINK
from jettison.waste import Claim, Kind, View

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jettison.image.tree import Hidden

DELETED = Kind(
    "deleted-later",
    "deleted in a later layer",
    rank=0,
    remedy="delete it in the RUN that makes it, or squeeze the image",
    fix="one-run",
    counts=True,
)
OVERWRITTEN = Kind(
    "overwritten",
    "overwritten by another layer",
    rank=1,
    remedy="write it once, in one RUN, or squeeze the image",
    fix="one-run",
    counts=True,
)
METADATA_COPY = Kind(
    "metadata-copy",
    "copied again by chmod, chown or touch",
    rank=2,
    remedy="set owner and mode where it is made (COPY --chown, --chmod), or squeeze the image",
    fix="one-run",
    counts=True,
)
WRITTEN_TWICE = Kind(
    "written-twice",
    "twice in one layer",
    rank=3,
    remedy="squeeze the image",
    fix="one-run",
    counts=True,
)
KINDS = (DELETED, OVERWRITTEN, METADATA_COPY, WRITTEN_TWICE)


def detect(view: View) -> Iterator[tuple[Kind, Claim]]:
    """All hidden files, unless a visible hard link still shows their content."""
    alive = {
        (node.inode.layer, node.inode.number)
        for node in view.tree.nodes.values()
        if node.entry.kind == HARDLINK and node.inode is not node
    }
    for hidden in view.tree.hidden:
        if hidden.entry.kind == DIRECTORY or (hidden.layer, hidden.number) in alive:
            continue
        if (hidden.by, hidden.by_number) in view.misses:
            continue  # what hides it is the waste
        yield _kind(view, hidden), Claim(hidden.layer, hidden.number, by=hidden.by)


def _kind(view: View, hidden: Hidden) -> Kind:
    if hidden.by == hidden.layer:
        return WRITTEN_TWICE
    if not hidden.replaced:
        return DELETED
    new = view.indexes[hidden.by].entries[hidden.by_number]
    same = new.kind == FILE == hidden.entry.kind and new.sha256 == hidden.entry.sha256
    return METADATA_COPY if same else OVERWRITTEN
