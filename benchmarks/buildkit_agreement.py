"""How far `jettison lint` and BuildKit's checks agree, check by check, over a directory or tar archive of Dockerfiles.

    python benchmarks/buildkit_agreement.py CORPUS                        prints the counts as Markdown
    python benchmarks/buildkit_agreement.py CORPUS --show UndefinedVar    prints where the two differ

BuildKit's side is its own code (`tests/dockerfile/buildkit`, built with Go): what `docker build --check` runs, with
base images that set PATH alone. A check counts once an instruction. Files that either refuses are left out. Why the two
differ stands in docs/syntax.md.
"""

from __future__ import annotations

import argparse
import gzip
import io
import json
import subprocess
import tarfile
import tempfile
from bisect import bisect_right
from collections import Counter, defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jettison.dockerfile import parse
from jettison.rules.engine import registry
from jettison.rules.engine.lint import lint
from jettison.rules.engine.settings import Settings

if TYPE_CHECKING:
    from jettison.rules.engine.rule import Rule

SOURCE = Path(__file__).resolve().parents[1] / "tests" / "dockerfile" / "buildkit"
CHECKS = (
    "ConsistentInstructionCasing",
    "CopyIgnoredFile",
    "DuplicateStageName",
    "ExposeInvalidFormat",
    "ExposeProtoCasing",
    "FromAsCasing",
    "FromPlatformFlagConstDisallowed",
    "InvalidDefaultArgInFrom",
    "JSONArgsRecommended",
    "LegacyKeyValueFormat",
    "MaintainerDeprecated",
    "MultipleInstructionsDisallowed",
    "NoEmptyContinuation",
    "RedundantTargetPlatform",
    "ReservedStageName",
    "SecretsUsedInArgOrEnv",
    "StageNameCasing",
    "UndefinedArgInFrom",
    "UndefinedVar",
    "WorkdirRelativePath",
)


def read(path: Path) -> dict[str, bytes]:
    """The files of a directory or tar archive."""
    if path.is_dir():
        return {str(each.relative_to(path)): each.read_bytes() for each in sorted(path.rglob("*")) if each.is_file()}
    data = path.read_bytes()
    with tarfile.open(fileobj=io.BytesIO(gzip.decompress(data) if path.suffix == ".gz" else data)) as tar:
        return {each.name: tar.extractfile(each).read() for each in tar if each.isfile()}  # type: ignore[union-attr]


def theirs(files: dict[str, bytes]) -> dict[str, dict[str, Any]]:
    """What BuildKit's code says, by file."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as tar:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    with tempfile.TemporaryDirectory() as folder:
        program = Path(folder, "oracle")
        subprocess.run(["go", "build", "-o", program, "."], cwd=SOURCE, check=True)
        done = subprocess.run([program], input=stream.getvalue(), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    return {answer["name"]: answer for answer in map(json.loads, done.stdout.splitlines())}


def compare(
    data: bytes, name: str, answer: dict[str, Any], rules: tuple[Rule, ...], settings: Settings
) -> tuple[set[tuple[str, int]], set[tuple[str, int]]] | None:
    """What ours and BuildKit's checks find: check and first line of the instruction. None for a file either refuses."""
    file = parse(data, name)
    if file.problems or answer.get("refused") or answer.get("check"):
        return None
    starts = [file.source.line(instruction.start) for instruction in file.instructions]

    def first(line: int) -> int:
        return starts[max(bisect_right(starts, line) - 1, 0)]

    named = {rule.code: [alias for alias in rule.aliases if alias in CHECKS] for rule in rules}
    findings = lint(file, settings, rules=rules).findings
    mine = {(alias, first(each.location.line)) for each in findings for alias in named.get(each.code, ())}
    return mine, {(each["rule"], first(each["line"])) for each in answer.get("warnings", ())}


def main() -> None:
    """Count and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--show", nargs="+", choices=CHECKS, help="print where the two differ on checks")
    options = parser.parse_args()
    files = read(options.corpus)
    answers = theirs(files)
    settings = Settings(select=tuple(CHECKS))
    rules = registry.select(settings)
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    judged = 0
    for name, data in files.items():
        found = compare(data, name, answers[name], rules, settings)
        if found is None:
            continue
        judged += 1
        mine, yours = found
        if options.show:
            for check, line in sorted(mine ^ yours):
                if check in options.show:
                    print(f"{check} {'ours' if (check, line) in mine else 'BuildKit'} {name}:{line}")
        for check in CHECKS:
            left, right = ({line for named, line in side if named == check} for side in found)
            counts[check].update(both=len(left & right), ours=len(left - right), theirs=len(right - left))
    if not options.show:
        print(f"{judged:,} of {len(files):,} files\n\n| check | both | ours only | BuildKit only |\n|---|--:|--:|--:|")
        for check in CHECKS:
            count = counts[check]
            print(f"| {check} | {count['both']:,} | {count['ours']:,} | {count['theirs']:,} |")


if __name__ == "__main__":
    main()
