"""GitLab's code quality report: a JSON array, each issue with a fingerprint that survives edits elsewhere."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import msgspec

from jettison.finding import Severity

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from jettison.finding import Finding
    from jettison.report.lint import Result

_LEVELS = {Severity.ERROR: "critical", Severity.WARNING: "major", Severity.INFO: "minor", Severity.STYLE: "info"}


def render(results: Iterable[Result]) -> Iterator[str]:
    """The array, an issue at a time. Source: GitLab, "Code quality report format"."""
    yield "["
    first = True
    for result in results:
        seen: dict[str, int] = {}
        for finding in result.findings:
            yield ("" if first else ",") + "\n" + msgspec.json.encode(_issue(result, finding, seen)).decode()
            first = False
    yield "\n]\n"


def _issue(result: Result, finding: Finding, seen: dict[str, int]) -> dict[str, Any]:
    place = finding.location
    text = result.file.source.text(place.span)
    identity = hashlib.sha256(f"{finding.code}\0{place.path}\0".encode("utf-8", "replace") + text).hexdigest()
    count = seen[identity] = seen.get(identity, -1) + 1
    return {
        "description": finding.message,
        "check_name": finding.code,
        "fingerprint": hashlib.sha256(f"{identity}{count}".encode()).hexdigest()[:40],
        "severity": _LEVELS[finding.severity],
        "location": {
            "path": place.path.removeprefix("./"),
            "positions": {
                "begin": {"line": place.line, "column": place.column},
                "end": {"line": place.end_line, "column": place.end_column},
            },
        },
    }
