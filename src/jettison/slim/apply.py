"""Applying a plan: the image is rewritten layer by layer, and proved before anybody is given it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from jettison.errors import ImageError
from jettison.image.indexer import Indexer
from jettison.image.tree import stack
from jettison.lighten import Lightened, Recipe, lighten
from jettison.slim.invariants import Invariants, invariants

if TYPE_CHECKING:
    from collections.abc import Callable

    from jettison.image.image import Image
    from jettison.rewrite.spool import Spool
    from jettison.slim.plan import Plan


@dataclass(frozen=True, slots=True)
class Slimmed:
    """The result: the image, what was rewritten and compared (`rewriting`), and what holds of its tree."""

    plan: Plan
    rewriting: Lightened
    invariants: Invariants

    @property
    def image(self) -> Image:
        """The slimmed image. Its new layers lie in the spool."""
        return self.rewriting.after or self.plan.image

    @property
    def cargo(self) -> Image | None:
        """What was removed, where it was asked for: an image which shows the original tree."""
        return self.rewriting.cargo


def apply(
    plan: Plan,
    spool: Spool,
    recipe: Recipe | None = None,
    *,
    indexer: Indexer | None = None,
    progress: Callable[[int], None] | None = None,
) -> Slimmed:
    """Write what the plan says into the `spool`. Raises `ImageError` where the result does not hold.

    `recipe` says how layers are packed and whether cargo is kept; `indexer` knows the image.
    """
    recipe = replace(recipe or Recipe(), name="slim")
    reader = Indexer()
    known = indexer or Indexer(cache=reader.cache)
    done = lighten(plan.image, recipe, spool, known, reader, dropping=plan.dropping, progress=progress)
    shown = stack(reader.image(done.after or plan.image))
    found = invariants(plan, shown)
    if not found.holds:
        raise ImageError(
            f"the slimmed image would not run ({len(found.broken):,} things are broken; {found.broken[0]}); "
            "nothing was written",
            where=plan.image.reference,
            hint="keep it with --keep, or take less out with --drop",
        )
    return Slimmed(plan, done, found)
