"""JUnit's XML: a test suite a file, a failed case a finding, one passed case for a clean file."""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.sax.saxutils import escape, quoteattr

from jettison.report.lint.checkstyle import printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from jettison.report.lint import Result


def render(results: Iterable[Result]) -> Iterator[str]:
    """The document, a suite at a time."""
    yield '<?xml version="1.0" encoding="UTF-8"?>\n<testsuites name="jettison lint">\n'
    for result in results:
        path = quoteattr(printable(result.file.path))
        count = len(result.findings)
        yield f'  <testsuite name={path} tests="{max(1, count)}" failures="{count}" errors="0">\n'
        if not count:
            yield f'    <testcase classname={path} name="clean"/>\n'
        for finding in result.findings:
            place = finding.location
            name = quoteattr(f"{finding.code} line {place.line}, column {place.column}")
            message = printable(finding.message)
            text = escape(f"{printable(place.path)}:{place.line}:{place.column}: {message}")
            yield f"    <testcase classname={path} name={name}>\n"
            kind = quoteattr(finding.severity.label)
            yield f"      <failure type={kind} message={quoteattr(message)}>{text}</failure>\n"
            yield "    </testcase>\n"
        yield "  </testsuite>\n"
    yield "</testsuites>\n"
