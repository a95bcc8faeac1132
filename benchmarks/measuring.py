"""Measuring: whole processes by the system's own accounting, and tasks inside one by themselves."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

ROOT = Path(__file__).parent.parent


@dataclass(frozen=True)
class Images:
    """Where the measured image is: as docker-archive, as gzip layout, as zstd layout."""

    archive: str
    gzip: str
    zstd: str


@dataclass(frozen=True)
class Row:
    """One line of a table: seconds of wall clock and of CPU, peak memory in MB; None where it was not measured."""

    title: str
    wall: float
    cpu: float
    memory: float
    note: str = ""


def process(title: str, command: Sequence[str], runs: int, *, note: str = "", env: dict[str, str] | None = None) -> Row:
    """A whole process, start-up included: the fastest of `runs`."""
    best: Row | None = None
    for _ in range(runs):
        started = time.monotonic()
        child = subprocess.Popen(
            command,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            stdin=subprocess.DEVNULL,
            env={**os.environ, **(env or {})},
            cwd=ROOT,
        )
        _, status, usage = os.wait4(child.pid, 0)
        wall = time.monotonic() - started
        code = os.waitstatus_to_exitcode(status)
        row = Row(title, wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1000, note)
        if code not in (0, 1):
            raise SystemExit(f"{title}: exit {code}")
        best = row if best is None or row.wall < best.wall else best
    assert best is not None
    return best


def task(title: str, name: str, argument: str, runs: int, *, note: str = "") -> Row:
    """A function of `benchmarks.tasks` in a process of its own, its start-up left out: the fastest of `runs`."""
    best: Row | None = None
    for _ in range(runs):
        command = [sys.executable, "-m", "benchmarks.tasks", name, argument]
        done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=True)
        found = json.loads(done.stdout)
        row = Row(title, found["wall"], found["cpu"], found["memory"], note)
        best = row if best is None or row.wall < best.wall else best
    assert best is not None
    return best


def table(rows: Sequence[Row]) -> Iterator[str]:
    """Rows as a Markdown table; ratios are to the first row's wall clock."""
    yield "| what | wall s | CPU s | peak MB | to the first | |"
    yield "|---|--:|--:|--:|--:|---|"
    for row in rows:
        ratio = row.wall / rows[0].wall
        yield f"| {row.title} | {row.wall:.2f} | {row.cpu:.2f} | {row.memory:.0f} | {ratio:.2f} | {row.note} |"
