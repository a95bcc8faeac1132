"""The bytes of one file, and where in it a person would point."""

from __future__ import annotations

from bisect import bisect_right
from itertools import accumulate

from jettison.finding import Location, Span

BOM = b"\xef\xbb\xbf"


class Source:
    """A file as it stands on disk: its path (for messages) and its bytes. Offsets count bytes from 0."""

    __slots__ = ("_starts", "data", "path")

    def __init__(self, data: bytes, path: str = "Dockerfile") -> None:
        self.data = data
        self.path = path
        self._starts: list[int] | None = None

    @property
    def newline(self) -> bytes:
        r"""The file's own line end, judged by its first line: `\r\n` or `\n`."""
        end = self.data.find(b"\n")
        return b"\r\n" if end > 0 and self.data[end - 1 : end] == b"\r" else b"\n"

    @property
    def starts(self) -> list[int]:
        """Offset of the first byte of every line."""
        if self._starts is None:
            lines = self.data.split(b"\n")
            self._starts = [0, *(end + number for number, end in enumerate(accumulate(map(len, lines[:-1])), 1))]
        return self._starts

    def line(self, offset: int) -> int:
        """The 1-based line in which the byte at `offset` stands."""
        return bisect_right(self.starts, offset)

    def position(self, offset: int) -> tuple[int, int]:
        """1-based line and column of a byte; columns count characters, a byte that is no UTF-8 counts as one."""
        line = self.line(offset)
        before = self.data[self.starts[line - 1] : offset]
        if line == 1 and before.startswith(BOM):
            before = before[len(BOM) :]
        return line, 1 + (len(before) if before.isascii() else len(before.decode("utf-8", "replace")))

    def location(self, span: Span) -> Location:
        """Where a span of bytes is, for people."""
        line, column = self.position(span.start)
        end_line, end_column = self.position(span.end)
        return Location(self.path, line, column, end_line, end_column, span)

    def text(self, span: Span) -> bytes:
        """The bytes of a span."""
        return self.data[span.start : span.end]
