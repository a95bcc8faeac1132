"""The images of a place for a terminal: a line a name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jettison.report.printable import printable
from jettison.report.style import fit_path
from jettison.units import size

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from jettison.report.style import Style
    from jettison.stores import Listing

_NARROWEST = 20


def render(found: Sequence[Listing], style: Style) -> Iterator[str]:
    """Name, id, platform, date and bytes; columns of which the place knows nothing are left out, gaps read `-`."""
    columns = _columns(found)
    wide = sum(max(len(cell) for cell in column) + 2 for column in columns)
    names = [[printable(name) for name in listing.names] or ["(no name)"] for listing in found]
    longest = max((len(name) for row in names for name in row), default=0)
    width = max(_NARROWEST, min(longest, style.width - wide))
    yield style(f"{'NAME':<{width}}" + _cells(columns, 0), "bold")
    for number, row in enumerate(names, start=1):
        yield f"{fit_path(row[0], width):<{width}}" + _cells(columns, number)
        for name in row[1:]:
            yield fit_path(name, style.width)


def _columns(found: Sequence[Listing]) -> list[list[str]]:
    """The columns after the name, each with its title first."""
    columns = [
        ["id", *(listing.id.rpartition(":")[2][:12] for listing in found)],
        ["platform", *(printable(listing.platform or "") for listing in found)],
        ["created", *((listing.created or "")[:10] for listing in found)],
        ["raw", *(_size(listing.raw) for listing in found)],
        ["packed", *(_size(listing.compressed) for listing in found)],
    ]
    return [column for column in columns if any(column[1:])]


def _cells(columns: list[list[str]], number: int) -> str:
    parts = []
    for column in columns:
        width = max(len(cell) for cell in column)
        text = column[number] or "-"
        parts.append("  " + (text.rjust(width) if column[0] in ("raw", "packed") else text.ljust(width)))
    return "".join(parts)


def _size(count: int | None) -> str:
    return "" if count is None else size(count)
