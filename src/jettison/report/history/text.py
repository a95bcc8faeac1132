"""The history for a terminal, newest step first, as `docker history` prints it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jettison.finding import Measure
from jettison.report.printable import printable
from jettison.report.style import fit
from jettison.units import size

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from jettison.report.history import Row
    from jettison.report.style import Style


def render(rows: Sequence[Row], style: Style, *, whole: bool = False, lines: bool = False) -> Iterator[str]:
    """One line a step, and the sums. `whole` cuts nothing off; `lines` shows the Dockerfile's."""
    place = f"{'line':>6}" if lines else ""
    wide = f"  {'diff_id':<71}" if whole else ""
    yield style(f"{'LAYER':<6}{'created':<17}{place}{'raw':>10}{'compressed':>12}{wide}  instruction", "bold")
    for row in reversed(rows):
        yield _line(row, style, whole=whole, lines=lines)
    total = sum((row.size for row in rows), Measure(0, 0))
    about = "" if all(row.exact for row in rows) else "≈"
    count = sum(row.layer is not None for row in rows)
    indent = 23 + (6 if lines else 0)
    sums = f"{f'{count} layers':<{indent}}{size(total.raw):>10}{_packed(total, about):>12}"
    yield style(sums, "bold")


def _line(row: Row, style: Style, *, whole: bool, lines: bool) -> str:
    number = "-" if row.layer is None else str(row.layer)
    created = printable(row.created or "")[:16].replace("T", " ")
    place = f"{row.line if row.line is not None else '-':>6}" if lines else ""
    sizes = f"{size(row.size.raw):>10}{_packed(row.size, '' if row.exact else '≈'):>12}"
    if row.layer is None:
        sizes = style(f"{'0 B':>10}{'0 B':>12}", "dim")
    head = f"{number:<6}{created:<17}{style(place, 'cyan')}{sizes}"
    if whole:
        return f"{head}  {row.diff_id or '-':<71}  {printable(' '.join(row.created_by.split()))}"
    command = printable(row.command or row.comment or "(no history)")
    return f"{head}  {fit(command, max(20, style.width - 47 - len(place)))}"


def _packed(measure: Measure, about: str) -> str:
    return about + size(measure.compressed) if measure.compressed is not None else "unknown"
