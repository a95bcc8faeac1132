"""Waiting until the run asks for no more files: start-up, migrations and warm caches are done then."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from jettison.trace.exercise import Result

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jettison.trace.running import Run

_LOOK_SECONDS = 0.2


@dataclass(frozen=True, slots=True)
class UntilIdle:
    """Until the sensor has seen no call for `quiet` seconds, the run has ended, or `seconds` have passed."""

    quiet: float = 2.0
    seconds: float = 120.0

    @property
    def source(self) -> str:
        """For how long it must be quiet."""
        return f"until-idle {self.quiet:g} s"

    def run(self, run: Run) -> Iterator[Result]:
        """One result: its error says so where the run was never idle. Raises `InputError`."""
        began = since = time.monotonic()
        events = run.events()
        while (now := time.monotonic()) - since < self.quiet and run.target.status().running:
            if now - began > self.seconds:
                yield Result("idle", self.source, None, error=f"it was not idle within {self.seconds:g} s")
                return
            time.sleep(_LOOK_SECONDS)
            seen = run.events()
            if seen != events:
                events, since = seen, time.monotonic()
        yield Result("idle", self.source, 0)
