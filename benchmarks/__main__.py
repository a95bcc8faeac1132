"""Runs the benchmarks side by side and writes their tables to benchmarks/README.md.

    python -m benchmarks [ARCHIVE GZIP_LAYOUT ZSTD_LAYOUT] [--only NAME] [--rounds N]

ARCHIVE is a docker-archive, the layouts are the same image as OCI layouts. Without them the test image apt-three-runs
(940 MB) is built. A benchmark is a module with `rows(images: Images, rounds: int) -> list[Row]`.
"""

from __future__ import annotations

import argparse
import importlib
import os
import pkgutil
import platform
import subprocess
import sys
import tempfile
from pathlib import Path

import benchmarks
from benchmarks.measuring import Images, Row, table

README = Path(__file__).with_name("README.md")
START, END = "<!-- tables -->", "<!-- end of tables -->"


def machine() -> str:
    """The machine's shape, in a sentence."""
    model = next(
        (line.split(":")[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line),
        platform.processor(),
    )
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    return (
        f"{os.cpu_count()} cores of {model}, {memory:.0f} GB, Linux {platform.release().split('-')[0]}, "
        f"Python {platform.python_version()}; load average {os.getloadavg()[0]:.1f} at the start."
    )


def built() -> Images:
    """The test image apt-three-runs, built where it is not there yet."""
    folder = Path(tempfile.gettempdir()) / f"jettison-benchmarks-{os.getuid()}"
    build = [sys.executable, "tests/images/build", "apt-three-runs", "--layouts", "--link", str(folder)]
    subprocess.run(build, check=True, cwd=README.parent.parent)
    before = folder / "apt-three-runs-before"
    return Images(f"{before}.tar", f"{before}-gzip", f"{before}-zstd")


def main() -> None:
    """Run, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("images", nargs="*", metavar="ARCHIVE GZIP_LAYOUT ZSTD_LAYOUT")
    parser.add_argument("--only", action="append")
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    if len(arguments.images) not in (0, 3):
        parser.error("give all three images, or none")
    images = Images(*(os.path.abspath(path) for path in arguments.images)) if arguments.images else built()
    megabytes = os.path.getsize(images.archive) / 1e6
    parts = [
        machine(),
        "",
        f"The image has {megabytes:.0f} MB as docker-archive, in the page cache. Each figure is the least of "
        f"{arguments.rounds} rounds that ran all rows of a table in turn. MB are 10^6 bytes.",
        "",
    ]
    for info in pkgutil.iter_modules(benchmarks.__path__):
        module = importlib.import_module(f"benchmarks.{info.name}")
        if not hasattr(module, "rows") or (arguments.only and info.name not in arguments.only):
            continue
        print(f"{info.name} …", file=sys.stderr)
        rows: list[Row] = module.rows(images, arguments.rounds)
        title, _, text = (module.__doc__ or "").strip().partition("\n\n")
        parts += [f"## {title}", "", *([text, ""] if text else []), *table(rows), ""]
    text = "\n".join(parts)
    print(text)
    if not arguments.only:
        before, _, rest = README.read_text().partition(START)
        after = rest.partition(END)[2]
        README.write_text(f"{before}{START}\n\n{text}\n{END}{after}")


if __name__ == "__main__":
    main()
