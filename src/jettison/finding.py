"""What every check speaks in: findings, places, edits, fixes and measures. Frozen data, no I/O.

Named tuples (`finding._replace(note=...)`) and not dataclasses, whose import alone costs as much as linting a file.

Positions count from 1 for people (`line`, `column` in characters); spans are byte offsets, `start` included and `end`
not, into the file as it stands on disk.
"""

from __future__ import annotations

from enum import Enum, IntEnum
from typing import Final, NamedTuple


class Severity(IntEnum):
    """How much a finding matters; ordered, so that `--fail-on warning` is a comparison."""

    STYLE = 0
    INFO = 1
    WARNING = 2
    ERROR = 3

    @property
    def label(self) -> str:
        """The name in lower case, as configuration and output write it."""
        return self.name.lower()


class Safety(Enum):
    """What a fix promises.

    SAFE: same files in the image and same behaviour, or provably only caches removed. UNSAFE: still valid, behaviour
    may change; applied only when asked. DISPLAY: shown, never applied.
    """

    SAFE = "safe"
    UNSAFE = "unsafe"
    DISPLAY = "display"


class Span:
    """A range of bytes in one file: `start` included, `end` not. Compared and ordered by both; never changed."""

    __slots__ = ("end", "start")

    def __init__(self, start: int, end: int) -> None:
        self.start: Final = start
        self.end: Final = end

    def __repr__(self) -> str:
        return f"Span(start={self.start}, end={self.end})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Span) and self.start == other.start and self.end == other.end

    def __hash__(self) -> int:
        return hash((self.start, self.end))

    def __lt__(self, other: Span) -> bool:
        return (self.start, self.end) < (other.start, other.end)

    def __len__(self) -> int:
        return self.end - self.start

    def overlaps(self, other: Span) -> bool:
        """True when both ranges share a byte, or when one is an insertion strictly inside the other."""
        return self.start < other.end and other.start < self.end


class Location(NamedTuple):
    """A place in a file: 1-based line and column (in characters) of both ends, and the span of bytes."""

    path: str
    line: int
    column: int
    end_line: int
    end_column: int
    span: Span


class Edit(NamedTuple):
    """Replace `span` by `text`. An empty span inserts, an empty text deletes."""

    span: Span
    text: bytes


class Fix(NamedTuple):
    """Edits that belong together: all are applied, or none.

    `message` completes the sentence "this fix would ...", for example "remove the package lists in the same RUN".
    """

    message: str
    edits: tuple[Edit, ...]
    safety: Safety


class Finding(NamedTuple):
    """One thing a rule found: its code, one sentence, where, and perhaps how to mend it."""

    code: str
    message: str
    severity: Severity
    location: Location
    fix: Fix | None = None
    note: str | None = None


class Measure(NamedTuple):
    """Bytes that were measured: `raw` uncompressed, `compressed` as transferred; None reads `unknown`, never 0."""

    raw: int | None = None
    compressed: int | None = None

    def __add__(self, other: Measure) -> Measure:  # type: ignore[override]
        return Measure(_sum(self.raw, other.raw), _sum(self.compressed, other.compressed))


def _sum(a: int | None, b: int | None) -> int | None:
    return None if a is None or b is None else a + b
