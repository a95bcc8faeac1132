"""LABEL: keys, and values that a schema asks for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from jettison.dockerfile.patterns import lazy
from jettison.finding import Severity
from jettison.rules.engine.rule import InstructionRule, StageRule
from jettison.rules.engine.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jettison.dockerfile.instruction import Instruction
    from jettison.dockerfile.stages import Stage
    from jettison.dockerfile.words import Pair
    from jettison.finding import Finding
    from jettison.rules.engine.context import Context

_KEY: Final = lazy(r"[a-z0-9]+(?:[.-][a-z0-9]+)*")
_RESERVED: Final = ("com.docker.", "io.docker.", "org.dockerproject.")
_FORMS: Final = {
    "url": (lazy(r"(?:https?|ftp|git|ssh)://[^\s/]+\S*"), "an address", "DL3052"),
    "rfc3339": (
        lazy(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(?:\.\d+)?(?:[Zz]|[+-]\d\d:\d\d)"),
        "a date of RFC 3339",
        "DL3053",
    ),
    "spdx": (lazy(r"[A-Za-z0-9.+-]+(?: (?:AND|OR|WITH) [A-Za-z0-9.+-]+)*"), "an SPDX expression", "DL3054"),
    "hash": (lazy(r"[0-9a-f]{7,40}"), "a git hash", "DL3055"),
    "semver": (
        lazy(r"\d+\.\d+\.\d+(?:-[0-9A-Za-z.-]+)?(?:\+[0-9A-Za-z.-]+)?"),
        "a version as semver has it",
        "DL3056",
    ),
    "email": (lazy(r"[^@\s]+@[^@\s]+\.[^@\s]+"), "an e-mail address", "DL3058"),
}


def _pairs(stage: Stage) -> Iterator[tuple[Instruction, Pair]]:
    for instruction in stage.instructions:
        if instruction.kind == "LABEL":
            for pair in instruction.pairs:
                yield instruction, pair


def _key(pair: Pair) -> str:
    return str(pair.name).strip("\"'")


class LabelKey(InstructionRule):
    """A label's key is not as Docker's guidelines have it.

    What it does: reports keys with capital letters, other characters than letters, digits, `.` and `-`, doubled or
    outer separators, and the reserved name spaces.

    Why is this bad: tools that read labels expect these keys.

    Fix safety: report only; whoever reads the label knows the old key.

    Sources: hadolint DL3048, Docker's documentation of object labels.
    """

    code = "LABEL001"
    name = "label-key"
    aliases = ("DL3048",)
    severity = Severity.STYLE
    kinds = ("LABEL",)
    bad = ("FROM debian:12\nLABEL Description=x\n", "FROM debian:12\nLABEL com.docker.x=y\n")
    good = ("FROM debian:12\nLABEL org.example.description=x\n", "FROM debian:12\nLABEL a.b=x\n")

    def check(self, instruction: Instruction, context: Context) -> Iterator[Finding]:
        """The key."""
        for pair in instruction.pairs:
            key = _key(pair)
            if key.startswith(_RESERVED):
                yield context.found(self, pair.name, f"{key} is in a name space that Docker reserves")
            elif "$" not in key and not _KEY.fullmatch(key):
                yield context.found(self, pair.name, f"{key!r} is not in lower case letters, digits, . and -")


class LabelMissing(StageRule):
    """A required label is missing.

    What it does: reports a final stage without a label that the setting `label-schema` names.

    Why is this bad: your rules say so.

    Fix safety: report only.

    Sources: hadolint DL3049.
    """

    code = "LABEL002"
    name = "label-missing"
    aliases = ("DL3049",)
    severity = Severity.INFO
    bad = "FROM debian:12\nRUN true\n"
    good = "FROM debian:12\nLABEL version=1.2.3\n"
    example_settings = Settings(label_schema={"version": "semver"})

    def check(self, stage: Stage, context: Context) -> Iterator[Finding]:
        """The stage's FROM."""
        if not context.settings.label_schema or not stage.is_final:
            return
        there = {_key(pair) for place in stage.lineage for _, pair in _pairs(place)}
        for key in context.settings.label_schema:
            if key not in there:
                yield context.found(self, stage.instruction.body_span, f"the label {key} is missing")


class LabelUnknown(InstructionRule):
    """A label is not in the schema.

    What it does: with `strict-labels`, reports labels that `label-schema` does not name.

    Why is this bad: your rules say so.

    Fix safety: report only.

    Sources: hadolint DL3050.
    """

    code = "LABEL003"
    name = "label-unknown"
    aliases = ("DL3050",)
    severity = Severity.INFO
    kinds = ("LABEL",)
    bad = "FROM debian:12\nLABEL other=1\n"
    good = "FROM debian:12\nLABEL version=1.2.3\n"
    example_settings = Settings(label_schema={"version": "semver"}, strict_labels=True)

    def check(self, instruction: Instruction, context: Context) -> Iterator[Finding]:
        """The key."""
        if context.settings.strict_labels:
            for pair in instruction.pairs:
                if _key(pair) not in context.settings.label_schema:
                    yield context.found(self, pair.name, f"the schema has no label {_key(pair)}")


class LabelValue(InstructionRule):
    """A label's value is not what the schema asks for.

    What it does: reports values that are empty or not of the form that `label-schema` gives the key: `url`, `rfc3339`,
    `spdx`, `hash`, `semver`, `email`, or `text` for any. Values with unknown variables are not judged.

    Why is this bad: tools that read the label expect that form.

    Fix safety: report only.

    Sources: hadolint DL3051 to DL3056 and DL3058.
    """

    code = "LABEL004"
    name = "label-value"
    aliases = ("DL3051", "DL3052", "DL3053", "DL3054", "DL3055", "DL3056", "DL3058")
    kinds = ("LABEL",)
    bad = ("FROM debian:12\nLABEL version=one\n", 'FROM debian:12\nLABEL version=""\n')
    good = ("FROM debian:12\nLABEL version=1.2.3\n", 'FROM debian:12\nLABEL version="1.2.3-rc.1"\n')
    example_settings = Settings(label_schema={"version": "semver"})

    def check(self, instruction: Instruction, context: Context) -> Iterator[Finding]:
        """The value."""
        schema = context.settings.label_schema
        for pair in instruction.pairs if schema else ():
            form = schema.get(_key(pair))
            value = instruction.expand(pair.value) if pair.value is not None else ""
            if form is None or value is None:
                continue
            at = pair.value if pair.value is not None else pair.name
            if not value:
                yield context.found(self, at, f"the label {_key(pair)} is empty")
            elif form in _FORMS and not _FORMS[form][0].fullmatch(value):
                yield context.found(self, at, f"{value!r} is not {_FORMS[form][1]}")
