"""From an instruction to its scripts: which text a shell gets, and what the text is to it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from jettison.dockerfile.logical import Logical
from jettison.dockerfile.patterns import lazy
from jettison.dockerfile.shell import Command, Inside, Script, Statement
from jettison.dockerfile.shells import POSIX, from_argv, shell_of
from jettison.dockerfile.table import fill

if TYPE_CHECKING:
    from jettison.dockerfile.instruction import Instruction
    from jettison.dockerfile.shells import Shell
    from jettison.dockerfile.words import Heredoc

_HEALTH_COMMAND = lazy(rb"CMD\s+", re.IGNORECASE)


def scripts_of(instruction: Instruction) -> list[Script]:
    """The shell code of an instruction (of what it triggers, for ONBUILD): usually one script."""
    if instruction.inner is not None:
        return instruction.inner.scripts
    kind = instruction.kind
    if kind not in ("RUN", "CMD", "ENTRYPOINT", "HEALTHCHECK"):
        return []
    _ = instruction.file.stages
    logical = instruction.logical
    start, end = instruction.arguments_at, len(logical.text.rstrip())
    if kind == "HEALTHCHECK":
        match = _HEALTH_COMMAND.match(logical.text, start)
        if match is None:
            return []
        start = match.end()
    if instruction.json is not None:
        return [_exec_form(instruction, Logical(logical.pieces(start, end)))]
    if start >= end:
        return []
    shell = shell_of(instruction)
    pieces = logical.pieces(start, end)
    if not instruction.heredocs:
        return [_read(instruction, Logical(pieces), shell)]
    return _with_heredocs(instruction, pieces, shell)


def _exec_form(instruction: Instruction, logical: Logical) -> Script:
    script = Script(instruction, logical, from_argv(["exec"]))
    script.exec_form = True
    words = instruction.json or []
    if words:
        command = Command(script, 0, Inside(0), "")
        command.words = words
        command.end = len(logical.text)
        script.commands.append(command)
        script.statements.append(Statement(0, command.end, "command", ""))
    return script


def _with_heredocs(instruction: Instruction, head: list[tuple[int, bytes]], shell: Shell) -> list[Script]:
    """BuildKit gives a lone heredoc to the shell as its script, and any other form as it is written."""
    data = instruction.file.data
    first = instruction.heredocs[0]
    text = b"".join(part for _, part in head)
    if len(instruction.heredocs) == 1 and len(text) == len(first.word):
        body = data[first.body.start : first.body.end]
        if body.startswith(b"#!"):
            shell = from_argv(body.split(b"\n", 1)[0][2:].decode("utf-8", "replace").split())
        script = _read(instruction, Logical(_body(first, data)), shell)
        script.heredoc = True
        return [script]
    after = instruction.head_end - len(data[: instruction.head_end]) + len(data[: instruction.head_end].rstrip(b"\r\n"))
    tail = [(after, b"\n")]
    for heredoc in instruction.heredocs:
        tail += [(heredoc.body.start, data[heredoc.body.start : heredoc.end.end])]
    main = _read(instruction, Logical(head + tail), shell)
    found = [main]
    if len(instruction.heredocs) == 1 and len(main.commands) == 1 and not main.opaque:
        command = main.commands[0]
        if command.name in POSIX and all((word.text or "").startswith("-") for word in command.arguments):
            argv = [word.text or "" for word in command.words[command.head :]]
            inner = _read(instruction, Logical(_body(first, data)), from_argv(argv))
            inner.stdin = inner.heredoc = True
            found.append(inner)
    return found


def _body(heredoc: Heredoc, data: bytes) -> list[tuple[int, bytes]]:
    """The body as pieces; `<<-` drops leading tabs."""
    start, end = heredoc.body.start, heredoc.body.end
    if not heredoc.dash:
        return [(start, data[start:end])]
    pieces = []
    for line in data[start:end].splitlines(keepends=True):
        cut = len(line) - len(line.lstrip(b"\t"))
        pieces.append((start + cut, line[cut:]))
        start += len(line)
    return pieces or [(start, b"")]


def _read(instruction: Instruction, logical: Logical, shell: Shell) -> Script:
    """Parse shell code into a script."""
    script = Script(instruction, logical, shell)
    if not shell.posix:
        script.opaque = True
        return script
    fill(script)
    return script
