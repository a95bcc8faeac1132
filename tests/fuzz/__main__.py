"""Fuzz by hand.

python -m tests.fuzz --seconds 600                 cases from a random number on; a failing one is named
python -m tests.fuzz --case 123456 [--save FILE]   one case again, and its bytes
"""

from __future__ import annotations

import argparse
import random
import tempfile
from pathlib import Path

from .run import case, fuzz, run


def main() -> None:
    """Read the arguments and run."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description="Fuzz reading images.")
    parser.add_argument("--seconds", type=float, default=60, help="how long to run (default 60)")
    parser.add_argument("--case", type=int, help="run this one case")
    parser.add_argument("--save", type=Path, help="write the case's bytes to a file")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        if arguments.case is not None:
            name, data = case(arguments.case)
            if arguments.save:
                arguments.save.write_bytes(data)
            print(f"case {arguments.case}: {len(data):,} bytes from {name}")
            print("read" if run(arguments.case, Path(folder)) else "refused")
        else:
            first = random.SystemRandom().randrange(1 << 48)
            tried, refused = fuzz(Path(folder), first=first, seconds=arguments.seconds, most=1 << 62)
            print(f"{tried:,} cases from {first}, {refused:,} refused, all cleanly")


if __name__ == "__main__":
    main()
