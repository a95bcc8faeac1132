"""A rehearsal: one way to start an image and put it through its paces, the same for the original and the result."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from jettison.errors import InputError, NotAssessed
from jettison.trace import merge
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
    failed: InputError | None = None
    """How it failed, where it was run to its end and did not succeed."""


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """How the image is run. Without `exercises`, an image that exposes no port is run to its end.

    It is run once for each of `commands`, which take the place of CMD; as it is where there are none. `engine` is None
    for namespaces without an engine; `seconds` is how long it may take to be ready, or to end. The
    rest is as `jettison.trace.running.run` has it.
    """

    exercises: tuple[Exercise, ...] = ()
    engine: Api | None = None
    seconds: float = 60.0
    line: str | None = None
    ports: tuple[int, ...] | None = None
    commands: tuple[tuple[str, ...], ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    user: str | None = None
    read_only: bool = False

    def perform(self, image: Image, *, trial: bool = False) -> Observation:
        """Run `image`, once for each of `commands`. Raises `InputError` where it does not start, ends before it is
        ready, or fails with every command, and `NotAssessed` where it takes too long; on `trial`, all that is an
        outcome, and what was missed is known.
        """
        runs = [self._once(image, command, trial=trial) for command in self.commands or (None,)]
        failures = [one.failed for one in runs if one.failed is not None]
        if not trial and len(failures) == len(runs):
            raise failures[0]
        if len(runs) == 1:
            return runs[0]
        return Observation(
            results=tuple(result for one in runs for result in one.results),
            trace=merge([one.trace for one in runs]),
            said=b"\n".join(one.said for one in runs),
        )

    def _once(self, image: Image, command: tuple[str, ...] | None, *, trial: bool) -> Observation:
        with run(
            image,
            engine=self.engine,
            command=command,
            env=self.environment,
            user=self.user,
            ports=self.ports,
            read_only=self.read_only,
        ) as running:
            ends = not self.exercises and not running.setup.exposed()
            try:
                results = self._put_through(running, ends=ends)
            except (InputError, NotAssessed) as error:
                if not trial:
                    raise
                results = [Result("program", "its start", None, error=error.message)]
        name = shlex.join(command) + ": " if command is not None else ""
        end = Result("program", f"{name}its end", running.code, body=running.output[0], errors=running.output[1])
        if not ends:
            end = Result("program", f"{name}its end when stopped", running.code)
        failed = _failed(running) if ends and running.code else None
        return Observation((*results, end), running.trace, b"\n".join(running.output), failed)

    def _put_through(self, running: Run, *, ends: bool) -> list[Result]:
        if ends:
            running.wait_end(seconds=self.seconds)
            return []
        running.wait(seconds=self.seconds, line=self.line)
        return [*running.perform(self.exercises), *_health(running)]


def _failed(running: Run) -> InputError:
    """What a program that fails touches says nothing about what it needs when it works."""
    said = b"\n".join(running.output).decode("utf-8", "replace").split("\n")
    tail = running.failure or " | ".join(text.strip() for text in said if text.strip())[-500:]
    return InputError(
        f"it ended with status {running.code}" + (f": {tail}" if tail else "; it said nothing"),
        where=running.setup.image.reference,
        hint="give it what it needs to do its work: arguments (--command), variables (--env)",
    )


def _health(running: Run) -> list[Result]:
    """The HEALTHCHECK, run once more by hand: its outcome is compared too."""
    words = running.setup.health()
    if words is None:
        return []
    output = running.execute(words)
    return [Result("health", "HEALTHCHECK", output.status, body=output.stdout, errors=output.stderr)]
