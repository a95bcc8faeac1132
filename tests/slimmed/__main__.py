"""The gate by hand: `python tests/slimmed [NAME…]` slims real applications, and takes every step.

What holds is kept beside the images; `--page` writes docs/slimmed.md from what is kept.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

if __package__ in (None, ""):
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from engine.machine import REPOSITORY, CommandFailed
from slimmed import gate, table
from slimmed.applications import LEVELS, Application, applications, prepare

QUICK = ("proof", "answers", "modes", "restore", "digest")
"""The steps that are taken unless others are asked for."""


def main() -> int:
    """Parse the command line, run the gate, print the table."""
    parser = argparse.ArgumentParser(prog="tests/slimmed", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="applications (default: all; --list names them)")
    parser.add_argument("--list", action="store_true", help="name the applications, and do nothing")
    parser.add_argument("--levels", default="package", metavar="A,B", help=f"of {', '.join(LEVELS)}; %(default)s")
    parser.add_argument("--steps", default=",".join(QUICK), metavar="A,B", help=f"of {', '.join(gate.STEPS)}")
    parser.add_argument("--page", action="store_true", help="write docs/slimmed.md from what is kept")
    arguments = parser.parse_args()
    known = applications()
    if arguments.list:
        for one in known.values():
            print(f"{one.title}: {one.about}")
        return 0
    if arguments.page:
        (REPOSITORY / "docs" / "slimmed.md").write_text(table.page(known, table.kept()))
        return 0
    names = arguments.names or list(known)
    if unknown := [name for name in names if name not in known]:
        parser.error(f"no application {', '.join(unknown)}; there are {', '.join(known)}")
    return run([known[name] for name in names], arguments.levels.split(","), arguments.steps.split(","))


def run(chosen: list[Application], levels: list[str], steps: list[str]) -> int:
    """Take each application through the gate; the exit status says whether all held."""
    failures = 0
    with ExitStack() as stack, tempfile.TemporaryDirectory(prefix="jettison-gate-") as folder:
        engines = gate.Engines(stack, Path(folder))
        for application in chosen:
            try:
                prepare(application)
                original = gate.Original(application, engines)
            except CommandFailed as error:
                print(f"{application.title}: cannot be built: {error}", file=sys.stderr)
                failures += 1
                continue
            for level in levels:
                failures += report(gate.outcome(original, application, level, steps))
    return 1 if failures else 0


def report(outcome: gate.Outcome) -> int:
    """Print and keep an outcome; how much of it does not hold."""
    print(table.line(outcome), flush=True)
    for step, why in outcome.failed.items():
        print(f"  {step}: {why}", flush=True)
    table.keep(outcome)
    return len(outcome.failed)


if __name__ == "__main__":
    sys.exit(main())
