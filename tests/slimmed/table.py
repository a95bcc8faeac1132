"""The gate's results, as lines while it runs and as the page docs/slimmed.md."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING

from engine.machine import cache_dir

from .gate import STEPS, Outcome

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from .applications import Application

HEADINGS = {"package": "`--level package`, the default", "file": "`--level file`"}


def line(outcome: Outcome) -> str:
    """One outcome for a terminal."""
    verdict = f"{len(outcome.told)} steps hold" + (f", {len(outcome.failed)} do not" if outcome.failed else "")
    said = [f"{step} {words} ({outcome.seconds[step]:.0f} s)" for step, words in outcome.told.items()]
    sizes = f"raw {_megabytes(outcome.raw)}, gzip {_megabytes(outcome.stored)} MB"
    took = f"slimmed in {outcome.seconds.get('slimming', 0):.0f} s"
    return f"{outcome.name} {outcome.level}: {sizes}, {verdict}; {', '.join([took, *said])}"


def _megabytes(pair: tuple[int, int]) -> str:
    return f"{pair[0] / 1e6:.1f} → {pair[1] / 1e6:.1f}"


def _folder() -> Path:
    path = cache_dir() / "slimmed" / "outcomes"
    path.mkdir(parents=True, exist_ok=True)
    return path


def keep(outcome: Outcome) -> None:
    """Keep an outcome for the page; of one with some steps only, the others stay as they were."""
    path = _folder() / f"{outcome.name}.{outcome.level}.json"
    old = json.loads(path.read_text()) if path.exists() else {}
    new = dataclasses.asdict(outcome)
    taken = outcome.told.keys() | outcome.failed.keys()
    for field in ("told", "failed", "seconds") if "slimming" not in outcome.failed else ():
        kept = {step: said for step, said in old.get(field, {}).items() if step in STEPS and step not in taken}
        new[field] = kept | new[field]
    path.write_text(json.dumps(new))


def kept() -> list[Outcome]:
    """The outcomes that were kept."""
    return [Outcome(**json.loads(path.read_text())) for path in sorted(_folder().glob("*.json"))]


def page(applications: Mapping[str, Application], outcomes: Iterable[Outcome]) -> str:
    """docs/slimmed.md."""
    by_key = {(outcome.name, outcome.level): outcome for outcome in outcomes}
    about = "\n".join(f"| {name} | {one.about} | {_exercised(one)} |" for name, one in applications.items())
    parts = [INTRODUCTION, f"| application | what it is | what it is put through |\n|---|---|---|\n{about}"]
    for level, heading in HEADINGS.items():
        rows = [by_key[name, level] for name in applications if (name, level) in by_key]
        if rows:
            parts.append(f"## {heading}\n\n{_rows(rows)}")
    return "\n\n".join(part.strip("\n") for part in (*parts, NOTES)) + "\n"


def _exercised(application: Application) -> str:
    words = " ".join(word if " " not in word else f"'{word}'" for word in application.exercise)
    return f"`{words}`".replace("|", "\\|") if words else "run to its end"


def _rows(rows: list[Outcome]) -> str:
    head = "| application | raw MB | factor | gzip MB | factor | packages | seconds | " + " | ".join(STEPS) + " |"
    return "\n".join([head, "|---|--:|--:|--:|--:|--:|--:|" + "---|" * len(STEPS), *map(_row, rows)])


def _row(row: Outcome) -> str:
    cells = [row.name]
    for pair in (row.raw, row.stored):
        cells += [_megabytes(pair), f"{pair[0] / pair[1]:.1f}" if pair[1] else ""]
    cells += [f"{row.packages[0]} → {row.packages[1]}", f"{row.seconds.get('slimming', 0):.0f}"]
    cells += [row.told.get(step) or _failure(row, step) for step in STEPS]
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def _failure(row: Outcome, step: str) -> str:
    """Why a step does not hold, in bold; one that was not taken reads `not run`, and proves nothing."""
    why = row.failed.get(step) or (row.failed.get("slimming") if step == "proof" else None)
    return f"**{' '.join(why.split())[:200]}**" if why else "not run"


INTRODUCTION = """
# Slimmed: real applications through the gate

`python tests/slimmed` builds these applications from Debian, PyPI, npm, Go modules and Maven, slims each with
`jettison slim … --cargo`, traced in Docker 26 without privileges, and holds the result against the original. A cell
says what was compared; a step that does not hold says why, in bold. `not run` stands for a step that nobody has taken,
and an application without a row below has not been through the gate. This page is that script's (`--page`).

- raw: the bytes of the files that the image shows. gzip: the layers' blobs; before, as skopeo packs them. packages: of
  all package managers. seconds: wall time of the whole, two runs of the original and those of results among it, on two
  cores that others kept busy, at times so much that it tells nothing.
- proof: Jettison's own; how many outcomes (answers, commands, HEALTHCHECK, end) were the same, after how many rounds.
- answers: the gate's own requests, asked of original and result in Docker, most of them never asked while it was
  traced. At the level of files, which is as good as the trace, only those that were asked then must hold.
- modes: every path has the type, mode, owner, attributes and link that it had, the image its configuration. restore:
  `jettison restore` gives the original's tree back. digest: two runs on the saved trace give one digest.
- scanners: Syft and Trivy list the packages that Jettison says it kept.
- engines: traced by podman, and without an engine, the result has the same files.
"""

NOTES = """
## What this says, and what it does not

The bases are stand-ins made from Debian's packages, so sizes differ from those of the official images. The factors
compare with the image as its Dockerfile makes it: one that carries tools (Node.js with npm, the JDK) has more to lose.
"""
