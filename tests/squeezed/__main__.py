"""The gate by hand: `python tests/squeezed [NAME…]` squeezes real images in every way, and takes every step.

What holds is kept beside the images; `--page` writes docs/squeezed.md from what is kept.
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
from squeezed import gate, images, table


def main() -> int:
    """Parse the command line, run the gate, print the table."""
    parser = argparse.ArgumentParser(prog="tests/squeezed", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="images (default: all; --list names them)")
    parser.add_argument("--list", action="store_true", help="name the images, and do nothing")
    parser.add_argument("--variants", default=",".join(gate.VARIANTS), metavar="A,B", help="default: %(default)s")
    parser.add_argument("--steps", default=",".join(gate.STEPS), metavar="A,B", help="default: %(default)s")
    parser.add_argument("--page", action="store_true", help="write docs/squeezed.md from what is kept")
    arguments = parser.parse_args()
    cases = images.cases()
    if arguments.list:
        for case in cases.values():
            print(f"{case.name}: {case.about}")
        return 0
    if arguments.page:
        page = REPOSITORY / "docs" / "squeezed.md"
        page.write_text(table.page(cases, table.kept()))
        return 0
    names = arguments.names or list(cases)
    if unknown := [name for name in names if name not in cases]:
        parser.error(f"no image {', '.join(unknown)}; there are {', '.join(cases)}")
    return run([cases[name] for name in names], arguments.variants.split(","), arguments.steps.split(","))


def run(chosen: list[images.Case], variants: list[str], steps: list[str]) -> int:
    """Take each image through the gate; the exit status says whether all held."""
    failures = 0
    with ExitStack() as stack, tempfile.TemporaryDirectory(prefix="jettison-gate-") as folder:
        engines = gate.Engines(stack, Path(folder))
        for case in chosen:
            try:
                original = gate.Original(case, engines)
            except CommandFailed as error:
                print(f"{case.name}: cannot be built: {error}", file=sys.stderr)
                failures += 1
                continue
            for variant in variants:
                failures += report(gate.outcome(original, variant, steps))
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
