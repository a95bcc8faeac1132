"""The whole command `jettison analyze`, cold and remembered"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from benchmarks.measuring import Images, Row, process

COMMAND = str(Path(sys.executable).parent / "jettison")


def rows(images: Images, runs: int) -> list[Row]:
    """Each reference with an empty cache, then with what that run left there."""
    found = []
    for title, reference in (("docker-archive", images.archive), ("gzip layout", images.gzip)):
        with tempfile.TemporaryDirectory() as cache:
            command = [COMMAND, "analyze", reference]
            cold = [process("", command, 1, env={"JETTISON_CACHE": f"{cache}/{n}"}) for n in range(runs)]
            best = min(cold, key=lambda row: row.wall)
            found.append(Row(f"{title}, cold", best.wall, best.cpu, best.memory))
            again = process(f"{title}, remembered", command, runs, env={"JETTISON_CACHE": f"{cache}/0"})
            share = again.wall / best.wall
            found.append(Row(again.title, again.wall, again.cpu, again.memory, f"{share:.2f} of its cold run"))
    return found
