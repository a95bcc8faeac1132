"""Findings as one JSON document a run, streamed: `{"format": 1, "jettison": "...", "files": [...]}`.

Written by the standard library: to import msgspec takes as long as to lint seventy files.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, TypedDict

from jettison import __version__
from jettison.report.lint import rule_names

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from jettison.finding import Finding
    from jettison.report.lint import Result

FORMAT = 1


class Position(TypedDict):
    """A place: 1-based line and column in characters, and the byte offset."""

    line: int
    column: int
    offset: int


class Edit(TypedDict):
    """Replace the bytes from `start` to `end` by `text`."""

    start: int
    end: int
    text: str


class Fix(TypedDict):
    """What `--fix` (safe) or `--unsafe-fixes` would do; `display` is never applied."""

    message: str
    safety: str
    edits: list[Edit]


class Item(TypedDict):
    """One finding."""

    code: str
    name: str
    severity: str
    message: str
    start: Position
    end: Position
    note: str | None
    fix: Fix | None


class File(TypedDict):
    """One file: what is found, and what was mended in this run."""

    path: str
    findings: list[Item]
    mended: list[Item]


class Document(TypedDict):
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
            path=_text(result.file.path),
            findings=[item(finding, names) for finding in result.findings],
            mended=[item(finding, names) for finding in result.mended],
        )
        yield ("," if number else "") + json.dumps(file, ensure_ascii=False, separators=(",", ":"))
    yield "]}\n"


def item(finding: Finding, names: dict[str, str]) -> Item:
    """A finding as plain data."""
    place, fix = finding.location, None
    if finding.fix is not None:
        edits = [
            Edit(start=edit.span.start, end=edit.span.end, text=edit.text.decode("utf-8", "replace"))
            for edit in finding.fix.edits
        ]
        fix = Fix(message=_text(finding.fix.message), safety=finding.fix.safety.value, edits=edits)
    return Item(
        code=finding.code,
        name=names.get(finding.code, ""),
        severity=finding.severity.label,
        message=_text(finding.message),
        start=Position(line=place.line, column=place.column, offset=place.span.start),
        end=Position(line=place.end_line, column=place.end_column, offset=place.span.end),
        note=None if finding.note is None else _text(finding.note),
        fix=fix,
    )


def _text(text: str) -> str:
    """Text that is Unicode: bytes of the file that are no UTF-8 show as �."""
    return text if text.isascii() else text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def schema() -> dict[str, Any]:
    """The JSON Schema of the document."""
    import msgspec

    return msgspec.json.schema(Document)
