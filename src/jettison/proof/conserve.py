"""Every word and comment outside the edits of a Dockerfile is still there, and still a word or a comment."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jettison.dockerfile.shell import Inside
from jettison.proof.reparse import touched

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jettison.dockerfile import Dockerfile, Instruction
    from jettison.dockerfile.edit import Shift
    from jettison.finding import Span


def conserve(before: Dockerfile, after: Dockerfile, shift: Shift) -> str | None:
    """What got lost outside the edits, or None. Call it after `reparse`."""
    instructions = touched(before, shift)
    if reason := _comments(before, after, shift):
        return reason
    changed = _changed(after, shift)
    there = {token for instruction in changed for token in tokens(instruction)}
    for instruction in instructions:
        for script in instruction.scripts:
            if script.has_error:
                return f"the shell code in line {instruction.line} was not understood"
        for kind, span in tokens(instruction):
            if shift.touches(span):
                if kind == "opaque":
                    return f"line {instruction.line} holds code that is not read here"
                continue
            if (kind, shift.span(span)) not in there:
                text = before.source.text(span).decode("utf-8", "replace")
                return f"{text!r} in line {before.source.line(span.start)} is no longer a {kind} of its own"
    for instruction in changed:
        for script in instruction.scripts:
            if script.has_error:
                return f"the shell code in line {instruction.line} of the result is not understood"
    return None


def _changed(after: Dockerfile, shift: Shift) -> list[Instruction]:
    """The instructions of the result that hold, or touch, what the edits wrote or closed up."""
    spots = shift.inserted()
    found: list[Instruction] = []
    first = 0
    for instruction in after.instructions:
        while first < len(spots) and spots[first].end < instruction.start:
            first += 1
        if first < len(spots) and spots[first].start <= instruction.end:
            found.append(instruction)
    return found


def _comments(before: Dockerfile, after: Dockerfile, shift: Shift) -> str | None:
    there = {comment.span for comment in after.comments}
    written = b"\n".join(edit.text for edit in shift.edits)
    for comment in before.comments:
        kept = comment.data in written if shift.touches(comment.span) else shift.span(comment.span) in there
        if not kept:
            return f"the comment in line {comment.line} would be lost"
    return None


def tokens(instruction: Instruction) -> Iterator[tuple[str, Span]]:
    """The parts of an instruction that must survive, each with what it is."""
    if instruction.inner is not None:
        yield from tokens(instruction.inner)
        return
    for flag in instruction.flags:
        yield "flag", flag.span
    scripts = instruction.scripts
    if not scripts or scripts[0].exec_form:
        for word in instruction.words:
            yield "word", word.span
        for heredoc in instruction.heredocs:
            yield "here-document", heredoc.body
        return
    for script in scripts:
        if script.opaque:
            text = script.text
            if text:
                yield "opaque", script.logical.span(0, len(text))
            continue
        for command in script.commands:
            # What surrounds a word must stay too: a word that ends up in a branch or a function is not conserved.
            around = command.inside & ~Inside.PIPELINE
            surroundings = f"word ({around.name})" if around else "word"
            for word in command.words:
                yield surroundings, word.span
            for assignment in command.assignments:
                yield "assignment", assignment.span
            for redirection in command.redirections:
                yield "redirection", redirection.span
        for start, end in script.operators:
            yield "joiner", script.logical.span(start, end)
        for comment in script.comments:
            yield "shell comment", comment
