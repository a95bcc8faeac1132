"""Runs the benchmarks side by side and writes their tables to benchmarks/README.md.

    python -m benchmarks ARCHIVE GZIP_LAYOUT ZSTD_LAYOUT [--only NAME] [--runs N]

ARCHIVE is a docker-archive of an image of about 950 MB (the test image apt-three-runs: `tests/images/build --link DIR
apt-three-runs --layouts`), the layouts are the same image as OCI layouts. A benchmark is a module with
`rows(images: Images, runs: int) -> list[Row]`.
"""

from __future__ import annotations

import argparse
import importlib
import os
import pkgutil
import platform
import sys
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


def main() -> None:
    """Run, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("archive")
    parser.add_argument("gzip")
    parser.add_argument("zstd")
    parser.add_argument("--only", action="append")
    parser.add_argument("--runs", type=int, default=3)
    arguments = parser.parse_args()
    images = Images(arguments.archive, arguments.gzip, arguments.zstd)
    parts = [machine(), "", f"Minimum of {arguments.runs} runs each. MB are 10^6 bytes.", ""]
    for info in pkgutil.iter_modules(benchmarks.__path__):
        module = importlib.import_module(f"benchmarks.{info.name}")
        if not hasattr(module, "rows") or (arguments.only and info.name not in arguments.only):
            continue
        print(f"{info.name} …", file=sys.stderr)
        rows: list[Row] = module.rows(images, arguments.runs)
        parts += [f"## {(module.__doc__ or '').strip().splitlines()[0]}", "", *table(rows), ""]
    text = "\n".join(parts)
    print(text)
    if not arguments.only:
        before, _, rest = README.read_text().partition(START)
        after = rest.partition(END)[2]
        README.write_text(f"{before}{START}\n\n{text}\n{END}{after}")


if __name__ == "__main__":
    main()
