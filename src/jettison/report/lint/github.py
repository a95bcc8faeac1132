"""GitHub's workflow commands: findings show up as annotations in the pull request."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jettison.finding import Severity

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from jettison.report.lint import Result

_LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "notice", Severity.STYLE: "notice"}


def render(results: Iterable[Result]) -> Iterator[str]:
    """One command a finding. Source: GitHub, "Workflow commands for GitHub Actions"."""
    for result in results:
        for finding in result.findings:
            place = finding.location
            ends = place.end_line == place.line
            fields = {
                "file": place.path,
                "line": str(place.line),
                "endLine": str(place.end_line),
                "col": str(place.column),
                "endColumn": str(place.end_column) if ends else "",
                "title": finding.code,
            }
            shown = ",".join(f"{name}={_property(value)}" for name, value in fields.items() if value)
            yield f"::{_LEVELS[finding.severity]} {shown}::{_data(finding.message)}\n"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
