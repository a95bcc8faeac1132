"""The gate: every fix over a directory or archive of Dockerfiles, counted and judged apart from the engine.

    python tests/rules/gate.py DIRECTORY_OR_TAR [--unsafe] [--select CODES]

Judged: files that parsed before and not after (by our parser and, where it is installed, by BuildKit's), comments lost,
bytes changed by a second run, new shell errors. Prints findings per rule, and what was refused and why.
"""

from __future__ import annotations

import argparse
import os
import sys
import tarfile
import time
from collections import Counter
from typing import TYPE_CHECKING

from jettison.dockerfile import Dockerfile, parse
from jettison.dockerfile.source import BOM
from jettison.rules.engine.registry import select
from jettison.rules.engine.repair import repair
from jettison.rules.engine.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator


def read(path: str) -> Iterator[tuple[str, bytes]]:
    """Names and bytes of the files in a directory or a tar archive."""
    if os.path.isdir(path):
        for folder, _, names in os.walk(path):
            for name in sorted(names):
                with open(os.path.join(folder, name), "rb") as stream:
                    yield os.path.join(folder, name), stream.read()
        return
    with tarfile.open(path) as archive:
        for member in archive:
            stream = archive.extractfile(member) if member.isfile() else None
            if stream is not None:
                yield member.name, stream.read()


def shell_errors(file: Dockerfile) -> int:
    """Scripts the shell parser does not understand."""
    return sum(script.has_error for instruction in file.instructions for script in instruction.scripts)


def refused_by_buildkit(data: bytes) -> bool:
    """True when BuildKit's own parser, as the test oracle has it, refuses the bytes."""
    try:
        import dockerfile
    except ImportError:
        return False
    try:
        dockerfile.parse_string(data.decode("latin-1"))
    except (dockerfile.GoParseError, ValueError):
        return True
    return False


def judge(before: bytes, after: bytes, path: str) -> list[str]:
    """What a fix did that no fix may do."""
    old, new = parse(before, path), parse(after, path)
    faults = []
    if new.problems or (refused_by_buildkit(after) and not refused_by_buildkit(before)):
        faults.append("no longer parses")
    lost = Counter(comment.data for comment in old.comments) - Counter(comment.data for comment in new.comments)
    if lost:
        faults.append("comment lost")
    if shell_errors(new) > shell_errors(old):
        faults.append("new shell error")
    if before.endswith(b"\n") != after.endswith(b"\n") or before.startswith(BOM) != after.startswith(BOM):
        faults.append("first or last bytes changed")
    return faults


def main() -> int:
    """Run the gate; exit code 1 when a file is broken."""
    arguments = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    arguments.add_argument("path")
    arguments.add_argument("--unsafe", action="store_true")
    arguments.add_argument("--select", default="")
    arguments.add_argument("--show", default="", help="print the findings of this code")
    options = arguments.parse_args()
    settings = Settings(select=tuple(name for name in options.select.split(",") if name))
    rules = select(settings)
    found: Counter[str] = Counter()
    fixed: Counter[str] = Counter()
    reasons: Counter[str] = Counter()
    faults: list[tuple[str, str]] = []
    files = changed = 0
    start = time.process_time()
    for path, data in read(options.path):
        files += 1
        result = repair(data, settings, path=path, unsafe=options.unsafe, rules=rules)
        for finding in (*result.report.findings, *result.applied):
            found[finding.code] += 1
            if finding.code == options.show:
                print(f"{path}:{finding.location.line}:{finding.location.column}: {finding.message}")
        fixed.update(finding.code for finding in result.applied)
        for refused in result.refused:
            reasons[f"{refused.finding.code}: {refused.reason[:70]}"] += 1
            if os.environ.get("SHOW_REFUSED"):
                print(path, refused.finding.location.line, refused.finding.code, refused.reason)
        if result.data != data:
            changed += 1
            faults += [(path, fault) for fault in judge(data, result.data, path)]
            again = repair(result.data, settings, path=path, unsafe=options.unsafe, rules=rules)
            if again.data != result.data:
                faults.append((path, "a second run changes it"))
    print(f"{files} files, {changed} changed, {time.process_time() - start:.1f} CPU-s")
    for code, count in sorted(found.items()):
        print(f"{code}  found {count:6}  fixed {fixed[code]:6}")
    for reason, count in reasons.most_common(30):
        print(f"refused {count}: {reason}")
    for path, fault in faults:
        print(f"FAULT {path}: {fault}")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
