"""Watching until a run is ready, or has ended. Nothing is slept for: a look follows the last by some milliseconds."""

from __future__ import annotations

import re
import socket
import time
from typing import TYPE_CHECKING

from jettison.errors import InputError, NotAssessed, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from jettison.trace.running import Run

LOOK_SECONDS = 0.05
_HOLD_SECONDS = 0.1


def wait(run: Run, *, seconds: float, line: str | None = None, ports: Sequence[int] | None = None) -> None:
    """Return once the run is ready: `line` (a regular expression) is in its output, and all of `ports` accept, or one
    of those that it has where none are named.

    Without either, a HEALTHCHECK that says healthy counts as well as ports that accept, whichever comes first; without
    any of these, it is ready as soon as it runs. Raises `InputError` where it ends before, with the end of its output,
    `NotAssessed` where it is not ready in time, `UsageError` for a port that the run was not set up with.
    """
    pattern = re.compile(line.encode()) if line is not None else None
    places = run.target.ports
    unreached = [port for port in ports or () if port not in places]
    if unreached:
        raise UsageError(f"port {unreached[0]} is not reached from here", where=run.setup.image.reference)
    wanted = [places[port] for port in ports] if ports is not None else list(places.values())
    health = line is None and ports is None and run.setup.health() is not None
    ended = time.monotonic() + seconds
    while True:
        status = run.target.status()
        if not status.running:
            raise InputError(_ending(run, status.code), where=run.setup.image.reference)
        heard = pattern is None or any(pattern.search(stream) for stream in run.target.output())
        if heard and (health and status.health == "healthy"):
            return
        taken = (accepts(place) for place in wanted)
        if heard and ((all(taken) if ports is not None else any(taken)) if wanted else not health):
            return
        if time.monotonic() > ended:
            raise NotAssessed(
                f"it was not ready within {seconds:g} s: {_missing(run, pattern, wanted, health)}",
                where=run.setup.image.reference,
                hint="name the port it listens on, or a line it prints when it is ready, or give it more time",
            )
        time.sleep(LOOK_SECONDS)


def _missing(run: Run, pattern: re.Pattern[bytes] | None, places: list[tuple[str, int]], health: bool) -> str:
    said = [f"nothing accepts at {host}:{port}" for host, port in places if not accepts((host, port))]
    if pattern is not None and not any(pattern.search(stream) for stream in run.target.output()):
        said.append(f"its output has no line that matches {pattern.pattern.decode()!r}")
    if health:
        said.append("its HEALTHCHECK does not say healthy")
    return ", ".join(said)


def _ending(run: Run, code: int | None) -> str:
    """How a run ended, with the end of what it said."""
    said = b"\n".join(run.target.output()).decode("utf-8", "replace").split("\n")
    tail = " | ".join(text.strip() for text in said if text.strip())[-500:]
    return f"it ended with status {code} before it was ready" + (f": {tail}" if tail else "; it said nothing")


def accepts(place: tuple[str, int]) -> bool:
    """Whether something listens there: a connection is taken, and not dropped at once.

    Engines' proxies take every connection and drop it where nobody listens behind them.
    """
    try:
        with socket.create_connection(place, timeout=1.0) as connection:
            connection.settimeout(_HOLD_SECONDS)
            try:
                return connection.recv(1) != b""
            except TimeoutError:
                return True
    except OSError:
        return False


def demand_free(places: Iterable[tuple[str, int]], where: str) -> None:
    """Raises `UsageError` where something listens already: it would answer in place of a run on the same network."""
    for host, port in places:
        if accepts((host, port)):
            raise UsageError(
                f"something listens at {host}:{port} already, and would answer in the image's place",
                where=where,
                hint="end it, or choose an --engine that gives containers a network of their own",
            )


def wait_end(run: Run, *, seconds: float) -> int:
    """The exit status, once the run has ended by itself. Raises `NotAssessed` where it goes on for longer."""
    ended = time.monotonic() + seconds
    while (status := run.target.status()).running:
        if time.monotonic() > ended:
            raise NotAssessed(f"it still runs after {seconds:g} s", where=run.setup.image.reference)
        time.sleep(LOOK_SECONDS)
    return status.code or 0
