"""The base classes of rules. A rule says what it looks at; the engine brings it that and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from jettison.finding import Safety, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from jettison.dockerfile.instruction import Instruction
    from jettison.dockerfile.shell import Command, Script
    from jettison.dockerfile.stages import Stage
    from jettison.dockerfile.tree import Dockerfile
    from jettison.finding import Finding
    from jettison.rules.engine.context import Context
    from jettison.rules.engine.settings import Settings


class Rule:
    """What a Dockerfile should not do.

    `code` is ours (`APT003`), `name` readable (`apt-install-asks`), `aliases` the names peers give it. `safety` is what
    its fix promises, None when it has no fix. `bad` and `good` are whole Dockerfiles and are its tests: every `bad[i]`
    is found, and fixed to exactly `good[i]` when `safety` is SAFE or UNSAFE; every `good` is quiet for this rule. A
    text that begins with a line feed is an indented block, its indentation taken off.
    """

    code: ClassVar[str] = ""
    name: ClassVar[str] = ""
    aliases: ClassVar[tuple[str, ...]] = ()
    severity: ClassVar[Severity] = Severity.WARNING
    safety: ClassVar[Safety | None] = None
    default: ClassVar[bool] = True
    """False for a rule that must be asked for with `--select` or `--extend-select`."""
    bad: ClassVar[str | tuple[str, ...]] = ()
    good: ClassVar[str | tuple[str, ...]] = ()
    example_settings: ClassVar[Settings | None] = None
    """Settings under which the examples hold, for a rule that does nothing without configuration."""
    example_files: ClassVar[Mapping[str, str]] = {}
    """Files of the build context for the examples (`.dockerignore` among them), for rules that look at it."""
    mentions: ClassVar[tuple[bytes, ...]] = ()
    """Bytes of which one must occur (in the file, or in the RUN for script rules) for the rule to be asked at all."""
    onbuild: ClassVar[bool] = True
    """False for a rule that does not apply to what ONBUILD triggers."""

    @classmethod
    def examples(cls) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """`bad` and `good` as tuples."""
        return _texts(cls.bad), _texts(cls.good)

    @classmethod
    def summary(cls) -> str:
        """The first line of the rule's documentation."""
        return (cls.__doc__ or "").strip().split("\n", 1)[0]


def _texts(example: str | tuple[str, ...]) -> tuple[str, ...]:
    """Examples as they are meant: one that begins with a line feed is an indented block."""
    from textwrap import dedent

    texts = (example,) if isinstance(example, str) else example
    return tuple(dedent(text[1:]).rstrip(" ") if text.startswith("\n") else text for text in texts)


class FileRule(Rule):
    """Looks at the whole file."""

    def check(self, file: Dockerfile, context: Context) -> Iterator[Finding]:
        """Yield what is wrong with the file."""
        raise NotImplementedError


class StageRule(Rule):
    """Looks at each stage."""

    def check(self, stage: Stage, context: Context) -> Iterator[Finding]:
        """Yield what is wrong with one stage."""
        raise NotImplementedError


class InstructionRule(Rule):
    """Looks at each instruction of the given kinds, those inside ONBUILD too."""

    kinds: ClassVar[tuple[str, ...]] = ()

    def check(self, instruction: Instruction, context: Context) -> Iterator[Finding]:
        """Yield what is wrong with one instruction."""
        raise NotImplementedError


class ScriptRule(Rule):
    """Looks at the whole table of commands of each RUN (or of `kinds`) that mentions one of `mentions`."""

    kinds: ClassVar[tuple[str, ...]] = ("RUN",)

    def check(self, script: Script, context: Context) -> Iterator[Finding]:
        """Yield what is wrong with one script."""
        raise NotImplementedError


class CommandRule(Rule):
    """Looks at each command called one of `commands` in a RUN (or in `kinds`)."""

    kinds: ClassVar[tuple[str, ...]] = ("RUN",)
    commands: ClassVar[tuple[str, ...]] = ()

    def check(self, command: Command, context: Context) -> Iterator[Finding]:
        """Yield what is wrong with one command."""
        raise NotImplementedError
