"""The whole command `jettison analyze`, cold and remembered"""

from __future__ import annotations

import itertools
import sys
import tempfile
from pathlib import Path

from benchmarks.measuring import Case, Images, Row, side_by_side

COMMAND = str(Path(sys.executable).parent / "jettison")


def rows(images: Images, rounds: int) -> list[Row]:
    """Each reference with an empty cache, then with what such a run left there."""
    found: list[Row] = []
    for title, path, prefix in (("docker-archive", images.archive, ""), ("gzip layout", images.gzip, "oci:")):
        with tempfile.TemporaryDirectory() as cache:
            command = [COMMAND, "analyze", prefix + path, "--format", "json"]
            fresh = (f"{cache}/{number}" for number in itertools.count())
            runs: list[Row] = []
            for _ in range(rounds):
                place = {"JETTISON_CACHE": next(fresh)}
                cold = Case(f"{title}, cold", command, reads=path, environment=place)
                again = Case(f"{title}, remembered", command, reads=path, environment=place)
                runs += side_by_side([cold, again], 1)
        best = {row.title: row for row in runs}
        for row in runs:
            best[row.title] = best[row.title].least(row)
        cold_row, again_row = best.values()
        share = f"{again_row.wall / cold_row.wall:.2f} of its cold run"
        found += [cold_row, Row(again_row.title, again_row.wall, again_row.cpu, again_row.memory, share)]
    return found
