"""Whose line put it there: layer → history step → Dockerfile instruction → line, and where the base image ends.

BuildKit's provenance says it exactly, when the image carries it (`mode=max`). Otherwise the Dockerfile's instructions
are aligned with the history: both are sequences, so the best order-preserving pairing is found (Needleman-Wunsch over
the words of each step), anchored at the end, where both are complete. Source of the provenance's form: BuildKit,
docs/attestations/slsa-definitions.md.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from jettison.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from jettison.dockerfile import Dockerfile
    from jettison.image.image import Image
    from jettison.oci.config import History


@dataclass(frozen=True, slots=True)
class Step:
    """One instruction of a Dockerfile that leaves a step in the history: its keyword, its text and its lines."""

    keyword: str
    text: str
    line: int
    end_line: int


def steps_of(dockerfile: Dockerfile, target: str | None = None) -> list[Step]:
    """The steps of the stage that is built (`target`, else the last), with those of the stages it builds on first.

    Raises `UsageError` where there is no such stage.
    """
    stages = dockerfile.stages
    wanted = [s for s in stages if target is not None and target.lower() in (s.name, str(s.index))]
    if not stages or (target is not None and not wanted):
        there = ", ".join(s.name or str(s.index) for s in stages) or "none"
        raise UsageError(f"{dockerfile.path} has no stage {target or ''}; there are: {there}")
    source = dockerfile.source
    found: list[Step] = []
    for stage in reversed((wanted or stages)[-1].lineage):
        for instruction in stage.instructions:
            text = instruction.rest.decode("utf-8", "replace")
            for heredoc in instruction.heredocs:
                text += "\n" + source.text(heredoc.body).decode("utf-8", "replace")
            last = max(instruction.start, instruction.end - 1)
            found.append(Step(instruction.kind, text, instruction.line, source.line(last)))
    return found


@dataclass(frozen=True, slots=True)
class Origin:
    """Where one layer comes from. `line` is 1-based, None where it is not known; `base` where the base image made it.

    `command` is what the history says, without the engine's decorations. `evidence` names what the line rests on:
    `provenance`, `alignment`, or None.
    """

    command: str
    line: int | None = None
    end_line: int | None = None
    base: bool | None = None
    evidence: str | None = None


_NOP = re.compile(r"^(?:\|\d+ (?:[^ ]*=(?:'[^']*'|\"[^\"]*\"|[^ ]*) )*)?/bin/(?:ba|a|da)?sh -c #\(nop\)\s+", re.DOTALL)
_RUN = re.compile(
    r"^(?:RUN )?(?:\|\d+ (?:.*?) )?"
    r"(?:/bin/(?:ba|a|da)?sh(?: -[a-z]+)*(?: -o pipefail)*(?: -[a-z]+)*|cmd /S /C|powershell -Command) ",
    re.DOTALL,
)
_KEYWORDS = frozenset(
    {"ADD", "ARG", "CMD", "COPY", "ENTRYPOINT", "ENV", "EXPOSE", "FROM", "HEALTHCHECK", "LABEL", "MAINTAINER"}
    | {"ONBUILD", "RUN", "SHELL", "STOPSIGNAL", "USER", "VOLUME", "WORKDIR"}
)
_WORD = re.compile(r"[A-Za-z0-9_./:=@+-]+")


def command_of(step: History) -> str:
    """The instruction that a history step tells of, as a Dockerfile would write it.

    Engines write `/bin/sh -c #(nop) CMD [...]`, `RUN /bin/sh -c apt-get update # buildkit`, `|1 A=b /bin/sh -c make`.
    """
    text = (step.created_by or "").strip()
    text = text.removesuffix("# buildkit").rstrip()
    nop = _NOP.sub("", text)
    if nop != text:
        return nop
    if text.partition(" ")[0] in _KEYWORDS and not text.startswith("RUN "):
        return text
    bare = _RUN.sub("", text)
    return "RUN " + bare if bare != text else text


def align(history: Sequence[History], steps: Sequence[Step]) -> list[Step | None]:
    """For each history step the Dockerfile step that made it, or None for those of the base image.

    The best pairing that keeps both orders, by the share of words in common. Steps at the start of the history may
    stay unpaired at no cost (they are the base's); a Dockerfile step without a history step costs a little (ARG and
    instructions that the builder dropped).
    """
    words = [_words(command_of(step)) for step in history]
    wanted = [(step.keyword, _word_set(step.text)) for step in steps]
    rows, columns = len(history), len(steps)
    score = [[0.0] * (columns + 1) for _ in range(rows + 1)]
    for i in range(rows - 1, -1, -1):
        for j in range(columns - 1, -1, -1):
            pair = _likeness(words[i], wanted[j])
            score[i][j] = max(score[i + 1][j], score[i][j + 1], score[i + 1][j + 1] + pair if pair > 0 else 0.0)
    paired: list[Step | None] = [None] * rows
    i = j = 0
    while i < rows and j < columns:
        pair = _likeness(words[i], wanted[j])
        if pair > 0 and score[i][j] == score[i + 1][j + 1] + pair:
            paired[i] = steps[j]
            i, j = i + 1, j + 1
        elif score[i][j] == score[i + 1][j]:
            i += 1
        else:
            j += 1
    return paired


def _words(text: str) -> tuple[str, frozenset[str]]:
    keyword, _, rest = text.partition(" ")
    return keyword.upper(), _word_set(rest)


def _word_set(text: str) -> frozenset[str]:
    return frozenset(_WORD.findall(text))


def _likeness(a: tuple[str, frozenset[str]], b: tuple[str, frozenset[str]]) -> float:
    """From 0 (another instruction) to 1 (the same words); a variable's value counts as a difference, not as a bar."""
    if a[0] != b[0]:
        return 0.0
    if not a[1] and not b[1]:
        return 1.0
    union = len(a[1] | b[1])
    share = len(a[1] & b[1]) / union if union else 0.0
    floor = 0.05 if a[0] in ("COPY", "ADD", "WORKDIR", "ENV", "LABEL", "USER", "EXPOSE") else 0.0
    return max(share, floor) if share > 0.1 or floor else 0.0


def origins(image: Image, steps: Sequence[Step] | None, base_layers: int | None) -> list[Origin]:
    """The origin of every layer, from the base up.

    `steps` are the final stage's instructions, when a Dockerfile is given; `base_layers` how many layers are known to
    be the base image's, when that is known otherwise.
    """
    rows = image.steps()
    exact = _provenance_lines(image)
    paired = align([step for step, _ in rows], steps) if steps is not None else [None] * len(rows)
    first_own = _first_own_layer(rows, paired) if steps is not None else None
    if base_layers is None:
        base_layers = first_own if first_own is not None else guess_base_layers(image)
    found: list[Origin] = []
    number = 0
    for (step, layer), pair in zip(rows, paired, strict=True):
        if layer is None:
            continue
        command = command_of(step)
        base = number < base_layers if base_layers is not None else None
        lines = exact.get(layer.digest or "") or exact.get(layer.diff_id)
        if lines:
            found.append(Origin(command, lines[0], lines[1], base, "provenance"))
        elif pair is not None:
            found.append(Origin(command, pair.line, pair.end_line, base, "alignment"))
        else:
            found.append(Origin(command, base=base))
        number += 1
    return found


def _first_own_layer(rows: list[tuple[History, Any]], paired: Sequence[Step | None]) -> int | None:
    number = 0
    for (_, layer), pair in zip(rows, paired, strict=True):
        if pair is not None:
            return number
        number += layer is not None
    return None


def guess_base_layers(image: Image) -> int | None:
    """How many layers the base image seems to have, by its trace in the history; None where nothing tells.

    A base image ends with its own CMD or ENTRYPOINT; whatever makes layers after that is yours. The image's own CMD
    at the very end does not count.
    """
    rows = image.steps()
    seen_layer = False
    for position in range(len(rows) - 1, -1, -1):
        step, layer = rows[position]
        if layer is not None:
            seen_layer = True
        elif seen_layer and command_of(step).startswith(("CMD", "ENTRYPOINT")):
            return sum(1 for _, made in rows[:position] if made is not None)
    return None


def _provenance_lines(image: Image) -> dict[str, tuple[int, int]]:
    """Blob digest → (first line, last line), from BuildKit's provenance, where the image carries it."""
    found: dict[str, tuple[int, int]] = {}
    for metadata in _buildkit_metadata(image):
        source = metadata.get("source")
        locations = source.get("locations") if isinstance(source, dict) else None
        layers = metadata.get("layers")
        if not isinstance(locations, dict) or not isinstance(layers, dict):
            continue
        for output, chains in layers.items():
            lines = _lines(locations.get(str(output).partition(":")[0]))
            for chain in chains if isinstance(chains, list) else []:
                last = chain[-1] if isinstance(chain, list) and chain else None
                if lines and isinstance(last, dict) and isinstance(last.get("digest"), str):
                    found.setdefault(last["digest"], lines)
    return found


def _buildkit_metadata(image: Image) -> Iterator[dict[str, Any]]:
    for raw in image.attestations:
        try:
            statement = json.loads(raw)
        except ValueError:
            continue
        yield from _find(statement, 0)


def _find(value: Any, depth: int) -> Iterator[dict[str, Any]]:
    if not isinstance(value, dict) or depth > 8:
        return
    for key, inner in value.items():
        if key in ("buildkit_metadata", "https://mobyproject.org/buildkit@v1#metadata") and isinstance(inner, dict):
            yield inner
        else:
            yield from _find(inner, depth + 1)


def _lines(location: Any) -> tuple[int, int] | None:
    numbers: list[int] = []
    for place in location.get("locations", []) if isinstance(location, dict) else []:
        for part in place.get("ranges", []) if isinstance(place, dict) else []:
            for end in ("start", "end"):
                line = part.get(end, {}).get("line") if isinstance(part, dict) else None
                if isinstance(line, int):
                    numbers.append(line)
    return (min(numbers), max(numbers)) if numbers else None


def provenance_dockerfile(image: Image) -> bytes | None:
    """The Dockerfile's text, where BuildKit's provenance carries it."""
    for metadata in _buildkit_metadata(image):
        source = metadata.get("source")
        for info in source.get("infos", []) if isinstance(source, dict) else []:
            data = info.get("data") if isinstance(info, dict) else None
            if isinstance(data, str):
                try:
                    return base64.b64decode(data, validate=True)
                except (binascii.Error, ValueError):
                    continue
    return None
