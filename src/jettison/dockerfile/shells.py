"""Which shell runs an instruction: SHELL, a pragma, or what the base image brings."""

from __future__ import annotations

import re
from bisect import bisect_right
from typing import TYPE_CHECKING, Final, NamedTuple

from jettison.dockerfile.bases import SYSTEM_SHELL
from jettison.dockerfile.patterns import lazy

if TYPE_CHECKING:
    from jettison.dockerfile.instruction import Instruction

POSIX: Final = frozenset(("sh", "bash", "ash", "dash", "ksh", "zsh", "mksh", "busybox"))
_PRAGMA = lazy(rb"#\s*hadolint\s+shell\s*=\s*(\S+)", re.IGNORECASE)


class Shell(NamedTuple):
    """`name` is how it is called (`sh`, `bash`, `powershell`, `cmd`), `program` what that is here (`dash`, `ash`, ...)
    or None when unknown; `explicit` when SHELL or a pragma says so."""

    name: str
    program: str | None
    explicit: bool = False
    errexit: bool = False
    pipefail: bool = False

    @property
    def posix(self) -> bool:
        """True when its code is read here."""
        return self.name in POSIX


def shell_of(instruction: Instruction) -> Shell:
    """The shell of a RUN, CMD, ENTRYPOINT or HEALTHCHECK in shell form."""
    file = instruction.file
    place = instruction.outer or instruction
    if b"hadolint" in file.data and (found := _pragma(place)):
        return found
    stage = place.stage
    seen = 0
    while stage is not None and seen <= len(file.stages):
        shell = next((item for item in reversed(stage.shells) if item.index < place.index and item.json), None)
        if shell is not None and shell.json:
            return from_argv([word.text or "" for word in shell.json])
        if stage.parent is None:
            break
        stage, seen = stage.parent, seen + 1
    known = stage.distribution if stage else None
    if known == "windows" or (known is None and file.grammar.escape == b"`"):
        return Shell("cmd", "cmd")
    return Shell("sh", SYSTEM_SHELL.get(known or ""))


def from_argv(argv: list[str]) -> Shell:
    """The shell that `SHELL [...]` or a `#!` line names."""
    argv = [argument for argument in argv if argument]
    if argv and argv[0].endswith("env"):
        argv = argv[1:]
    name = re.split(r"[/\\]", argv[0].lower())[-1].removesuffix(".exe") if argv else "sh"
    flags = argv[1:]
    errexit = any(re.match(r"-[a-zA-Z]*e", flag) for flag in flags)
    return Shell(name, None if name == "sh" else name, True, errexit, "pipefail" in flags)


def _pragma(place: Instruction) -> Shell | None:
    file = place.file
    if file.shell_pragmas is None:
        file.shell_pragmas = [
            (comment.start, from_argv([match[1].decode("utf-8", "replace")]))
            for comment in file.comments
            if (match := _PRAGMA.match(comment.data))
        ]
    number = bisect_right(file.shell_pragmas, place.start, key=lambda pragma: pragma[0]) - 1
    return file.shell_pragmas[number][1] if number >= 0 else None
