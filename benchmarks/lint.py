"""Linting 1,000 Dockerfiles beside hadolint, tally and Trivy

Each is one process that writes JSON to nowhere; a peer that is not installed is left out. The files are written anew
before each run, since `--fix` changes them. hadolint runs as it comes, with its ShellCheck; tally without its slow
checks, which go to the network.
"""

from __future__ import annotations

import os
import shutil
import sys
from typing import TYPE_CHECKING

from benchmarks import corpus
from benchmarks.measuring import Case, side_by_side

if TYPE_CHECKING:
    from benchmarks.measuring import Images, Row

NEEDS_IMAGES = False
FILES = 1000
OURS = (sys.executable, "-m", "jettison", "lint", "--format", "json")


def rows(_: Images | None, rounds: int) -> list[Row]:
    """Ours, ours with ShellCheck, ours with fixes, the peers."""
    with corpus.temporary() as folder:
        files = corpus.lay_out(folder, FILES)

        def fresh() -> None:
            corpus.lay_out(folder, FILES)

        def case(title: str, *command: str) -> Case:
            return Case(title, command, reads=folder, prepare=fresh, exits=range(5))

        cases = [
            case("jettison lint", *OURS, *files),
            case("jettison lint --shellcheck", *OURS, "--shellcheck", *files),
            case("jettison lint --fix", *OURS, "--fix", *files),
        ]
        tally = ("lint", "--slow-checks", "off", "--format", "json")
        for title, program, arguments in (
            ("hadolint 2.15", "hadolint", ("-f", "json", *files)),
            ("tally 0.45 lint", "tally", (*tally, *files)),
            ("tally 0.45 lint --fix", "tally", (*tally, "--fix", *files)),
            ("Trivy 0.76 config", "trivy", ("config", "--format", "json", "--quiet", folder)),
        ):
            if found := _program(program):
                cases.append(case(title, found, *arguments))
        return [row.noted(f"{FILES / row.cpu:.0f} files per CPU second") for row in side_by_side(cases, rounds)]


def _program(name: str) -> str | None:
    beside = os.path.dirname(sys.executable)
    return shutil.which(name, path=os.pathsep.join((beside, os.environ.get("PATH", ""))))
