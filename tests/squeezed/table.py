"""The gate's results, as lines while it runs and as the page docs/squeezed.md."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING

from engine.machine import cache_dir

from .gate import ONLY, STEPS, VARIANTS, Outcome

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from .images import Case

HEADINGS = {
    "squeeze": "lossless: `jettison squeeze`",
    "all-safe": "`--drop all-safe`",
    "merge": "`--layers merge`",
    "four": "`--layers 4`",
}


def line(outcome: Outcome) -> str:
    """One outcome for a terminal."""
    steps = len(outcome.told)
    verdict = f"{steps} steps hold" if not outcome.failed else f"{steps} hold, {len(outcome.failed)} do not"
    sizes = f"raw {_megabytes(outcome.raw)}, gzip {_megabytes(outcome.stored)}"
    return f"{outcome.name} {outcome.variant}: {sizes} MB, {verdict}; {_words(outcome)}"


def _words(outcome: Outcome) -> str:
    said = [f"{step} {words} ({outcome.seconds[step]:.0f} s)" for step, words in outcome.told.items()]
    return ", ".join([f"squeezed in {outcome.seconds.get('squeezing', 0):.0f} s", *said])


def _megabytes(pair: tuple[int, int]) -> str:
    return f"{pair[0] / 1e6:.1f} → {pair[1] / 1e6:.1f}"


def _folder() -> Path:
    path = cache_dir() / "squeezed" / "outcomes"
    path.mkdir(parents=True, exist_ok=True)
    return path


def keep(outcome: Outcome) -> None:
    """Keep an outcome for the page; of one with some steps only, the others stay as they were."""
    path = _folder() / f"{outcome.name}.{outcome.variant}.json"
    old = json.loads(path.read_text()) if path.exists() else {}
    new = dataclasses.asdict(outcome)
    for field in ("told", "failed", "seconds"):
        taken = outcome.told.keys() | outcome.failed.keys()
        new[field] = {step: said for step, said in old.get(field, {}).items() if step not in taken} | new[field]
    path.write_text(json.dumps(new))


def kept() -> list[Outcome]:
    """The outcomes that were kept."""
    return [Outcome(**json.loads(path.read_text())) for path in sorted(_folder().glob("*.json"))]


def page(cases: dict[str, Case], outcomes: Iterable[Outcome]) -> str:
    """docs/squeezed.md."""
    by_key = {(outcome.name, outcome.variant): outcome for outcome in outcomes}
    parts = [INTRODUCTION]
    parts += [f"| image | what it is |\n|---|---|\n{_about(cases)}"]
    for variant, heading in HEADINGS.items():
        rows = [by_key[name, variant] for name in cases if (name, variant) in by_key]
        if rows:
            parts.append(f"## {heading[0].upper()}{heading[1:]}\n\n{_rows(rows, variant)}")
    parts.append(NOTES)
    return "\n\n".join(part.strip("\n") for part in parts) + "\n"


def _about(cases: dict[str, Case]) -> str:
    return "\n".join(f"| {case.name} | {case.about} |" for case in cases.values())


def _rows(rows: list[Outcome], variant: str) -> str:
    steps = [step for step in STEPS if variant in ONLY.get(step, {variant})]
    head = "| image | layers | raw MB | saved | gzip MB | saved | " + " | ".join(steps) + " |"
    return "\n".join([head, "|---|---|--:|--:|--:|--:|" + "---|" * len(steps), *(_row(row, steps) for row in rows)])


def _failure(row: Outcome, step: str) -> str:
    """Why a step does not hold, in bold; one that was not taken reads `not run`, and proves nothing."""
    return f"**{' '.join(row.failed[step].split())}**" if step in row.failed else "not run"


def _row(row: Outcome, steps: list[str]) -> str:
    cells = [row.name, f"{row.layers[0]} → {row.layers[1]}"]
    for pair in (row.raw, row.stored):
        cells += [_megabytes(pair), f"{(1 - pair[1] / pair[0]) * 100:.1f} %" if pair[0] else ""]
    cells += [row.told.get(step) or _failure(row, step) for step in steps]
    cells = [cell.replace("|", "\\|") for cell in cells]
    return f"| {' | '.join(cells)} |"


assert list(HEADINGS) == list(VARIANTS)

INTRODUCTION = """
# Squeezed: real images through the gate

`python tests/squeezed` builds these images with Docker (BuildKit and the legacy builder), buildx and buildah, squeezes
each in every way below, always with `--cargo`, and takes every result through the steps that the tables name. A cell
says what was compared; a step that does not hold says why, in bold. `not run` stands for a step that nobody has taken
since the image was built. This page is that script's (`--page`).

- raw: the bytes of the layers' tars. gzip: the layers' blobs; before, as skopeo packs them.
- proof: result and cargo pass `check()` (all digests, sizes, headers recomputed), and the tree of what was written is
  the original's, but for what was dropped.
- dead: bytes of files that the tree does not show, before and after; what is left lies in layers that stay as they are.
- umoci: umoci unpacks both; bsdtar (type, mode, owner, size, SHA-256, link, time, device), getfattr (all attributes)
  and find (which names are one file) list the same. export: the same of what Docker exports from a container of each.
- docker, podman: loaded, started without a network but loopback, and asked; the answers are the original's. registry:
  Debian's docker-registry takes result and cargo and serves them under the same digests. skopeo: `skopeo inspect`.
  containerd: `ctr images import` and `check`.
- restore: `jettison restore` gives the original tree back, by our proof, and by umoci.
- scanners: Syft and Trivy list what `jettison analyze --packages` says, in the original and in the result.
"""

NOTES = """
## What is compared, and what is not

- The time of the root directory, which these images have no entry for: it is that of the unpacking. What an engine puts
  into every container (`/.dockerenv`, `/etc/hosts`, `/etc/resolv.conf`, `/dev`, …).
- With `--drop`, the paths that the report lists as gone, and size and hash of the package databases that follow them.
- Docker shows, as the number of a file's hard links, also names that a later layer deleted: the same names are one file
  before and after, `st_nlink` may be lower.
- Where provenance names the base image (buildx), its layers stay as they are, with all that later layers hide of them,
  and nothing is dropped from them: `--no-keep-base` does both.
- Syft and Trivy are held against Jettison by kind, name and version. Left out are programs that Syft knows by their
  bytes (`pkg:generic`), since no package manager brought them; npm packages that are not in a `node_modules` (what only
  a lock file wishes for, projects themselves, fixtures of tests, what Debian's `node-…` packages have); Go's main
  modules that were built without a version, which Syft makes one up for; and, from Trivy's view, the libraries of other
  languages that a system package brought: it leaves them out.
"""
