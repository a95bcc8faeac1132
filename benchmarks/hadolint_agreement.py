"""How far `jettison lint` and hadolint agree, rule by rule, over a directory or tar archive of Dockerfiles.

    python benchmarks/hadolint_agreement.py CORPUS                 prints the table and the reasons as Markdown
    python benchmarks/hadolint_agreement.py CORPUS --write         puts them into docs/hadolint.md
    python benchmarks/hadolint_agreement.py CORPUS --show DL3009   prints the files on which the two differ

hadolint comes with the dependency group `peers`. A rule counts once a file. Files that either of the two cannot read
are left out. A rule of ours that bears several of hadolint's names (yum's and dnf's, say) counts for those that
hadolint finds in the file, and for the first where it finds none. Ours run with every rule selected, hadolint with its
settings as they come. Why the two differ on a rule stands in `hadolint_reasons.toml`; a difference without a reason,
and a reason without a difference, is an error.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tarfile
import tempfile
import textwrap
import tomllib
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).parent
PAGE = HERE.parent / "docs" / "hadolint.md"
REASONS = HERE / "hadolint_reasons.toml"
BEGIN, END = "<!-- counted -->\n", "<!-- end of what is counted -->\n"
WRAP = textwrap.TextWrapper(120, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False)
BATCH = 200
"""Files a run of hadolint."""


@dataclass(slots=True)
class Agreement:
    """One rule of hadolint's: the files on which both find it, and those on which only one does."""

    both: list[str] = field(default_factory=list)
    ours: list[str] = field(default_factory=list)
    theirs: list[str] = field(default_factory=list)


def theirs(folder: Path, names: list[str]) -> dict[str, set[str]]:
    """File → hadolint's codes."""
    program = shutil.which("hadolint", path=str(Path(sys.executable).parent)) or "hadolint"
    found: dict[str, set[str]] = {name: set() for name in names}
    for start in range(0, len(names), BATCH):
        command = [program, "--no-fail", "-f", "json", *names[start : start + BATCH]]
        done = subprocess.run(command, capture_output=True, check=True, cwd=folder)
        for row in json.loads(done.stdout):
            found[row["file"]].add(row["code"])
    return found


def ours(folder: Path, names: list[str]) -> dict[str, set[tuple[str, ...]] | None]:
    """File → hadolint's names of the rules of ours that find something, None for a file with a syntax error."""
    from jettison.rules.engine import registry
    from jettison.rules.engine.lint import lint
    from jettison.rules.engine.settings import Settings

    aliases = {rule.code: tuple(a for a in rule.aliases if a.startswith("DL")) for rule in registry.all_rules()}
    rules = registry.select(Settings(select=("ALL",)))
    found: dict[str, set[tuple[str, ...]] | None] = {}
    for name in names:
        report = lint((folder / name).read_bytes(), path=name, rules=rules)
        codes = {aliases[finding.code] for finding in report.findings if aliases.get(finding.code)}
        found[name] = None if report.file.problems else codes
    return found


def compare(folder: Path) -> tuple[dict[str, Agreement], int, int]:
    """hadolint's code → where the two agree; the number of files counted, and of all."""
    names = sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
    left, right = ours(folder, names), theirs(folder, names)
    rules: dict[str, Agreement] = {}
    counted = 0
    for name in names:
        found, yours = left[name], {code for code in right[name] if code.startswith("DL")}
        if found is None or "DL1000" in yours:
            continue
        counted += 1
        # A rule of ours that bears several of theirs counts for those they find; else for the first.
        mine = {code for codes in found for code in (set(codes) & yours or codes[:1])}
        for code in mine | yours:
            rule = rules.setdefault(code, Agreement())
            (rule.ours if code not in yours else rule.theirs if code not in mine else rule.both).append(name)
    return rules, counted, len(names)


def unexplained(rules: dict[str, Agreement], reasons: dict[str, dict[str, str]]) -> list[str]:
    """What the reasons and the counts do not have in common, a sentence each."""
    differ = {(code, side) for code, rule in rules.items() for side in ("ours", "theirs") if getattr(rule, side)}
    known = {(code, side) for code, sides in reasons.items() for side in sides}
    return [
        *(f"{code}: {side} only, and no reason in {REASONS.name}" for code, side in sorted(differ - known)),
        *(f"{code}: a reason for {side} only, and no such file" for code, side in sorted(known - differ)),
    ]


def page(rules: dict[str, Agreement], reasons: dict[str, dict[str, str]], counted: int, total: int) -> str:
    """The table, and why the two differ."""
    lines = [f"{counted:,} files of {total:,} that both read.", "", "| rule | both | ours only | hadolint only |"]
    lines.append("|---|---:|---:|---:|")
    for code, rule in sorted(rules.items()):
        lines.append(f"| {code} | {len(rule.both):,} | {len(rule.ours):,} | {len(rule.theirs):,} |")
    for side, title in (("theirs", "Where only hadolint finds something"), ("ours", "Where only we find something")):
        lines += ["", f"## {title}", ""]
        for code, rule in sorted(rules.items()):
            files = getattr(rule, side)
            if files:
                text = f"- **{code}** ({len(files):,}): {' '.join(reasons[code][side].split())}"
                lines += WRAP.wrap(text)
    return "\n".join(lines) + "\n"


def main() -> int:
    """Count, and print; exit code 1 when counts and reasons are not in step."""
    arguments = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    arguments.add_argument("corpus", type=Path)
    arguments.add_argument("--write", action="store_true", help=f"into docs/{PAGE.name}")
    arguments.add_argument("--show", metavar="CODE", help="print the files on which the two differ about this rule")
    options = arguments.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = options.corpus
        if folder.is_file():
            with tarfile.open(folder) as archive:
                archive.extractall(scratch, filter="data")
            folder = Path(scratch)
        rules, counted, total = compare(folder)
    if options.show:
        rule = rules.get(options.show, Agreement())
        for side in ("ours", "theirs"):
            print(*(f"{side} only: {name}" for name in getattr(rule, side)), sep="\n")
        return 0
    reasons = tomllib.loads(REASONS.read_text())
    faults = unexplained(rules, reasons)
    if faults:
        print(*faults, sep="\n", file=sys.stderr)
        return 1
    text = page(rules, reasons, counted, total)
    if options.write:
        head, _, rest = PAGE.read_text().partition(BEGIN)
        PAGE.write_text(head + BEGIN + "\n" + text + "\n" + END + rest.partition(END)[2])
    else:
        print(text, end="")
    return 0


if __name__ == "__main__":
    sys.exit(main())
