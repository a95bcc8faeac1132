"""From bytes to the lossless tree."""

from __future__ import annotations

from jettison.dockerfile import lexer
from jettison.dockerfile.heredoc import read_heredocs
from jettison.dockerfile.instruction import HEREDOC_KINDS, Instruction
from jettison.dockerfile.source import BOM, Source
from jettison.dockerfile.syntax import check_file, check_instruction
from jettison.dockerfile.tree import Directive, Dockerfile, Trivia
from jettison.dockerfile.words import Problem
from jettison.finding import Span


def parse(data: bytes, path: str = "Dockerfile") -> Dockerfile:
    """Parse a Dockerfile. Never raises on its content: what the builder refuses is in `Dockerfile.problems`."""
    source = Source(data, path)
    start = len(BOM) if data.startswith(BOM) else 0
    directives = list(_directives(data, start))
    file = Dockerfile(source, lexer.BACKSLASH)
    for first, last, name, value in directives:
        _direct(file, Directive(file, first, last, name, value))
    _nodes(file, start)
    check_file(file)
    return file


def _directives(data: bytes, position: int) -> list[tuple[int, int, str, str]]:
    """Start, end, name and value of the known directives; the first other line ends them."""
    found = []
    while match := lexer.DIRECTIVE.match(data, position):
        name = match["name"].lower()
        if name not in lexer.KNOWN_DIRECTIVES:
            break
        mark = data.index(b"#", match.start())
        found.append((mark, match.end("value"), name.decode(), match["value"].decode("utf-8", "surrogateescape")))
        position = match.end()
    return found


def _direct(file: Dockerfile, directive: Directive) -> None:
    if directive.name in file.directives:
        file.problems.append(Problem(directive.span, f"the directive `{directive.name}` stands twice", "it once"))
        return
    file.directives[directive.name] = directive
    if directive.name == "escape":
        if directive.value == "`":
            file.grammar = lexer.BACKTICK
        elif directive.value != "\\":
            file.problems.append(Problem(directive.span, f"invalid escape character {directive.value!r}", "` or \\"))


def _nodes(file: Dockerfile, start: int) -> None:
    """Cut the file into trivia and instructions."""
    data, grammar = file.source.data, file.grammar
    trivia, logical = lexer.TRIVIA.match, grammar.logical.match
    nodes, instructions = file.nodes, file.instructions
    position, size = 0, len(data)
    skip = start
    while position < size:
        match = trivia(data, skip)
        assert match is not None
        end = match.end()
        if end > position:
            nodes.append(Trivia(file, position, end))
            position = skip = end
            continue
        match = logical(data, position)
        assert match is not None
        instruction = Instruction(file, position, match.end(), grammar)
        nodes.append(instruction)
        if instruction.kind == "ONBUILD":
            _onbuild(instruction)
        if data.find(b"<<", position, instruction.head_end) >= 0:
            subject = instruction.inner or instruction
            if subject.kind in HEREDOC_KINDS and subject.json is None:
                read_heredocs(instruction, file.problems)
                subject.heredocs, subject.end = instruction.heredocs, instruction.end
        instruction.index = len(instructions)
        instructions.append(instruction)
        check_instruction(instruction, file.problems)
        position = skip = instruction.end


def _onbuild(outer: Instruction) -> None:
    """Give an ONBUILD the instruction it triggers."""
    at = outer.arguments_at
    text = outer.logical.text
    if at >= len(text.rstrip()):
        return
    inner = Instruction(outer.file, outer.logical.offset(at), outer.head_end, outer.grammar)
    inner.outer = outer
    outer.inner = inner


def longest_line(data: bytes) -> Span | None:
    """The first physical line that is longer than the builder reads, or None."""
    if len(data) <= lexer.MAX_LINE:
        return None
    position = 0
    while position < len(data):
        end = data.find(b"\n", position) + 1 or len(data)
        if end - position > lexer.MAX_LINE:
            return Span(position, end)
        position = end
    return None
