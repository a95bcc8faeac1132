"""Behaviour: what the result does, held against what the original does, but for what runs of the original differ in.

Compared are statuses, headers, bodies, exit codes and output. What differs between runs of the original (dates, ids,
timings) is noise: such headers are left out, and of texts, the words that changed. A text whose number of words
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


def compare(originals: Sequence[Observation], result: Observation) -> Behaviour:
    """Hold a run of the result against runs of the original, two at least."""
    first = originals[0].results
    unlike: list[Unlike] = []
    unstable: list[str] = []
    if any(len(other.results) != len(first) for other in originals):
        unstable.append("the original makes another number of requests from run to run")
    for number, rows in enumerate(zip(*(run.results for run in originals), strict=False)):
        request = rows[0].request
        got = result.results[number] if number < len(result.results) else None
        if any(row.request != request for row in rows):
            unstable.append(f"{request}: the original itself goes another way from run to run")
        elif got is None or got.request != request:
            instead = (got.error or got.request) if got is not None else "not made"
            unlike.append(Unlike(request, "request", "made", instead))
        else:
            unlike += _one(rows, got, unstable)
    compared = sum(1 for one in first if one.error is None)
    return Behaviour(compared, tuple(unlike), tuple(dict.fromkeys(unstable)))


def _one(rows: Sequence[Result], got: Result, unstable: list[str]) -> Iterator[Unlike]:
    one = rows[0]
    outcomes = {(row.status, row.error is None) for row in rows}
    if len(outcomes) > 1:
        told = ", or ".join(sorted({str(row.status or row.error) for row in rows}))
        unstable.append(f"{one.request}: the original answers {told}")
        return
    if (got.status, got.error is None) not in outcomes:
        yield Unlike(one.request, "status", str(one.status or one.error), str(got.status or got.error))
        return
    yield from _headers(rows, got)
    yield from _text(one.request, "body", [row.body for row in rows], got.body, unstable)
    yield from _text(one.request, "errors", [row.errors for row in rows], got.errors, unstable)


def _headers(rows: Sequence[Result], got: Result) -> Iterator[Unlike]:
    before, after = [_grouped(row) for row in rows], _grouped(got)
    noisy_length = len({row.body for row in rows}) > 1
    for name in sorted(before[0].keys() | after.keys()):
        known = {headers.get(name) for headers in before}
        if len(known) > 1 or (name == "content-length" and noisy_length):
            continue
        if after.get(name) not in known:
            yield Unlike(rows[0].request, f"header {name}", _shown(before[0].get(name)), _shown(after.get(name)))


def _grouped(result: Result) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in result.headers:
        if name not in _TRANSPORT:
            found[name] = f"{found[name]}, {value}" if name in found else value
    return found


def _text(request: str, what: str, known: Sequence[bytes], got: bytes, unstable: list[str]) -> Iterator[Unlike]:
    if got in known:
        return
    if len(set(known)) == 1:
        yield Unlike(request, what, *_apart(known[0], got))
        return
    if max(map(len, (*known, got))) > _MAX_COMPARED:
        unstable.append(f"{request}: the {what} changes from run to run, and is too long to be compared")
        return
    first, *others = [_WORD.findall(text) for text in known]
    words = _WORD.findall(got)
    if any(len(other) != len(first) for other in others):
        unstable.append(f"{request}: the {what} changes from run to run, and so does its number of words")
        return
    steady = [all(other[n] == word for other in others) for n, word in enumerate(first)]
    if len(words) != len(first) or any(s and a != b for s, a, b in zip(steady, first, words, strict=True)):
        yield Unlike(request, what, *_apart(known[0], got))


def _apart(one: bytes, other: bytes) -> tuple[str, str]:
    """Both texts from a little before the first byte in which they differ."""
    at = next((n for n, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
    start = max(0, at - 20)
    return _shown(one[start:].decode("utf-8", "replace")), _shown(other[start:].decode("utf-8", "replace"))


def _shown(text: str | None) -> str:
    if text is None:
        return "none"
    return repr(text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…")
