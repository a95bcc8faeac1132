"""The text of an instruction as the builder reads it, and the way back to the bytes of the file."""

from __future__ import annotations

from bisect import bisect_right
from itertools import accumulate
from typing import TYPE_CHECKING

from jettison.finding import Span

if TYPE_CHECKING:
    from collections.abc import Sequence


class Logical:
    """Joined text plus a map: the piece of `text` that begins at `starts[i]` stands at `offsets[i]` of the file.

    Pieces the builder drops (continuations, inner comments, blank lines, line ends) are not in `text`. Text that is
    nowhere in the file (glue) is mapped to the end of the piece before it.
    """

    __slots__ = ("_offsets", "_starts", "text")
    _offsets: tuple[int, ...]
    _starts: tuple[int, ...]

    def __init__(self, pieces: Sequence[tuple[int, bytes]]) -> None:
        if len(pieces) == 1:
            offset, self.text = pieces[0]
            self._offsets, self._starts = (offset,), (0,)
            return
        offsets, parts = zip(*pieces, strict=True)
        self._offsets = offsets
        self.text = b"".join(parts)
        self._starts = (0, *accumulate(map(len, parts[:-1])))

    def offset(self, position: int) -> int:
        """File offset of the character at `position` of the text."""
        if len(self._starts) == 1:
            return self._offsets[0] + position
        index = bisect_right(self._starts, position) - 1
        return self._offsets[index] + position - self._starts[index]

    def end(self, position: int) -> int:
        """File offset just after the character before `position`: where a span that ends there ends in the file."""
        return self.offset(position - 1) + 1 if position else self.offset(0)

    def span(self, start: int, end: int) -> Span:
        """The bytes of the file from which `text[start:end]` comes, with whatever stands in between."""
        first = self.offset(start)
        return Span(first, self.end(end)) if end > start else Span(first, first)

    def pieces(self, start: int, end: int) -> list[tuple[int, bytes]]:
        """The part of the map that covers `text[start:end]`, ready for another `Logical`."""
        if end <= start:
            return [(self.offset(start), b"")]
        index = bisect_right(self._starts, start) - 1
        result: list[tuple[int, bytes]] = []
        while index < len(self._starts) and self._starts[index] < end:
            low = max(start, self._starts[index])
            stop = self._starts[index + 1] if index + 1 < len(self._starts) else len(self.text)
            high = min(end, stop)
            if high > low:
                result.append((self._offsets[index] + low - self._starts[index], self.text[low:high]))
            index += 1
        return result
