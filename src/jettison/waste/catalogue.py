"""The table of kinds in docs/waste.md, written from the kinds themselves.

`python -m jettison.waste.catalogue docs/waste.md` brings the page up to date; a test says when that was forgotten.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from jettison.waste import kinds

if TYPE_CHECKING:
    from collections.abc import Iterator

BEGIN, END = "<!-- the kinds, from the code -->", "<!-- end of the kinds -->"


def table() -> str:
    """All kinds as a Markdown table, in the order in which they claim."""
    return "\n".join(_rows()) + "\n"


def _rows() -> Iterator[str]:
    yield "| kind | what it is | counts | safe | fix | to drop it, … |"
    yield "|---|---|---|---|---|---|"
    for kind in kinds():
        counts, safe = ("yes" if flag else "" for flag in (kind.counts, kind.safe))
        remedy = kind.remedy.replace("|", "\\|").replace("<", "&lt;")
        yield f"| `{kind.name}` | {kind.title} | {counts} | {safe} | {kind.fix} | {remedy} |"


def updated(page: str) -> str:
    """The page with the table of today between its marks. Raises `ValueError` for a page without them."""
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"the page has no {BEGIN} … {END}")
    return f"{before}{BEGIN}\n{table()}{END}{after}"


if __name__ == "__main__":
    target = Path(sys.argv[1])
    target.write_text(updated(target.read_text("utf-8")), "utf-8")
