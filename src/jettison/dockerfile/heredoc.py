"""Here-documents of RUN, COPY and ADD: which words announce one, and where its body ends."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from jettison.dockerfile import lexer
from jettison.dockerfile.patterns import lazy
from jettison.dockerfile.words import Heredoc, Problem
from jettison.finding import Span

if TYPE_CHECKING:
    from jettison.dockerfile.instruction import Instruction

_QUOTED_PART = lazy(r"""\\(.)|'([^']*)'|"((?:[^"\\]|\\.)*)"|([^\\'"]+)""", re.DOTALL)


def read_heredocs(instruction: Instruction, problems: list[Problem]) -> None:
    """Find the here-documents that `instruction` announces and move its end behind them."""
    logical = instruction.logical
    data = instruction.file.source.data
    position = instruction.head_end
    found: list[Heredoc] = []
    for start, end, name, dash, quoted in announced(logical.text):
        body, after = _body(data, position, name.encode("utf-8", "surrogateescape"), dash)
        if body is None:
            problems.append(
                Problem(logical.span(start, end), "the here-document is not closed", f"a line that holds only {name}")
            )
            body = after = len(data)
        found.append(Heredoc(name, logical.span(start, end), Span(position, body), Span(body, after), dash, quoted))
        position = after
    instruction.heredocs = tuple(found)
    instruction.end = position


def announced(text: bytes) -> list[tuple[int, int, str, bool, bool]]:
    """Start, end, name, dash and quoted for every here-document word in a joined line, in order."""
    found = []
    for match in lexer.SHELL_WORD.finditer(text):
        if match["bad"]:
            return []
        word = match[0]
        if b"<<" not in word:
            continue
        parts = lexer.HEREDOC.match(word)
        if parts is None:
            continue
        rest = parts["rest"].decode("utf-8", "surrogateescape")
        name = _QUOTED_PART.sub(lambda part: part[1] or part[2] or part[3] or part[4] or "", rest)
        found.append((*match.span(), name, bool(parts["dash"]), name != rest))
    return found


def _body(data: bytes, start: int, name: bytes, dash: bool) -> tuple[int | None, int]:
    """Start and end offset of the closing line, or None when there is none."""
    position = start
    while position < len(data):
        end = data.find(b"\n", position) + 1 or len(data)
        line = data[position:end].rstrip(b"\r\n")
        if (line.lstrip(b"\t") if dash else line) == name:
            return position, end
        position = end
    return None, len(data)
