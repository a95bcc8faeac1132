"""Edits: ranges of bytes replaced, everything else left as it is."""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from itertools import accumulate
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
    starts: list[int] = []
    ends: list[int] = []
    chosen: list[Fix] = []
    for fix in fixes:
        spans = sorted((edit.span.start, edit.span.end) for edit in fix.edits)
        # The taken ranges never touch, so their ends are in the order of their starts.
        if any(bisect_left(ends, start) < bisect_right(starts, end) for start, end in spans):
            continue
        for start, end in spans:
            insort(starts, start)
            insort(ends, end)
        chosen.append(fix)
    return chosen


class Shift:
    """Where offsets go when edits (which do not overlap) are applied."""

    def __init__(self, edits: Iterable[Edit]) -> None:
        self.edits: Sequence[Edit] = sorted(edits, key=lambda edit: (edit.span.start, edit.span.end))
        self._starts = [edit.span.start for edit in self.edits]
        self._ends = [edit.span.end for edit in self.edits]
        self._moved = [0, *accumulate(len(edit.text) - len(edit.span) for edit in self.edits)]

    def near(self, start: int, end: int) -> Sequence[Edit]:
        """The edits that touch the range, its two ends included."""
        return self.edits[bisect_left(self._ends, start) : bisect_right(self._starts, end)]

    def touches(self, span: Span) -> bool:
        """True when an edit replaces a byte of the span, or inserts inside it."""
        return any(
            edit.span.start < span.end and span.start < edit.span.end
            if len(edit.span)
            else span.start < edit.span.start < span.end
            for edit in self.near(span.start, span.end)
        )

    def span(self, span: Span) -> Span:
        """Where an untouched span stands after the edits."""
        moved = self._moved[bisect_right(self._ends, span.start)]
        return Span(span.start + moved, span.end + moved)

    def inserted(self) -> list[Span]:
        """The spans, after the edits, of what they wrote, in order."""
        starts = [edit.span.start + moved for edit, moved in zip(self.edits, self._moved, strict=False)]
        return [Span(start, start + len(edit.text)) for start, edit in zip(starts, self.edits, strict=True)]


def insert(at: int, text: bytes) -> Edit:
    """An insertion at a byte offset."""
    return Edit(Span(at, at), text)


def delete(span: Span) -> Edit:
    """A deletion."""
    return Edit(span, b"")


def replace(span: Span, text: bytes) -> Edit:
    """A replacement."""
    return Edit(span, text)
