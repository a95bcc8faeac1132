"""A rehearsal: one way to start an image and put it through its paces, the same for the original and the result."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from jettison.trace.exercise import Result
from jettison.trace.running import run

if TYPE_CHECKING:
    from collections.abc import Mapping

    from jettison.engines.api import Api
    from jettison.image.image import Image
    from jettison.trace import Trace
    from jettison.trace.exercise import Exercise
    from jettison.trace.running import Run


@dataclass(frozen=True, slots=True)
class Observation:
    """What one run did: the outcome of each exercise, and, at the end, of the program itself; what it touched."""

    results: tuple[Result, ...]
    trace: Trace
    said: bytes
    """Its output, for the search for errors; not compared."""


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """How the image is run. Without `exercises`, an image that exposes no port is run to its end.

    `engine` is None for namespaces without an engine; `seconds` is how long it may take to be ready, or to end. The
    rest is as `jettison.trace.running.run` has it.
    """

    exercises: tuple[Exercise, ...] = ()
    engine: Api | None = None
    seconds: float = 60.0
    line: str | None = None
    ports: tuple[int, ...] | None = None
    command: tuple[str, ...] | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    user: str | None = None
    read_only: bool = False

    def perform(self, image: Image) -> Observation:
        """One run of `image`. Raises `InputError` where it does not start, `NotAssessed` where it takes too long."""
        with run(
            image,
            engine=self.engine,
            command=self.command,
            env=self.environment,
            user=self.user,
            ports=self.ports,
            read_only=self.read_only,
        ) as running:
            ends = not self.exercises and not running.setup.exposed()
            if ends:
                running.wait_end(seconds=self.seconds)
                results = []
            else:
                running.wait(seconds=self.seconds, line=self.line)
                results = running.perform(self.exercises)
                results += _health(running)
        end = Result("program", "its end", running.code, body=running.output[0], errors=running.output[1])
        if not ends:
            end = Result("program", "its end when stopped", running.code)
        return Observation((*results, end), running.trace, b"\n".join(running.output))


def _health(running: Run) -> list[Result]:
    """The HEALTHCHECK, run once more by hand: its outcome is compared too."""
    words = running.setup.health()
    if words is None:
        return []
    output = running.execute(words)
    return [Result("health", "HEALTHCHECK", output.status, body=output.stdout, errors=output.stderr)]
