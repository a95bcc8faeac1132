"""Checkstyle's XML, which many CI servers read."""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.sax.saxutils import quoteattr

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from jettison.report.lint import Result

_LEVELS = ("info", "info", "warning", "error")


def printable(text: str) -> str:
    """Text without the characters that XML 1.0 cannot hold."""
    return "".join(
        c if c in "\t\n\r" or " " <= c <= "\ud7ff" or (c >= "\ue000" and c not in "\ufffe\uffff") else "\ufffd"
        for c in text
    )


def render(results: Iterable[Result]) -> Iterator[str]:
    """The document, a file at a time."""
    yield '<?xml version="1.0" encoding="UTF-8"?>\n<checkstyle version="4.3">\n'
    for result in results:
        yield f"  <file name={quoteattr(printable(result.file.path))}>\n"
        for finding in result.findings:
            place = finding.location
            yield (
                f'    <error line="{place.line}" column="{place.column}" severity="{_LEVELS[finding.severity]}" '
                f'message={quoteattr(printable(finding.message))} source="jettison.{finding.code}"/>\n'
            )
        yield "  </file>\n"
    yield "</checkstyle>\n"
