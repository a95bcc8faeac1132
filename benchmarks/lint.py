"""CPU seconds of linting a directory of Dockerfiles: `jettison lint` and its peers, one after the other, as Markdown.

    python benchmarks/lint.py DIRECTORY [ROUNDS]

The peers come with the dependency group `peers`; what is not installed is left out. User and system time of the
process and its children; the least of the rounds.
"""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import sys
from pathlib import Path


def commands(folder: str, files: list[str]) -> dict[str, list[str]]:
    """Name → command line. Fixes are shown, not written, so that every round sees the same files."""
    ours = [sys.executable, "-m", "jettison", "lint", "--format", "json"]
    return {
        "jettison lint": [*ours, *files],
        "jettison lint, fixes worked out": [*ours, "--diff", *files],
        "jettison lint --shellcheck": [*ours, "--shellcheck", *files],
        "hadolint": ["hadolint", "-f", "json", *files],
        "tally": ["tally", "lint", "--format", "json", *files],
        "trivy config": ["trivy", "config", "--format", "json", "--quiet", folder],
    }


def seconds(command: list[str]) -> float:
    """CPU seconds of one run."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    """Run all, print the table."""
    folder, rounds = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 3
    files = sorted(str(path) for path in Path(folder).rglob("*") if path.is_file())
    path = os.pathsep.join((str(Path(sys.executable).parent), os.environ.get("PATH", "")))
    print(f"{len(files):,} files\n\n| tool | CPU seconds | files per CPU second |\n|---|---:|---:|")
    for name, command in commands(folder, files).items():
        program = shutil.which(command[0], path=path)
        if program is not None:
            least = min(seconds([program, *command[1:]]) for _ in range(rounds))
            print(f"| {name} | {least:.2f} | {len(files) / least:.0f} |", flush=True)


if __name__ == "__main__":
    main()
