"""Bytes nobody can see: entries that a later layer deletes, overwrites, or copies again for a change of metadata."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jettison.image.entry import DIRECTORY, FILE, HARDLINK
from jettison.waste import Claim, Kind, View

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jettison.image.entry import Entry
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
    """All hidden entries. Content that a visible hard link still shows is not hidden, whatever became of its name."""
    alive = {
        (node.inode.layer, node.inode.number)
        for node in view.tree.nodes.values()
        if node.entry.kind == HARDLINK and node.inode is not node
    }
    links = _Links(view)
    last = _last_names(view, links)
    for hidden in view.tree.hidden:
        key = (hidden.layer, hidden.number)
        if hidden.entry.kind == DIRECTORY or key in alive:
            continue
        if (hidden.by, hidden.by_number) in view.misses:
            continue  # the file that hides it should not be there, and is booked instead
        kind, reason = _kind(view, links, hidden)
        yield kind, Claim(hidden.layer, hidden.number, by=max(hidden.by, last.get(key, hidden.by)), reason=reason)


class _Links:
    """Finds the entry whose content a hard link of a layer shows."""

    def __init__(self, view: View) -> None:
        self._view = view
        self._paths: dict[int, dict[bytes, int]] = {}

    def content(self, layer: int, number: int) -> tuple[int, int] | None:
        """The entry that holds the content of this one, in the same layer or below; None where links lead nowhere."""
        place: tuple[int, int] | None = (layer, number)
        for _ in range(_MOST_LINKS):
            if place is None or self._view.indexes[place[0]].entries[place[1]].kind != HARDLINK:
                return place
            place = self._target(*place)
        return None

    def _target(self, layer: int, number: int) -> tuple[int, int] | None:
        link = self._view.indexes[layer].entries[number].link
        for below in range(layer, -1, -1):
            found = self._number(below, link)
            if found is not None and (below, found) != (layer, number):
                return below, found
        return None

    def _number(self, layer: int, path: bytes) -> int | None:
        paths = self._paths.get(layer)
        if paths is None:
            paths = self._paths[layer] = {e.path: n for n, e in enumerate(self._view.indexes[layer].entries)}
        return paths.get(path)


_MOST_LINKS = 40
"""Links to links that are followed; a tar's writer names the first one, always."""


def _last_names(view: View, links: _Links) -> dict[tuple[int, int], int]:
    """For content with several names, all hidden: the layer that hid the last of them."""
    found: dict[tuple[int, int], int] = {}
    for hidden in view.tree.hidden:
        if hidden.entry.kind == HARDLINK:
            content = links.content(hidden.layer, hidden.number)
            if content is not None:
                found[content] = max(found.get(content, 0), hidden.by)
    return found


def _kind(view: View, links: _Links, hidden: Hidden) -> tuple[Kind, str | None]:
    if hidden.by == hidden.layer:
        return WRITTEN_TWICE, None
    if not hidden.replaced:
        return DELETED, None
    new = view.indexes[hidden.by].entries[hidden.by_number]
    if new.kind == HARDLINK and (content := links.content(hidden.by, hidden.by_number)) is not None:
        new = view.indexes[content[0]].entries[content[1]]
    same = new.kind == FILE == hidden.entry.kind and new.sha256 == hidden.entry.sha256
    return (METADATA_COPY, _change(hidden.entry, new)) if same else (OVERWRITTEN, None)


def _change(old: Entry, new: Entry) -> str:
    """What was done to a file whose content stayed."""
    done = []
    if old.mode != new.mode:
        done.append("chmod")
    if (old.uid, old.gid) != (new.uid, new.gid):
        done.append("chown")
    if (old.xattrs or {}) != (new.xattrs or {}):
        done.append("setfattr")
    if not done and old.mtime != new.mtime:
        done.append("touch")
    return ", ".join(done) or "written again unchanged"
