"""Commands: run inside the container, or, as a project's own tests are, out here against it."""

from __future__ import annotations

import os
import shlex
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

from jettison.errors import InputError, UsageError
from jettison.trace.exercise import Result
from jettison.trace.exercise.web import place_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jettison.trace.running import Run


@dataclass(frozen=True, slots=True)
class Exec:
    """A command inside the container, traced and as its user; not through a shell, which it may not have."""

    words: tuple[str, ...]

    @classmethod
    def parse(cls, text: str) -> Exec:
        """The command in a line, quoted as for a shell. Raises `UsageError`."""
        try:
            words = tuple(shlex.split(text))
        except ValueError as error:
            raise UsageError(f"{text!r} is no command: {error}") from None
        if not words:
            raise UsageError("an empty command cannot be run")
        return cls(words)

    @property
    def source(self) -> str:
        """The command."""
        return f"exec {shlex.join(self.words)}"

    def run(self, run: Run) -> Iterator[Result]:
        """Its outcome. Raises `InputError` where the engine does not answer."""
        output = run.execute(self.words)
        yield Result("exec", shlex.join(self.words), output.status, body=output.stdout, errors=output.stderr)


@dataclass(frozen=True, slots=True)
class TestCommand:
    """A command on this machine, through its shell, told where the run is: JETTISON_TARGET (http://host:port), and
    JETTISON_HOST and JETTISON_PORT. The run's ports by number are JETTISON_PORT_8080 and so on."""

    __test__ = False  # this is no test of pytest's

    command: str
    seconds: float = 3600.0

    @property
    def source(self) -> str:
        """The command."""
        return f"test-command {self.command}"

    def run(self, run: Run) -> Iterator[Result]:
        """Its outcome. Raises `InputError` where it cannot be run or does not end."""
        try:
            ended = subprocess.run(
                ["/bin/sh", "-c", self.command],
                env={**os.environ, **variables(run)},
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=self.seconds,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise InputError(f"{self.command!r} has not ended after {self.seconds:g} s") from None
        except OSError as error:
            raise InputError(f"{self.command!r} cannot be run: {error.strerror}") from None
        yield Result("test", self.command, ended.returncode, body=ended.stdout, errors=ended.stderr)


def variables(run: Run) -> dict[str, str]:
    """What a command learns of the run through its environment."""
    places = run.target.ports
    told = {f"JETTISON_PORT_{port}": str(there) for port, (_, there) in places.items()}
    if places:
        host, port = place_of(run)
        shown = f"[{host}]" if ":" in host else host
        told |= {"JETTISON_TARGET": f"http://{shown}:{port}", "JETTISON_HOST": host, "JETTISON_PORT": str(port)}
    return told
