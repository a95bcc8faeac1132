"""Proved or not written: original and result run, and what the result missed comes back, until nothing does."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from jettison.errors import ImageError
from jettison.image.entry import show
from jettison.slim.apply import Slimmed, apply
from jettison.slim.behaviour import Behaviour, compare
from jettison.slim.misses import misses
from jettison.slim.plan import Plan, plan
from jettison.trace import Trace, merge

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from jettison.image.image import Image
    from jettison.image.indexer import Indexer
    from jettison.lighten import Recipe
    from jettison.rewrite.spool import Spool
    from jettison.slim.rehearsal import Rehearsal
    from jettison.slim.view import Level

ROUNDS = 6
RUNS = 4
"""Runs of the original at most: more than two where the result seems to differ, since a date may hold for a second."""


@dataclass(frozen=True, slots=True)
class Wishes:
    """What `plan` takes besides image and trace."""

    level: Level = "package"
    keep: tuple[str, ...] = ()
    drop: tuple[str, ...] = ()
    base: int | None = None


@dataclass(frozen=True, slots=True)
class Proved:
    """A result that behaves as the original does. `missed` are the paths that came back, round by round."""

    slimmed: Slimmed
    behaviour: Behaviour
    trace: Trace
    missed: tuple[frozenset[bytes], ...] = field(default=())


def prove(
    image: Image,
    rehearsal: Rehearsal,
    spool: Spool,
    *,
    wishes: Wishes | None = None,
    recipe: Recipe | None = None,
    traces: Sequence[Trace] = (),
    indexer: Indexer,
    rounds: int = ROUNDS,
    tell: Callable[[str], None] = lambda _: None,
) -> Proved:
    """Trace, plan, apply, and hold the result against the original. Raises `ImageError` where that fails.

    `traces` of earlier runs count too. Each of at most `rounds` rounds runs a result; what it missed is kept in the
    next one. `tell` is told what is being done.
    """
    wishes = wishes or Wishes()
    tell("running the original, twice")
    originals = [rehearsal.perform(image), rehearsal.perform(image)]
    trace = merge([*(run.trace for run in originals), *traces])
    found: list[frozenset[bytes]] = []
    for number in range(rounds):
        besides = frozenset().union(*found)
        made = plan(
            image,
            trace,
            level=wishes.level,
            keep=wishes.keep,
            drop=wishes.drop,
            base=wishes.base,
            indexer=indexer,
            missed=besides,
        )
        tell(f"round {number + 1}: writing the result")
        slimmed = apply(made, spool, recipe, indexer=indexer)
        tell(f"round {number + 1}: running the result")
        seen = rehearsal.perform(slimmed.image, trial=True)
        missed = misses(made, seen)
        if missed:
            found.append(missed)
            continue
        behaviour = compare(originals, seen)
        while behaviour.unlike and len(originals) < RUNS:
            tell("running the original once more: two runs may agree by chance")
            originals.append(rehearsal.perform(image))
            behaviour = compare(originals, seen)
        if behaviour.holds:
            return Proved(slimmed, behaviour, trace, tuple(found))
        raise _unproved(made, behaviour)
    paths = ", ".join(f"/{show(path)}" for path in sorted(found[-1])[:5]) if found else "nothing"
    raise ImageError(
        f"after {rounds} rounds the result still misses paths ({paths}); nothing was written",
        where=image.reference,
        hint="exercise more of the image, keep more with --keep, or raise --max-rounds",
    )


def _unproved(made: Plan, behaviour: Behaviour) -> ImageError:
    if not behaviour.compared:
        return ImageError(
            "nothing that the image does could be compared; nothing was written", where=made.image.reference
        )
    shown = "; ".join(str(unlike) for unlike in behaviour.unlike[:3])
    return ImageError(
        f"the slimmed image does not do what the original does ({len(behaviour.unlike):,} differences: {shown}); no "
        "missing path explains it, nothing was written",
        where=made.image.reference,
        hint="keep more with --keep, or take --level package",
    )
