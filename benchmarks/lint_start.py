"""Linting one small Dockerfile, beside an interpreter that does nothing

What an editor or a commit hook waits for. `jettison` is the installed command, `python -m jettison` the module.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from benchmarks import corpus
from benchmarks.measuring import Case, side_by_side

if TYPE_CHECKING:
    from benchmarks.measuring import Images, Row

NEEDS_IMAGES = False
SMALL = b'FROM debian:12\nRUN apt-get update && apt-get install -y curl\nCOPY . /app\nUSER 1000\nCMD ["/app/run"]\n'


def rows(_: Images | None, rounds: int) -> list[Row]:
    """The interpreter, the command, the module. Many rounds, since each is short."""
    with corpus.temporary() as folder:
        path = os.path.join(folder, "Dockerfile")
        with open(path, "wb") as file:
            file.write(SMALL)
        # Bytecode is kept, as every installation does.
        environment = {"PYTHONDONTWRITEBYTECODE": ""}
        command = os.path.join(os.path.dirname(sys.executable), "jettison")
        cases = [
            Case("python -c pass", (sys.executable, "-c", "pass"), environment=environment),
            Case("jettison lint", (command, "lint", path), environment=environment),
            Case("python -m jettison lint", (sys.executable, "-m", "jettison", "lint", path), environment=environment),
        ]
        measured = side_by_side(cases, rounds * 8)
        return [row.noted(f"{row.cpu * 1000:.0f} ms of CPU, {row.wall * 1000:.0f} ms of wall") for row in measured]
