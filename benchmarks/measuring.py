"""Measuring side by side: every round runs each case once, so that a busy minute hits all of them alike."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

ROOT = Path(__file__).parent.parent


@dataclass(frozen=True)
class Images:
    """Where the measured image is: as docker-archive, as gzip layout, as zstd layout."""

    archive: str
    gzip: str
    zstd: str


@dataclass(frozen=True)
class Case:
    """Something to measure: a whole process, or (`inside`) what a task of `benchmarks.tasks` says of itself.

    `prepare` is called, and the file or directory `reads` brought into the page cache, before each run. `exits` are the
    statuses that mean that all went well.
    """

    title: str
    command: Sequence[str]
    inside: bool = False
    reads: str | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    prepare: Callable[[], None] | None = None
    exits: Collection[int] = (0, 1)


@dataclass(frozen=True)
class Row:
    """One line of a table: seconds of wall clock and of CPU, peak memory in MB; the least of all rounds each."""

    title: str
    wall: float
    cpu: float
    memory: float
    note: str = ""

    def least(self, other: Row) -> Row:
        """The least of both in every column."""
        return Row(
            self.title,
            min(self.wall, other.wall),
            min(self.cpu, other.cpu),
            min(self.memory, other.memory),
            self.note,
        )

    def noted(self, note: str) -> Row:
        """The same with a note."""
        return replace(self, note=note)


def task(title: str, name: str, argument: str, reads: str | None = None) -> Case:
    """A function of `benchmarks.tasks` in a process of its own, start-up and imports left out."""
    return Case(title, [sys.executable, "-m", "benchmarks.tasks", name, argument], inside=True, reads=reads)


def side_by_side(cases: Sequence[Case], rounds: int) -> list[Row]:
    """Measure all cases, one after the other, so many times."""
    rows: dict[str, Row] = {}
    for _ in range(rounds):
        for case in cases:
            if case.prepare:
                case.prepare()
            if case.reads:
                warm(Path(case.reads))
            row = _inside(case) if case.inside else _process(case)
            rows[case.title] = rows.get(case.title, row).least(row)
    return list(rows.values())


def warm(path: Path) -> None:
    """Bring a file, or all files below a directory, into the page cache."""
    for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
        if file.is_file():
            with open(file, "rb", buffering=0) as stream:
                while stream.read(1 << 20):
                    pass


def _process(case: Case) -> Row:
    started = time.monotonic()
    child = subprocess.Popen(
        case.command,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        stdin=subprocess.DEVNULL,
        env={**os.environ, **case.environment},
        cwd=ROOT,
    )
    _, status, usage = os.wait4(child.pid, 0)
    wall = time.monotonic() - started
    if os.waitstatus_to_exitcode(status) not in case.exits:
        raise SystemExit(f"{case.title}: exit {os.waitstatus_to_exitcode(status)}")
    return Row(case.title, wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1000)


def _inside(case: Case) -> Row:
    done = subprocess.run(case.command, stdout=subprocess.PIPE, text=True, cwd=ROOT, check=True)
    found = json.loads(done.stdout)
    return Row(case.title, found["wall"], found["cpu"], found["memory"])


def table(rows: Sequence[Row]) -> Iterator[str]:
    """Rows as a Markdown table; ratios are to the first row."""
    yield "| what | wall s | CPU s | peak MB | wall, to the first | CPU, to the first | |"
    yield "|---|--:|--:|--:|--:|--:|---|"
    for row in rows:
        wall, cpu = row.wall / rows[0].wall, row.cpu / rows[0].cpu
        measured = f"{row.wall:.2f} | {row.cpu:.2f} | {row.memory:.0f}"
        yield f"| {row.title} | {measured} | {wall:.2f} | {cpu:.2f} | {row.note} |"
