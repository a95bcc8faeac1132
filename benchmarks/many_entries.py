"""Half a million small files in one layer: index and tree

Time and memory should grow no faster than the number of files. Memory holds the archive itself too.
"""

from __future__ import annotations

from benchmarks.measuring import Images, Row, task


def rows(images: Images, runs: int) -> list[Row]:
    """Three sizes."""
    return [task(f"{count:,} files", "entries", str(count), 1) for count in (125_000, 250_000, 500_000)]
