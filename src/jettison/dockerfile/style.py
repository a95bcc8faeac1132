"""Edits in a file's own style: where a line breaks, how it is indented, which joiner it uses."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from jettison.dockerfile.edit import delete, insert
from jettison.dockerfile.patterns import lazy
from jettison.finding import Edit, Span

if TYPE_CHECKING:
    from jettison.dockerfile.instruction import Instruction
    from jettison.dockerfile.shell import Command, Script
    from jettison.dockerfile.words import Word

_LEADING_JOINER = lazy(rb"\n([ \t]*)(?:&&|\|\||;)[ \t]+\S")
_COMPOUND_END = lazy(rb"(?:[})]|\b(?:fi|done|esac))\s*\Z")
_TRAILING_JOINER = lazy(rb"(?:&&|;)[ \t]*(?P<break>\\[ \t]*\r?\n)(?P<indent>[ \t]*)\S")


def append_command(script: Script, text: bytes) -> Edit | None:
    """Run `text` at the end of a script, after everything else succeeded; the script fails exactly when it did before.

    `&&` joins it. Under `set -e` a lone last statement is followed by `;` instead (inside `x && y` a failing part of a
    compound `x` would no longer stop the script), and a list that ends in a compound gets nothing. None also for
    background jobs, here-documents at the end, functions, and scripts the parser did not understand.
    """
    if script.has_error or script.exec_form or script.opaque or not script.commands:
        return None
    statement = script.statements[-1]
    last = script.commands[-1]
    source = script.text[statement.start : statement.end]
    if statement.terminator == "&" or statement.kind == "function_definition" or b"<<" in source:
        return None
    if last.name in ("exit", "exec", "return", "break", "continue"):
        return None
    joiner = b"&&"
    if last.errexit or script.errexit:
        inside = (command for command in script.commands if command.statement == last.statement)
        if not any(command.before in ("&&", "||") for command in list(inside)[1:]):
            joiner = b";"
        elif _COMPOUND_END.search(source) or any(item.kind == "function_definition" for item in script.statements):
            return None
    at = script.logical.end(statement.end)
    if script.heredoc:
        line = b"\n" + _line_indent(script.instruction.file.data, at)
        return insert(at, line + text if joiner == b";" else b" && " + text)
    return insert(at, _joined(script.instruction, joiner, text))


def _joined(instruction: Instruction, joiner: bytes, text: bytes) -> bytes:
    """` && text`, on its own line where the instruction writes its commands on lines of their own."""
    data = instruction.data[: instruction.head_end - instruction.start]
    newline = b"\r\n" if b"\r\n" in data else b"\n" if b"\n" in data else instruction.file.source.newline
    escape = instruction.grammar.escape
    leading = _LEADING_JOINER.findall(data)
    if leading:
        lead = b"; " if joiner == b";" else joiner + b" "
        return b" " + escape + newline + bytes(leading[-1]) + lead + text
    trailing = list(_TRAILING_JOINER.finditer(data))
    if trailing:
        lead = joiner if joiner == b";" else b" " + joiner
        return lead + b" " + escape + newline + bytes(trailing[-1]["indent"]) + text
    return (b"; " if joiner == b";" else b" && ") + text


def _line_indent(data: bytes, at: int) -> bytes:
    start = data.rfind(b"\n", 0, at) + 1
    line = data[start:at]
    return line[: len(line) - len(line.lstrip(b" \t"))]


def insert_word(after: Word, text: bytes) -> Edit:
    """Write one more word right after `after`, on its line."""
    return insert(after.span.end, b" " + text)


def remove_word(command: Command, word: Word) -> Edit:
    """Take a word away together with the blanks before it; a comment or line break before it stays."""
    data = command.instruction.file.data
    start = word.span.start
    while start > 0 and data[start - 1 : start] in (b" ", b"\t"):
        start -= 1
    at_line_start = data[start - 1 : start] == b"\n"
    if not at_line_start:
        return delete(Span(start, word.span.end))
    # Alone on its continued line: the line goes. Not alone: only the word and the blanks after it.
    rest = re.compile(rb"[ \t]*").match(data, word.span.end)
    assert rest is not None
    end_of_line = data.find(b"\n", rest.end())
    tail = data[rest.end() : end_of_line + 1 if end_of_line >= 0 else len(data)]
    mark = command.instruction.grammar.escape
    if re.fullmatch(re.escape(mark) + rb"[ \t]*\r?\n", tail):
        return delete(Span(start, rest.end() + len(tail)))
    return delete(Span(word.span.start, rest.end())) if tail.strip() else delete(word.span)


def remove_command(command: Command) -> Edit | None:
    """Take a whole command away with the `&&` or `;` that joins it to a neighbour; None where that is not plain."""
    script = command.script
    commands = script.commands
    index = command.index
    before = commands[index - 1] if index else None
    after = commands[index + 1] if index + 1 < len(commands) else None
    if command.inside or command.redirections or script.has_error or script.exec_form or script.heredoc:
        return None
    logical = script.logical
    if after is not None and command.after in ("&&", ";") and not after.inside and command.before in ("", "&&", ";"):
        between = script.text[command.end : after.start].strip()
        if between == command.after.encode():
            return _without_comments(command, Span(logical.offset(command.start), logical.offset(after.start)))
    if before is not None and command.before in ("&&", ";") and not before.inside and after is None:
        end = before.end
        between = script.text[end : command.start].strip()
        if between == command.before.encode() and not before.redirections:
            return _without_comments(command, Span(logical.end(end), logical.end(command.end)))
    return None


def _without_comments(command: Command, span: Span) -> Edit | None:
    """A deletion, unless a comment would go with it."""
    inside = any(span.overlaps(comment.span) for comment in command.instruction.comments())
    return None if inside else delete(span)


def remove_instruction(instruction: Instruction) -> Edit:
    """Take an instruction and its lines away; comments before it stay."""
    return delete(instruction.span)
