"""Writing an OCI layout, beside skopeo, and `jettison squeeze` beside what it cannot do without

Whole processes, each into a new directory on the same disk. skopeo packs with pgzip and all cores; `gzip` is the
default, whose bytes are the same on every machine; `gzip:0` is ISA-L's. Docker and buildah write no compressed layout
from an archive. The floor of squeeze inflates and hashes the image once, and packs and hashes what of it is rewritten.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from benchmarks.measuring import Case, Images, Row, side_by_side, task

COMMAND = str(Path(sys.executable).parent / "jettison")


def rows(images: Images, rounds: int) -> list[Row]:
    """Copies in several compressions, then squeeze and its floor; the notes tell bytes, and ratios of wall clock."""
    with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:  # /tmp may be memory
        copies = _least([_copies(images, Path(folder, str(number))) for number in range(rounds)])
        squeezes = _least([_squeeze(images, Path(folder, f"squeeze-{number}")) for number in range(rounds)])
    skopeo, floor = copies[0], squeezes[1]
    found = [_noted(row, f"{skopeo.wall / row.wall:.1f} times as fast as skopeo; {row.note}") for row in copies]
    return [*found, _noted(squeezes[0], f"{squeezes[0].wall / floor.wall:.2f} of its floor"), floor]


def _copies(images: Images, folder: Path) -> list[Row]:
    source = f"docker-archive:{images.archive}"
    commands = {
        "skopeo copy": ["skopeo", "copy", "--insecure-policy", source],
        "skopeo copy, zstd": ["skopeo", "copy", "--insecure-policy", "--dest-compress-format", "zstd", source],
        "jettison copy, gzip": [COMMAND, "copy", "--compress", "gzip", source],
        "jettison copy, gzip:0": [COMMAND, "copy", "--compress", "gzip:0", source],
        "jettison copy, zstd": [COMMAND, "copy", "--compress", "zstd", source],
    }
    folder.mkdir()
    found = []
    for number, (title, command) in enumerate(commands.items()):
        target = folder / str(number)
        row = side_by_side([Case(title, [*command, f"oci:{target}:app"], reads=images.archive)], 1)[0]
        found.append(_noted(row, f"{_bytes(target) / 1e6:.1f} MB"))
        _empty(target)
    return found


def _squeeze(images: Images, folder: Path) -> list[Row]:
    folder.mkdir()
    squeeze = [COMMAND, "squeeze", f"oci:{images.gzip}", "-o", f"oci:{folder}/out:app", "--format", "json"]
    cold = {"JETTISON_CACHE": "off"}
    rows = side_by_side([Case("jettison squeeze, gzip layout", squeeze, reads=images.gzip, environment=cold)], 1)
    floor = task("floor: inflate and hash, pack what changes", "squeeze_floor", f"{images.gzip},{folder}/out")
    rows += side_by_side([floor], 1)
    _empty(folder / "out")
    return rows


def _least(rounds: list[list[Row]]) -> list[Row]:
    best = rounds[0]
    for rows in rounds[1:]:
        best = [one.least(other) for one, other in zip(best, rows, strict=True)]
    return best


def _noted(row: Row, note: str) -> Row:
    return Row(row.title, row.wall, row.cpu, row.memory, note)


def _bytes(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def _empty(folder: Path) -> None:
    """Give the disk its room back; the directories go with the temporary one."""
    for file in folder.rglob("*"):
        if file.is_file():
            file.unlink()
