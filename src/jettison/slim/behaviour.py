"""Behaviour: what the result does, held against what the original does, but for what two originals differ in.

Compared are statuses, headers, bodies, exit codes and output. What differs between two runs of the original (dates,
ids, timings) is noise: such headers are left out, and of texts, the words that changed. A text whose number of words
changes from run to run cannot be compared word by word; that is told.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from jettison.slim.rehearsal import Observation
    from jettison.trace.exercise import Result

_WORD = re.compile(rb"\w+|[^\w]")
_TRANSPORT = frozenset({"connection", "date", "keep-alive", "transfer-encoding"})
"""Headers that speak of the connection, or of now."""
_MAX_COMPARED = 4 << 20
_SHOWN = 120


@dataclass(frozen=True, slots=True)
class Unlike:
    """One thing that the result does otherwise: at which request, in what, and how it is before and after."""

    request: str
    what: str
    before: str
    after: str

    def __str__(self) -> str:
        return f"{self.request}: {self.what} {self.before}, then {self.after}"


@dataclass(frozen=True, slots=True)
class Behaviour:
    """How many outcomes were compared, what was unlike, and what could not be compared."""

    compared: int
    unlike: tuple[Unlike, ...]
    unstable: tuple[str, ...]

    @property
    def holds(self) -> bool:
        """True when something was compared and nothing is unlike."""
        return bool(self.compared) and not self.unlike


def compare(first: Observation, second: Observation, result: Observation) -> Behaviour:
    """Hold a run of the result against two runs of the original."""
    unlike: list[Unlike] = []
    unstable: list[str] = []
    for number, (one, two) in enumerate(zip(first.results, second.results, strict=False)):
        got = result.results[number] if number < len(result.results) else None
        if one.request != two.request:
            unstable.append(f"{one.request}: the original itself went another way the second time")
        elif got is None or got.request != one.request:
            unlike.append(Unlike(one.request, "request", "made", got.request if got is not None else "not made"))
        else:
            unlike += _one(one, two, got, unstable)
    if len(first.results) != len(second.results):
        unstable.append("the original made another number of requests the second time")
    compared = sum(1 for one in first.results if one.error is None)
    return Behaviour(compared, tuple(unlike), tuple(dict.fromkeys(unstable)))


def _one(one: Result, two: Result, got: Result, unstable: list[str]) -> Iterator[Unlike]:
    if one.status != two.status or (one.error is None) != (two.error is None):
        unstable.append(f"{one.request}: the original answers {one.status or one.error}, or {two.status or two.error}")
        return
    if got.status != one.status or (got.error is None) != (one.error is None):
        yield Unlike(one.request, "status", str(one.status or one.error), str(got.status or got.error))
        return
    yield from _headers(one, two, got)
    for what in ("body", "errors"):
        texts: Sequence[bytes] = [getattr(outcome, what) for outcome in (one, two, got)]
        yield from _text(one.request, what, texts, unstable)


def _headers(one: Result, two: Result, got: Result) -> Iterator[Unlike]:
    before, again, after = (_grouped(outcome) for outcome in (one, two, got))
    noisy_length = one.body != two.body
    for name in sorted(before.keys() | after.keys()):
        if before.get(name) != again.get(name) or (name == "content-length" and noisy_length):
            continue
        if before.get(name) != after.get(name):
            yield Unlike(one.request, f"header {name}", _shown(before.get(name)), _shown(after.get(name)))


def _grouped(result: Result) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in result.headers:
        if name not in _TRANSPORT:
            found[name] = f"{found[name]}, {value}" if name in found else value
    return found


def _text(request: str, what: str, texts: Sequence[bytes], unstable: list[str]) -> Iterator[Unlike]:
    one, two, got = texts
    if got in (one, two):
        return
    if one == two:
        yield Unlike(request, what, *_apart(one, got))
        return
    if max(map(len, texts)) > _MAX_COMPARED:
        unstable.append(f"{request}: the {what} changes from run to run, and is too long to be compared")
        return
    first, second, third = (_WORD.findall(text) for text in texts)
    if len(first) != len(second):
        unstable.append(f"{request}: the {what} changes from run to run, and so does its number of words")
    elif len(third) != len(first) or any(a == b != c for a, b, c in zip(first, second, third, strict=True)):
        yield Unlike(request, what, *_apart(one, got))


def _apart(one: bytes, other: bytes) -> tuple[str, str]:
    """Both texts from a little before the first byte in which they differ."""
    at = next((n for n, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
    start = max(0, at - 20)
    return _shown(one[start:].decode("utf-8", "replace")), _shown(other[start:].decode("utf-8", "replace"))


def _shown(text: str | None) -> str:
    if text is None:
        return "none"
    return repr(text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…")
