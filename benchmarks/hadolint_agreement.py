"""How far `jettison lint` and hadolint agree, rule by rule, on a directory of Dockerfiles; printed as Markdown.

    python benchmarks/hadolint_agreement.py DIRECTORY

hadolint comes with the dependency group `peers`. A rule counts once a file. Files that either of the two cannot read
are left out. Ours run with every rule selected, hadolint with its settings as they come.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

BATCH = 200
"""Files a run of hadolint."""


def theirs(files: list[str]) -> dict[str, set[str]]:
    """File → hadolint's codes."""
    program = shutil.which("hadolint", path=str(Path(sys.executable).parent)) or "hadolint"
    found: dict[str, set[str]] = {name: set() for name in files}
    for start in range(0, len(files), BATCH):
        command = [program, "--no-fail", "-f", "json", *files[start : start + BATCH]]
        done = subprocess.run(command, capture_output=True, check=True)
        for row in json.loads(done.stdout):
            found[row["file"]].add(row["code"])
    return found


def ours(files: list[str]) -> dict[str, set[str] | None]:
    """File → hadolint's names of what we find, None for a file with a syntax error."""
    from jettison.rules.engine import registry
    from jettison.rules.engine.lint import lint
    from jettison.rules.engine.settings import Settings

    aliases = {rule.code: [a for a in rule.aliases if a.startswith("DL")] for rule in registry.all_rules()}
    rules = registry.select(Settings(select=("ALL",)))
    found: dict[str, set[str] | None] = {}
    for name in files:
        report = lint(Path(name).read_bytes(), path=name, rules=rules)
        codes = {alias for finding in report.findings for alias in aliases.get(finding.code, ())}
        found[name] = None if report.file.problems else codes
    return found


def main() -> None:
    """Count, and print the table."""
    files = sorted(str(path) for path in Path(sys.argv[1]).rglob("*") if path.is_file())
    left, right = ours(files), theirs(files)
    counted = [name for name in files if left[name] is not None and "DL1000" not in right[name]]
    both: Counter[str] = Counter()
    only_ours: Counter[str] = Counter()
    only_theirs: Counter[str] = Counter()
    for name in counted:
        mine = left[name] or set()
        yours = {code for code in right[name] if code.startswith("DL")}
        both.update(mine & yours)
        only_ours.update(mine - yours)
        only_theirs.update(yours - mine)
    print(f"{len(counted):,} files of {len(files):,} that both read.\n")
    print("| rule | both | ours only | hadolint only |\n|---|---:|---:|---:|")
    for code in sorted({*both, *only_ours, *only_theirs}):
        print(f"| {code} | {both[code]} | {only_ours[code]} | {only_theirs[code]} |")


if __name__ == "__main__":
    main()
