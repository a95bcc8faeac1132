"""WORKDIR: where commands run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from jettison.dockerfile.patterns import lazy
from jettison.finding import Severity
from jettison.rules.engine.rule import InstructionRule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jettison.dockerfile.instruction import Instruction
    from jettison.finding import Finding
    from jettison.rules.engine.context import Context

_ABSOLUTE: Final = lazy(r"""["']?(?:[/\\]|[A-Za-z]:|[$%])""")
_SYSTEM: Final = frozenset(
    [
        "/bin",
        "/boot",
        "/dev",
        "/etc",
        "/lib",
        "/lib64",
        "/proc",
        "/run",
        "/sbin",
        "/sys",
        "/usr",
        "/usr/bin",
        "/usr/lib",
        "/usr/sbin",
        "/var",
    ]
)


class RelativeWorkdir(InstructionRule):
    """WORKDIR is relative.

    What it does: reports a relative WORKDIR when no absolute one stands before it in the stage or the stages below it.
    Windows paths are understood; a value that begins with a variable is not judged.

    Why is this bad: the base image decides where it is.

    Fix safety: report only.

    Where hadolint differs: it reports every relative WORKDIR; after an absolute one the place is known, as BuildKit's
    check has it.

    Sources: hadolint DL3000, BuildKit WorkdirRelativePath, Trivy DS-0009, Checkov CKV_DOCKER_10.
    """

    code = "WORK001"
    name = "workdir-relative"
    aliases = ("DL3000", "WorkdirRelativePath", "DS-0009", "CKV_DOCKER_10")
    severity = Severity.ERROR
    kinds = ("WORKDIR",)
    bad = "FROM debian:12\nWORKDIR app\n"
    good = (
        "FROM debian:12\nWORKDIR /app\nWORKDIR sub\n",
        "FROM mcr.microsoft.com/windows/nanoserver:ltsc2022\nWORKDIR C:\\app\n",
    )

    def check(self, instruction: Instruction, context: Context) -> Iterator[Finding]:
        """The path."""
        text = instruction.rest.decode("utf-8", "replace")
        stage = instruction.stage
        if not text or _ABSOLUTE.match(text) or stage is None:
            return
        for place in stage.lineage:
            for other in place.instructions:
                if other.kind == "WORKDIR" and (place is not stage or other.index < instruction.index):
                    return
        yield context.found(self, instruction.words[0], "the base image decides where this is")


class SystemWorkdir(InstructionRule):
    """WORKDIR is a system directory.

    What it does: reports WORKDIR on `/etc`, `/usr/bin` and their like.

    Why is this bad: what the program writes lands among the system's files, and COPY may overwrite them.

    Fix safety: report only.

    Sources: Trivy DS-0030.
    """

    code = "WORK002"
    name = "workdir-system"
    aliases = ("DS-0030",)
    kinds = ("WORKDIR",)
    bad = "FROM debian:12\nWORKDIR /usr/bin\n"
    good = "FROM debian:12\nWORKDIR /srv/app\n"

    def check(self, instruction: Instruction, context: Context) -> Iterator[Finding]:
        """The path."""
        words = instruction.words
        target = (instruction.expand(words[0]) or "").rstrip("/") if words else ""
        if target in _SYSTEM:
            yield context.found(self, words[0], f"{target} is the system's")
