"""Runs the benchmarks side by side and writes their tables to benchmarks/README.md.

    python -m benchmarks [ARCHIVE GZIP_LAYOUT ZSTD_LAYOUT] [--only NAME] [--rounds N]

ARCHIVE is a docker-archive, the layouts are the same image as OCI layouts. Without them the test image apt-three-runs
(940 MB) is built. `--only` measures some and leaves the other tables as they are. The Dockerfiles of `lint` and its
like are those that JETTISON_CORPUS names.

A benchmark is a module with `rows(images: Images, rounds: int) -> list[Row]`. Where it sets `NEEDS_IMAGES` to False it
does without them.
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
from typing import TYPE_CHECKING

import benchmarks
from benchmarks.measuring import Images, Row, table

if TYPE_CHECKING:
    from types import ModuleType

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


def section(module: ModuleType, images: Images | None, rounds: int, aside: str = "") -> str:
    """The title, the text and the table of one benchmark; `aside` says where it was measured apart from the others."""
    rows: list[Row] = module.rows(images, rounds)
    title, _, text = (module.__doc__ or "").strip().partition("\n\n")
    return "\n".join(
        [f"## {title}", "", *(part for line in (text, aside) if line for part in (line, "")), *table(rows)]
    )


def write(intro: str | None, sections: list[str]) -> None:
    """Put the tables into the README: all of them under a new intro, or (None) each in the place of its last one."""
    before, _, rest = README.read_text().partition(START)
    old, _, after = rest.partition(END)
    if intro is None:
        intro, *kept = (part.strip() for part in old.split("\n## "))
        titled = {part.partition("\n")[0]: f"## {part}" for part in kept}
        titled.update({part.partition("\n")[0].removeprefix("## "): part for part in sections})
        sections = list(titled.values())
    tables = "\n\n".join((intro.strip(), *sections))
    README.write_text(f"{before}{START}\n\n{tables}\n\n{END}{after}")


def main() -> None:
    """Run, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("images", nargs="*", metavar="ARCHIVE GZIP_LAYOUT ZSTD_LAYOUT")
    parser.add_argument("--only", action="append", metavar="NAME", help="this benchmark alone; the other tables stay")
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    if len(arguments.images) not in (0, 3):
        parser.error("give all three images, or none")
    modules = [importlib.import_module(f"benchmarks.{info.name}") for info in pkgutil.iter_modules(benchmarks.__path__)]
    modules = [module for module in modules if hasattr(module, "rows")]
    if arguments.only:
        modules = [module for module in modules if module.__name__.rpartition(".")[2] in arguments.only]
    images = Images(*(os.path.abspath(path) for path in arguments.images)) if arguments.images else None
    if images is None and any(getattr(module, "NEEDS_IMAGES", True) for module in modules):
        images = built()
    intro, aside = None, f"Measured apart, {arguments.rounds} rounds: {machine()}"
    if not arguments.only and images is not None:
        megabytes = os.path.getsize(images.archive) / 1e6
        aside = ""
        intro = (
            f"{machine()}\n\nThe image has {megabytes:.0f} MB as docker-archive, in the page cache. Each figure is "
            f"the least of {arguments.rounds} rounds that ran all rows of a table in turn. MB are 10^6 bytes."
        )
        print(intro, end="\n\n")
    sections = []
    for module in modules:
        print(f"{module.__name__} …", file=sys.stderr)
        sections.append(section(module, images, arguments.rounds, aside))
        print(sections[-1], end="\n\n", flush=True)
    write(intro, sections)


if __name__ == "__main__":
    main()
