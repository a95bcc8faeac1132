"""CMD, ENTRYPOINT, SHELL and HEALTHCHECK: what a container runs."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from jettison.dockerfile.edit import replace
from jettison.finding import Edit, Safety, Severity
from jettison.rules.engine.rule import InstructionRule, StageRule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jettison.dockerfile.instruction import Instruction
    from jettison.dockerfile.stages import Stage
    from jettison.finding import Finding
    from jettison.rules.engine.context import Context


class ShellForm(InstructionRule):
    """CMD or ENTRYPOINT is not in JSON form.

    What it does: reports CMD and ENTRYPOINT in shell form, unless the stage has a SHELL of its own.

    Why is this bad: a shell stands between the engine and the program: signals do not reach it, and `docker stop`
    waits ten seconds and kills it. ENTRYPOINT in shell form also ignores CMD.

    Use instead: `CMD ["program", "argument"]`, or `exec` in the shell form.

    Fix safety: unsafe, and offered only for plain words without anything a shell would do: the program becomes
    process 1, and an ENTRYPOINT begins to take CMD as arguments (not offered where the stage has a CMD).

    Where we differ: a command that begins with `exec` is quiet; so is a stage with a SHELL, as BuildKit's check has it.

    Sources: hadolint DL3025, BuildKit JSONArgsRecommended.
    """

    code = "CMD001"
    name = "shell-form"
    aliases = ("DL3025", "JSONArgsRecommended")
    safety = Safety.UNSAFE
    kinds = ("CMD", "ENTRYPOINT")
    bad = "FROM debian:12\nCMD python3 app.py --port 80\n"
    good = ('FROM debian:12\nCMD ["python3", "app.py", "--port", "80"]\n', "FROM debian:12\nCMD exec python3 app.py\n")

    def check(self, instruction: Instruction, context: Context) -> Iterator[Finding]:
        """The command."""
        stage = instruction.stage
        if (
            instruction.json is not None
            or not instruction.rest
            or stage is None
            or instruction.rest.startswith(b"exec ")
        ):
            return
        if any(i.kind == "SHELL" for place in stage.lineage for i in place.instructions):
            return
        yield context.found(
            self, instruction.keyword_span, "a shell stands between the engine and the program",
            fix="write the JSON form", edits=[self._json_form(instruction, stage)],
        )  # fmt: skip

    def _json_form(self, instruction: Instruction, stage: Stage) -> Edit | None:
        text = instruction.rest.decode("utf-8", "replace")
        other = "CMD" if instruction.kind == "ENTRYPOINT" else "ENTRYPOINT"
        alone = not any(i.kind == other for place in stage.lineage for i in place.instructions)
        if not re.fullmatch(r"[\w./:=@,+-]+(?: [\w./:=@,+-]+)*", text) or not alone or instruction.heredocs:
            return None
        words = instruction.words
        if not words or "=" in text.split(" ")[0] or instruction.outer is not None:
            return None
        body = instruction.body_span
        span = type(body)(words[0].span.start, body.end)
        if instruction.file.source.text(span) != instruction.rest:
            return None
        import json

        return replace(span, json.dumps(text.split(" ")).encode())


class SeveralCommands(StageRule):
    """A stage has several CMD, ENTRYPOINT or HEALTHCHECK instructions.

    What it does: reports all but the last.

    Why is this bad: only the last one counts.

    Fix safety: report only; which one was meant?

    Sources: hadolint DL4003, DL4004 and DL3012, BuildKit MultipleInstructionsDisallowed, Trivy DS-0016, DS-0007 and
    DS-0023.
    """

    code = "CMD002"
    name = "several-commands"
    aliases = ("DL4003", "DL4004", "DL3012", "MultipleInstructionsDisallowed", "DS-0016", "DS-0007", "DS-0023")
    bad = 'FROM debian:12\nCMD ["a"]\nCMD ["b"]\n'
    good = 'FROM debian:12\nENTRYPOINT ["a"]\nCMD ["b"]\n'

    def check(self, stage: Stage, context: Context) -> Iterator[Finding]:
        """Each one that does not count."""
        for kind in ("CMD", "ENTRYPOINT", "HEALTHCHECK"):
            same = [i for i in stage.instructions if i.kind == kind]
            for instruction in same[:-1]:
                message = f"the {kind} in line {same[-1].line} is the one that counts"
                yield context.found(self, instruction.keyword_span, message)


class NoHealthCheck(StageRule):
    """There is no HEALTHCHECK.

    What it does: reports a final stage without HEALTHCHECK. Off by default: Kubernetes has probes of its own, and a
    command line tool has no health.

    Why is this bad: the engine cannot tell a program that hangs from one that works.

    Fix safety: report only.

    Sources: hadolint DL3057, Trivy DS-0026, Checkov CKV_DOCKER_2, Dockle CIS-DI-0006.
    """

    code = "CMD003"
    name = "no-healthcheck"
    aliases = ("DL3057", "DS-0026", "CKV_DOCKER_2", "CIS-DI-0006")
    severity = Severity.INFO
    default = False
    bad = 'FROM debian:12\nCMD ["a"]\n'
    good = 'FROM debian:12\nHEALTHCHECK CMD a --ping\nCMD ["a"]\n'

    def check(self, stage: Stage, context: Context) -> Iterator[Finding]:
        """The stage's FROM."""
        if stage.is_final and not any(i.kind == "HEALTHCHECK" for place in stage.lineage for i in place.instructions):
            yield context.found(self, stage.instruction.body_span, "nothing tells whether the program is well")
