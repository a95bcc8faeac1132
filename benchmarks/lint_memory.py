"""Linting ever more Dockerfiles in one run: memory stays flat

The corpus over and over, each file in a directory of its own, found by walking.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks import corpus
from benchmarks.lint import OURS
from benchmarks.measuring import Case, side_by_side

if TYPE_CHECKING:
    from benchmarks.measuring import Images, Row

NEEDS_IMAGES = False


def rows(_: Images | None, rounds: int) -> list[Row]:
    """1,000, 5,000 and 10,000 files."""
    measured: list[Row] = []
    for count in (1000, 5000, 10000):
        with corpus.temporary() as folder:
            corpus.lay_out(folder, count)
            case = Case(f"{count:,} files", (*OURS, folder), exits=range(5))
            measured += side_by_side([case], min(rounds, 2))
    return measured
