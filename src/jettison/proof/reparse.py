"""An edited Dockerfile still is the same list of instructions, but for what the edits meant to change."""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jettison.dockerfile import Dockerfile, Instruction
    from jettison.dockerfile.edit import Shift
    from jettison.finding import Span


def touched(file: Dockerfile, shift: Shift) -> list[Instruction]:
    """The instructions that an edit changes: a byte in or at the end of their own lines or heredocs."""
    return [instruction for instruction in file.instructions if _touches(shift, instruction.start, instruction.end)]


def _touches(shift: Shift, start: int, end: int) -> bool:
    return any(
        edit.span.start < end and start < edit.span.end
        if len(edit.span)
        else start < edit.span.start < end or (edit.span.start == end and not edit.text.endswith(b"\n"))
        for edit in shift.near(start, end)
    )


def reparse(before: Dockerfile, after: Dockerfile, shift: Shift) -> str | None:
    """Why the edited file is not the intended one, or None.

    Untouched instructions stand, byte for byte, where the edits move them. A touched one keeps its keyword, unless an
    edit covers that. New instructions begin inside what an edit wrote.
    """
    if after.problems:
        return f"the result does not parse: {after.problems[0]}"
    if before.grammar is not after.grammar or before.directives.keys() != after.directives.keys():
        return "a parser directive changed"
    starts = {instruction.keyword[0]: instruction for instruction in after.instructions}
    changed = {id(instruction) for instruction in touched(before, shift)}
    expected: set[int] = set()
    for instruction in before.instructions:
        if shift.touches(instruction.keyword_span):
            continue
        moved = shift.span(instruction.keyword_span).start
        twin = starts.get(moved)
        if twin is None or twin.kind != instruction.kind:
            return f"{instruction.kind} in line {instruction.line} is no longer an instruction of its own"
        if id(instruction) not in changed and twin.data != instruction.data:
            return f"{instruction.kind} in line {instruction.line} changed, though no edit touches it"
        expected.add(moved)
    written = shift.inserted()
    for start in starts.keys() - expected:
        if not _within(start, written):
            return f"{starts[start].kind} in line {starts[start].line} of the result was not there before"
    return None


def _within(offset: int, spans: list[Span]) -> bool:
    index = bisect_right(spans, offset, key=lambda span: span.start) - 1
    return index >= 0 and offset < spans[index].end
