"""Reports on slimmed images: one format a module. `Report` is what both are made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jettison.lighten import Lightened
    from jettison.slim import Plan, Proved, Slimmed


@dataclass(frozen=True, slots=True)
class Report:
    """A plan, and, where it was applied, the result. `rewriting` tells of the layers of either.

    `proved` is there where the result was run beside the original. `lost` is what the output could not keep.
    """

    plan: Plan
    rewriting: Lightened
    result: Slimmed | None = None
    proved: Proved | None = None
    lost: tuple[str, ...] = ()

    @property
    def notes(self) -> tuple[str, ...]:
        """All that deserves a word, each thing once."""
        return tuple(dict.fromkeys((*self.plan.notes, *self.rewriting.notes, *self._unstable, *self.lost)))

    @property
    def _unstable(self) -> tuple[str, ...]:
        return self.proved.behaviour.unstable if self.proved is not None else ()
