"""What to do with a run, one file a kind, and the records of what came of it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable

    from jettison.trace.running import Run


@dataclass(frozen=True, slots=True)
class Result:
    """One request or command and its outcome.

    `request` names it the same way each time, without host or port. `status` is HTTP's or the exit status; None where
    there was no answer, and `error` says why. `headers` keep their order, names in lower case. `errors` is a command's
    stderr.
    """

    kind: str
    request: str
    status: int | None
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    errors: bytes = b""
    error: str | None = None

    @property
    def digest(self) -> str:
        """The body's digest: `sha256:…`."""
        return f"sha256:{hashlib.sha256(self.body).hexdigest()}"


class Exercise(Protocol):
    """Something to do with a run. `source` says what, in a few words, for the trace."""

    @property
    def source(self) -> str: ...

    def run(self, run: Run) -> Iterable[Result]:
        """Do it. Raises `InputError` where its own description cannot be read; what the run does wrong is a result."""
        ...
