"""A live run: what it is, in an engine or in namespaces, to those who use it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jettison.engines.containers import Output


@dataclass(frozen=True, slots=True)
class Status:
    """Whether it runs, how it ended (`code` is 128 and the signal's number for a signal), and what HEALTHCHECK says:
    None without one, else `starting`, `healthy` or `unhealthy`. `ended` is when it ended, seconds since 1970."""

    running: bool
    code: int | None = None
    health: str | None = None
    ended: float | None = None


class Target(Protocol):
    """One run. Every method raises `InputError` where the engine does not answer.

    `ports` has, for each TCP port of the container, the address and port where it is reached.
    """

    @property
    def ports(self) -> dict[int, tuple[str, int]]: ...

    def status(self) -> Status:
        """How it is."""
        ...

    def output(self) -> tuple[bytes, bytes]:
        """What it has said so far on stdout and stderr."""
        ...

    def execute(self, command: Sequence[str]) -> Output:
        """Run a command inside, traced as the rest, and wait for its end."""
        ...

    def log(self) -> bytes:
        """The sensor's log as it is now."""
        ...

    def stop(self, seconds: int) -> None:
        """End it: its stop signal, and a kill after `seconds`. One that has ended is fine."""
        ...

    def close(self) -> None:
        """End it at once, where it still runs, and leave nothing behind."""
        ...
