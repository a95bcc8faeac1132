"""Findings as one JSON document a run, streamed: `{"format": 1, "jettison": "...", "files": [...]}`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from jettison import __version__
from jettison.report.lint import rule_names

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from jettison.finding import Finding
    from jettison.report.lint import Result

FORMAT = 1


class Position(msgspec.Struct):
    """A place: 1-based line and column in characters, and the byte offset."""

    line: int
    column: int
    offset: int


class Edit(msgspec.Struct):
    """Replace the bytes from `start` to `end` by `text`."""

    start: int
    end: int
    text: str


class Fix(msgspec.Struct):
    """What `--fix` (safe) or `--unsafe-fixes` would do; `display` is never applied."""

    message: str
    safety: str
    edits: list[Edit]


class Item(msgspec.Struct):
    """One finding."""

    code: str
    name: str
    severity: str
    message: str
    start: Position
    end: Position
    note: str | None
    fix: Fix | None


class File(msgspec.Struct):
    """One file: what is found, and what was mended in this run."""

    path: str
    findings: list[Item]
    mended: list[Item]


class Document(msgspec.Struct):
    """The whole report; published as docs/schemas/lint.json."""

    format: int
    jettison: str
    files: list[File]


def render(results: Iterable[Result]) -> Iterator[str]:
    """The document, a file at a time."""
    names = rule_names()
    yield f'{{"format":{FORMAT},"jettison":"{__version__}","files":['
    for number, result in enumerate(results):
        file = File(
            result.file.path,
            [item(finding, names) for finding in result.findings],
            [item(finding, names) for finding in result.mended],
        )
        yield ("," if number else "") + msgspec.json.encode(file).decode()
    yield "]}\n"


def item(finding: Finding, names: dict[str, str]) -> Item:
    """A finding as plain data."""
    place, fix = finding.location, None
    if finding.fix is not None:
        edits = [Edit(e.span.start, e.span.end, e.text.decode("utf-8", "replace")) for e in finding.fix.edits]
        fix = Fix(finding.fix.message, finding.fix.safety.value, edits)
    return Item(
        code=finding.code,
        name=names.get(finding.code, ""),
        severity=finding.severity.label,
        message=finding.message,
        start=Position(place.line, place.column, place.span.start),
        end=Position(place.end_line, place.end_column, place.span.end),
        note=finding.note,
        fix=fix,
    )


def schema() -> dict[str, Any]:
    """The JSON Schema of the document."""
    return msgspec.json.schema(Document)
