"""The plan: what of an image stays for what a trace shows, why, and what its package databases will say."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from jettison.analysis import probes
from jettison.dropping import Dropping, matching
from jettison.errors import UsageError
from jettison.image.indexer import Indexer
from jettison.image.tree import stack
from jettison.packages import inventory
from jettison.rewrite.databases import follow
from jettison.slim.closure import close
from jettison.slim.figures import Figures, figures
from jettison.slim.roots import roots
from jettison.slim.view import LEVELS, Level, View

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from jettison.image.image import Image
    from jettison.image.index import LayerIndex
    from jettison.image.tree import Tree
    from jettison.packages import Inventory, Package
    from jettison.slim.kept import Kept
    from jettison.trace import Trace


@dataclass(frozen=True, slots=True)
class Plan:
    """What stays and what goes, before anything is written.

    `kept` has the reason of every path that stays for one, `barred` the paths that `--drop` took out; directories stay
    with what is in them. `packages` are those of which something stays, `gone_packages` those that lose their record.
    `before` and `after` are figures of the visible tree. `notes` say what deserves a word.
    """

    image: Image
    indexes: tuple[LayerIndex, ...]
    tree: Tree
    inventory: Inventory
    trace: Trace
    level: Level
    kept: Kept
    barred: frozenset[bytes]
    dropping: Dropping
    packages: tuple[Package, ...]
    gone_packages: tuple[Package, ...]
    before: Figures
    after: Figures
    notes: tuple[str, ...] = field(default=())

    @property
    def gone(self) -> frozenset[bytes]:
        """The paths that go."""
        return self.dropping.gone

    def explain(self, path: str) -> str:
        """Why a path stays or goes, a line a reason. Raises `NotFound` where the image has no such path."""
        from jettison.slim.explain import explain

        return explain(self, path)


def plan(
    image: Image,
    trace: Trace,
    *,
    level: Level = "package",
    keep: Sequence[str] = (),
    drop: Sequence[str] = (),
    indexer: Indexer | None = None,
    base: int | None = None,
    missed: Collection[bytes] = (),
) -> Plan:
    """What of `image` stays for what `trace` shows.

    `level` is how much stays of what was touched: whole packages, or files. `keep` and `drop` are globs of paths, with
    all below them; what both match stays. `base` is the number of layers at the bottom that are the base image's, where
    that is known, `missed` are paths that an earlier result was seen to miss. Raises `UsageError`, `NotFound` for a
    glob that matches nothing, `ImageError` for a broken image.
    """
    if level not in LEVELS:
        raise UsageError(f"there is no level {level!r}", hint=f"levels are {', '.join(LEVELS)}")
    _demand_trace(image, trace)
    indexer = indexer or Indexer(probes())
    indexes = indexer.image(image)
    tree = stack(indexes)
    found = inventory(tree, indexes, base_layers=base if base is not None else 1)
    asked = _paths(tree, keep)
    barred = _paths(tree, drop) - asked
    view = View(image, indexes, tree, found, trace, level=level, base=_base(image, base), barred=barred)
    close(view, roots(view, asked, missed))
    gone = leaving(tree, view.kept)
    lost = [package for package in found.packages if not _stays(package, view.kept)]
    followed = follow(view.draft, tree, found, gone, lost)
    staying = tuple(package for package in found.packages if package not in set(lost))
    dropping = Dropping(frozenset(followed.gone), followed.edits, notes=followed.notes, step=f"slimmed by {level}")
    sizes = {path: len(content) for path, content in followed.edits.items()}
    return Plan(
        image=image,
        indexes=tuple(indexes),
        tree=tree,
        inventory=found,
        trace=trace,
        level=level,
        kept=view.kept,
        barred=barred,
        dropping=dropping,
        packages=staying,
        gone_packages=tuple(lost),
        before=figures(tree, found.packages),
        after=figures(tree, staying, gone=dropping.gone, sizes=sizes),
        notes=tuple(_notes(view, found)),
    )


def _demand_trace(image: Image, trace: Trace) -> None:
    """Raises `UsageError` for a trace that saw nothing: its result would be an image of next to nothing."""
    if not trace.paths and not trace.executed:
        raise UsageError(
            "the trace has no paths", where=image.reference, hint="trace a run of the image that does its work"
        )


def _base(image: Image, base: int | None) -> int:
    """How many layers count as the base image's: what is known, else the first; none of a single layer."""
    if base is not None:
        return base
    return 1 if len(image.layers) > 1 else 0


def _paths(tree: Tree, globs: Iterable[str]) -> frozenset[bytes]:
    return frozenset(path for glob in globs for path in matching(tree, glob))


def leaving(tree: Tree, kept: Kept) -> frozenset[bytes]:
    """All paths that nobody keeps: neither the path, nor, of a directory, anything in it."""
    staying = {b""}
    for path in kept.reasons:
        while path not in staying:
            staying.add(path)
            path = path.rpartition(b"/")[0]
    return frozenset(tree.nodes.keys() - staying)


def _stays(package: Package, kept: Kept) -> bool:
    """True where one of the package's files stays, or, of one that owns none, what tells of it."""
    if package.files:
        return any(path in kept for path in package.files)
    return package.evidence in kept and package.kind not in ("deb", "apk", "rpm")


def _notes(view: View, found: Inventory) -> Iterable[str]:
    trace = view.trace
    if not trace.complete:
        yield "the trace is not complete: what it missed is only kept where the closure reaches it"
    if trace.lost:
        yield f"the trace lost {trace.lost:,} events"
    if trace.architecture and trace.architecture != view.image.config.architecture:
        yield f"the trace is of {trace.architecture}, the image of {view.image.config.architecture}"
    if trace.image and trace.image not in _digests(view.image):
        yield f"the trace is of another image ({trace.image})"
    if not view.whole:
        yield "licence texts do not stay at the level of files; --keep 'usr/share/doc/*/copyright' keeps them"
    yield from found.notes


def _digests(image: Image) -> Collection[str]:
    return {str(image.id), str(image.digest), *image.names}
