"""Edits: ranges of bytes replaced, everything else left as it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jettison.finding import Edit, Span

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from jettison.finding import Fix


def apply(data: bytes, edits: Iterable[Edit]) -> bytes:
    """The bytes after all edits, which must not overlap. Insertions at one place keep their order."""
    parts: list[bytes] = []
    position = 0
    for edit in sorted(edits, key=lambda edit: (edit.span.start, edit.span.end)):
        if edit.span.start < position or edit.span.end > len(data):
            raise ValueError(f"edit {edit.span} overlaps the one before or leaves the file")
        parts += (data[position : edit.span.start], edit.text)
        position = edit.span.end
    parts.append(data[position:])
    return b"".join(parts)


def select(fixes: Iterable[Fix]) -> list[Fix]:
    """The fixes that can be applied together: of two that touch or overlap, the first stays."""
    taken: list[tuple[int, int]] = []
    chosen: list[Fix] = []
    for fix in fixes:
        spans = [(edit.span.start, edit.span.end) for edit in fix.edits]
        if any(start <= last and first <= end for start, end in spans for first, last in taken):
            continue
        taken += spans
        chosen.append(fix)
    return chosen


class Shift:
    """Where offsets go when edits are applied."""

    def __init__(self, edits: Iterable[Edit]) -> None:
        self.edits: Sequence[Edit] = sorted(edits, key=lambda edit: (edit.span.start, edit.span.end))

    def touches(self, span: Span) -> bool:
        """True when an edit replaces a byte of the span, or inserts inside it."""
        return any(
            edit.span.start < span.end and span.start < edit.span.end
            or edit.span.start == edit.span.end and span.start < edit.span.start < span.end
            for edit in self.edits
        )  # fmt: skip

    def span(self, span: Span) -> Span:
        """Where an untouched span stands after the edits."""
        moved = sum(len(edit.text) - len(edit.span) for edit in self.edits if edit.span.end <= span.start)
        return Span(span.start + moved, span.end + moved)

    def inserted(self) -> list[Span]:
        """The spans, after the edits, of what they wrote."""
        moved = 0
        found: list[Span] = []
        for edit in self.edits:
            start = edit.span.start + moved
            found.append(Span(start, start + len(edit.text)))
            moved += len(edit.text) - len(edit.span)
        return found


def insert(at: int, text: bytes) -> Edit:
    """An insertion at a byte offset."""
    return Edit(Span(at, at), text)


def delete(span: Span) -> Edit:
    """A deletion."""
    return Edit(span, b"")


def replace(span: Span, text: bytes) -> Edit:
    """A replacement."""
    return Edit(span, text)
