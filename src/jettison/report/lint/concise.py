"""One line a finding: `path:line:column: severity CODE message`. Editors and grep read it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from jettison.report.lint import Result


def render(results: Iterable[Result]) -> Iterator[str]:
    """The findings of all files."""
    for result in results:
        for finding in result.findings:
            place = finding.location
            mark = " [*]" if finding.fix is not None and finding.fix.safety.value == "safe" else ""
            at = f"{place.path}:{place.line}:{place.column}"
            yield f"{at}: {finding.severity.label} {finding.code} {finding.message}{mark}\n"
