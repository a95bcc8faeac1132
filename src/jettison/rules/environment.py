"""ENV and ARG: variables."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from jettison.finding import Severity
from jettison.rules.engine.rule import InstructionRule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jettison.dockerfile.instruction import Instruction
    from jettison.finding import Finding
    from jettison.rules.engine.context import Context


def _defined_before(instruction: Instruction) -> set[str]:
    """Names that ENV and ARG give values to before the instruction."""
    stage = instruction.stage
    earlier = (
        other
        for place in (stage.lineage if stage is not None else [])
        for other in place.instructions
        if other.kind in ("ENV", "ARG") and (place is not stage or other.index < instruction.index)
    )
    return {str(pair.name) for other in earlier for pair in other.pairs} | {"PATH", "HOME"}


class EnvRefersToItself(InstructionRule):
    """ENV uses a variable that the same instruction defines.

    What it does: reports `ENV a=1 b=$a` where `a` is not defined before.

    Why is this bad: the builder expands all values before it sets any: `b` gets the old value of `a`, or nothing.

    Use instead: two ENV instructions.

    Fix safety: report only.

    Sources: hadolint DL3044.
    """

    code = "ENV001"
    name = "env-refers-to-itself"
    aliases = ("DL3044",)
    severity = Severity.ERROR
    kinds = ("ENV",)
    bad = "FROM debian:12\nENV HOME_DIR=/srv DATA_DIR=$HOME_DIR/data\n"
    good = (
        "FROM debian:12\nENV HOME_DIR=/srv\nENV DATA_DIR=$HOME_DIR/data\n",
        "FROM debian:12\nENV PATH=/opt/bin:$PATH\n",
    )

    def check(self, instruction: Instruction, context: Context) -> Iterator[Finding]:
        """The value."""
        pairs = instruction.pairs
        if len(pairs) < 2:
            return
        known = _defined_before(instruction)
        for position, pair in enumerate(pairs):
            others = {str(other.name) for other in pairs[:position]} - known
            text = str(pair.value) if pair.value is not None else ""
            for match in re.finditer(r"(?<!\\)\$\{?(\w+)", text):
                if match[1] in others and pair.value is not None:
                    yield context.found(self, pair.value, f"{match[1]} is not set yet when this is expanded")
                    break
