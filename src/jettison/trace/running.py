"""Running an image traced: it is started, used by whoever asked, stopped, and what it touched is read.

    with run(image, engine=api) as running:
        running.wait()
        results = running.perform([Http(["/", "/health"])])
    running.trace

Whatever happens inside the block, the container (or the namespaces), its volume and its files are gone after it.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from jettison.errors import InputError, JettisonError
from jettison.trace import log as logs
from jettison.trace import readiness
from jettison.trace.setup import Setup
from jettison.trace.trace import Trace

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from jettison.engines.api import Api
    from jettison.engines.containers import Output
    from jettison.image.image import Image
    from jettison.trace.exercise import Exercise, Result
    from jettison.trace.target import Status, Target

STOP_SECONDS = 10
BEAT_SECONDS = 5.0
"""How long before the run's end the sensor may have been alive for the last time; it beats ten times a second."""


class Run:
    """One run: live inside the block, then what is left of it."""

    def __init__(self, setup: Setup, target: Target, notes: Sequence[str] = ()) -> None:
        self.setup = setup
        self.target = target
        self._notes = list(notes)
        self._sources: list[str] = []
        self._trace: Trace | None = None
        self._end: Status | None = None
        self._said: tuple[bytes, bytes] = (b"", b"")
        self._failure: str | None = None

    @property
    def trace(self) -> Trace:
        """What was touched. Raises `InputError` before the run has ended, or where the program never started."""
        if self._trace is None:
            raise InputError("the run has not ended", where=self.setup.image.reference)
        return self._trace

    @property
    def code(self) -> int | None:
        """The exit status, once it has ended; 128 and a signal's number where a signal ended it."""
        return self._end.code if self._end is not None else None

    @property
    def output(self) -> tuple[bytes, bytes]:
        """What it said on stdout and stderr: so far, or, once it has ended, all."""
        return self._said if self._trace is not None else self.target.output()

    @property
    def failure(self) -> str | None:
        """Why the program did not start, once the run has ended; None where it did."""
        return self._failure

    def wait(self, *, seconds: float = 60.0, line: str | None = None, ports: Sequence[int] | None = None) -> None:
        """Watch until it is ready. Raises as `readiness.wait` does."""
        readiness.wait(self, seconds=seconds, line=line, ports=ports)

    def wait_end(self, *, seconds: float = 600.0) -> int:
        """Watch until it has ended by itself; the exit status. Raises `NotAssessed` where it goes on."""
        return readiness.wait_end(self, seconds=seconds)

    def perform(self, exercises: Iterable[Exercise]) -> list[Result]:
        """Put it through its paces, in order; what came of it. Raises `InputError` where an exercise cannot be read."""
        results: list[Result] = []
        for exercise in exercises:
            self._sources.append(exercise.source)
            results += exercise.run(self)
        return results

    def execute(self, command: Sequence[str]) -> Output:
        """Run a command inside, traced, and wait for its end."""
        return self.target.execute(command)

    def events(self) -> int:
        """How many system calls the sensor has seen so far."""
        return logs.parse(self.target.log()).events

    def finish(self, stop_seconds: int = STOP_SECONDS) -> None:
        """End it and read what it touched. Raises `InputError`."""
        stopped = self.target.status().running
        if stopped:
            self.target.stop(stop_seconds)
        self._end = self.target.status()
        self._said = self.target.output()
        log = logs.parse(self.target.log(), where=self.setup.image.reference)
        self._failure = log.failure
        self._trace = self._read(log, self._end)

    def _read(self, log: logs.Log, end: Status) -> Trace:
        notes = [*self._notes, *log.notes]
        lived = log.started > 0 and end.ended is not None and end.ended - log.beat < BEAT_SECONDS
        if log.failure:
            notes.append(f"the program did not start: {log.failure}")
        elif not lived:
            notes.append("the sensor was not alive to the end: what happened after it is not known")
        if log.full:
            notes.append(f"{log.full:,} events could not be kept: the log's disk or the memory is full")
        if log.lost:
            notes.append(f"{log.lost:,} events were lost")
        return Trace(
            paths=log.paths,
            missing=log.missing,
            executed=log.executed,
            lost=log.lost,
            complete=lived and not log.lost and not log.failure,
            notes=tuple(dict.fromkeys(notes)),
            architecture=self.setup.image.config.architecture,
            image=str(self.setup.image.id),
            command=tuple(self.setup.arguments()),
            sources=tuple(dict.fromkeys(self._sources)),
        )


@contextmanager
def run(
    image: Image,
    *,
    engine: Api | None = None,
    command: Sequence[str] | None = None,
    entrypoint: Sequence[str] | None = None,
    env: Mapping[str, str] | None = None,
    user: str | None = None,
    ports: Sequence[int] | None = None,
    network: str | None = None,
    read_only: bool = False,
    tmpfs: Sequence[str] = (),
    setuid: bool = False,
    stop_seconds: int = STOP_SECONDS,
) -> Iterator[Run]:
    """Run `image` traced for the length of the block, in the engine behind `engine`, or in namespaces without one.

    See `Setup` for the rest. Raises `InputError` where it cannot be started, `NotAssessed` where runs of its
    architecture cannot be traced. An error inside the block ends the run and leaves no trace.
    """
    setup = Setup(
        image=image,
        command=tuple(command) if command is not None else None,
        entrypoint=tuple(entrypoint) if entrypoint is not None else None,
        environment=dict(env or {}),
        user=user,
        ports=tuple(ports) if ports is not None else None,
        network=network,
        read_only=read_only,
        tmpfs=tuple(tmpfs),
        setuid=setuid,
    )
    target, notes = _start(setup, engine)
    running = Run(setup, target, notes)
    try:
        yield running
        running.finish(stop_seconds)
    except BaseException as error:
        try:
            target.close()
        except JettisonError:  # the first error is the one to tell
            if isinstance(error, JettisonError):
                left = "what it ran in could not be removed; the next traced run does that, once the engine answers"
                error.hint = f"{error.hint}; {left}" if error.hint else left
        raise
    target.close()


def _start(setup: Setup, engine: Api | None) -> tuple[Target, list[str]]:
    if engine is not None:
        from jettison.trace.contained import Contained

        contained = Contained(engine, setup).start()
        return contained, contained.notes
    from jettison.trace.spaced import Spaced

    spaced = Spaced(setup).start()
    return spaced, spaced.notes
