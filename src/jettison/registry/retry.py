"""When a request is sent again, and how long to wait before it."""

from __future__ import annotations

import random
import re
import time
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Protocol, TypeVar

from jettison.errors import RemoteError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

TRANSIENT = frozenset({408, 429, 500, 502, 503, 504})
"""The statuses after which the same request may well succeed."""

_GO_UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ns": 1e-9}
_GO_DURATION = re.compile(r"(\d+(?:\.\d*)?)(h|ms|m|s|us|µs|μs|ns)")


class Interrupted(RemoteError):
    """A connection that could not be made, broke, or fell silent: trying again may help."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How often and how long to try; times in seconds.

    `attempts` counts the first one; a host that cannot be reached at all gets `connects`. The n-th wait is `first`
    times 2ⁿ, or what the server asks for if that is longer; a server that asks for more than `longest` is not waited
    for. `connect` and `idle` bound the silence while connecting and between two pieces of an answer.
    """

    attempts: int = 5
    connects: int = 3
    first: float = 0.5
    longest: float = 60.0
    connect: float = 10.0
    idle: float = 60.0
    sleep: Callable[[float], None] = time.sleep

    def delay(self, attempt: int, asked: float | None = None) -> float | None:
        """Seconds to wait after failed attempt number `attempt` (from 0), or None where waiting makes no sense.

        The server's wish never shortens the wait: ghcr.io has sent `retry-after: 35.852µs`.
        """
        own: float = min(self.first * 2**attempt * random.uniform(0.9, 1.1), self.longest)
        if asked is None:
            return own
        return None if asked > self.longest else max(own, asked)


def retry_after(text: str | None) -> float | None:
    """Seconds that a Retry-After header asks for: a number, an HTTP date, or Go's durations. None for anything else."""
    if not text:
        return None
    text = text.strip()
    if re.fullmatch(r"\d{1,10}(\.\d*)?", text):
        return float(text)
    durations = _GO_DURATION.findall(text)
    if durations and "".join(number + unit for number, unit in durations) == text:
        return sum(float(number) * _GO_UNITS[unit] for number, unit in durations)
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - time.time())
    except (ValueError, TypeError, OverflowError):
        return None


class _Answer(Protocol):
    @property
    def status(self) -> int: ...
    @property
    def headers(self) -> Mapping[str, str]: ...
    def close(self) -> None: ...


R = TypeVar("R", bound=_Answer)


def persistently(send: Callable[[], R], patience: Patience) -> R:
    """The answer of `send`, which is called again while its answers are transient failures.

    The last answer is given, whatever its status. Raises the last `Interrupted` where there is no answer at all.
    """
    attempt = 0
    while True:
        asked = None
        try:
            answer = send()
        except Interrupted:
            if attempt + 1 >= min(patience.connects, patience.attempts):
                raise
        else:
            if answer.status not in TRANSIENT or attempt + 1 >= patience.attempts:
                return answer
            asked = retry_after(answer.headers.get("retry-after"))
            if patience.delay(attempt, asked) is None:
                return answer
            answer.close()
        patience.sleep(patience.delay(attempt, asked) or 0.0)
        attempt += 1
