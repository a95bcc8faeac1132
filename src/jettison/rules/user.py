"""USER: who the program runs as."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jettison.finding import Severity
from jettison.rules.engine.rule import InstructionRule, StageRule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jettison.dockerfile.instruction import Instruction
    from jettison.dockerfile.stages import Stage
    from jettison.finding import Finding
    from jettison.rules.engine.context import Context


def is_root(name: str | None) -> bool:
    """True for root by name or number, with or without a group."""
    return (name or "").partition(":")[0] in ("root", "0")


class RootLast(StageRule):
    """The last USER is root.

    What it does: reports a final stage whose last USER is root. Stages that are only copied from are not judged.

    Why is this bad: who breaks out of the program is root in the container.

    Use instead: switch back to an ordinary user after the steps that need root.

    Fix safety: report only; nobody else knows which user owns the program's files.

    Sources: hadolint DL3002, Trivy DS-0002, Checkov CKV_DOCKER_8, Dockle CIS-DI-0001.
    """

    code = "USER001"
    name = "user-root"
    aliases = ("DL3002", "CKV_DOCKER_8")
    mentions = (b"USER", b"user", b"User")
    bad = 'FROM debian:12\nUSER root\nCMD ["x"]\n'
    good = (
        "FROM debian:12\nUSER root\nRUN true\nUSER 1000\n",
        "FROM debian:12 AS a\nUSER root\nFROM debian:12\nCOPY --from=a /x /x\n",
    )

    def check(self, stage: Stage, context: Context) -> Iterator[Finding]:
        """The last USER of the stage."""
        last = next((i for i in reversed(stage.instructions) if i.kind == "USER"), None)
        if last is not None and stage.ships and last.words and is_root(last.expand(last.words[0])):
            yield context.found(self, last.words[0], "the program runs as root")


class UserNotSet(StageRule):
    """No USER is set.

    What it does: reports a final stage without USER, on a base that is not a stage with one, and whose name does not
    say `nonroot`. Off by default: the base image may set one.

    Why is this bad: without USER the program runs as root.

    Fix safety: report only; a user that does not exist keeps the container from starting.

    Sources: Trivy DS-0002, Checkov CKV_DOCKER_3, Dockle CIS-DI-0001.
    """

    code = "USER002"
    name = "user-not-set"
    aliases = ("DS-0002", "CKV_DOCKER_3", "CIS-DI-0001")
    severity = Severity.INFO
    default = False
    bad = 'FROM debian:12\nCMD ["x"]\n'
    good = 'FROM debian:12\nUSER 1000\nCMD ["x"]\n'

    def check(self, stage: Stage, context: Context) -> Iterator[Finding]:
        """The stage's FROM."""
        if not stage.is_final or "nonroot" in (stage.root.base or ""):
            return
        if not any(i.kind == "USER" for place in stage.lineage for i in place.instructions):
            yield context.found(self, stage.instruction.body_span, "no USER is set, so the program runs as root")


class UserNotNumeric(InstructionRule):
    """USER is a name.

    What it does: reports USER with a name. Off by default: it matters where Kubernetes' `runAsNonRoot` is used.

    Why is this bad: Kubernetes cannot tell whether a name is root's, and refuses to start the container.

    Use instead: the number: `USER 10001:10001`.

    Fix safety: report only; the number is in the image's /etc/passwd.

    Sources: hadolint DL3066.
    """

    code = "USER003"
    name = "user-not-numeric"
    aliases = ("DL3066",)
    severity = Severity.INFO
    default = False
    kinds = ("USER",)
    bad = "FROM debian:12\nUSER app\n"
    good = "FROM debian:12\nUSER 10001:10001\n"

    def check(self, instruction: Instruction, context: Context) -> Iterator[Finding]:
        """The name."""
        words = instruction.words
        name = instruction.expand(words[0]) if words else None
        if name and not name.partition(":")[0].isdigit() and "$" not in name and "\\" not in name:
            yield context.found(self, words[0], f"nobody can tell from outside whether {name} is root")
