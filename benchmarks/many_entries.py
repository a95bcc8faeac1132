"""Half a million small files in one layer: index and tree

Time and memory should grow no faster than the number of files. Memory holds the archive itself too.
"""

from __future__ import annotations

from benchmarks.measuring import Images, Row, side_by_side, task


def rows(images: Images, rounds: int) -> list[Row]:
    """Three sizes."""
    counts = (125_000, 250_000, 500_000)
    found = side_by_side([task(f"{count:,} files", "entries", str(count)) for count in counts], min(rounds, 2))
    return [
        Row(row.title, row.wall, row.cpu, row.memory, f"{row.cpu / count * 1e6:.1f} µs of CPU a file")
        for row, count in zip(found, counts, strict=True)
    ]
