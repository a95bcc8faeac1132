"""The small parts of an instruction: words, flags, name=value pairs, heredocs. Each knows its bytes in the file."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from jettison.dockerfile.patterns import lazy

if TYPE_CHECKING:
    from jettison.dockerfile.logical import Logical
    from jettison.finding import Span


_FIELD = lazy(r'(?:"((?:[^"]|"")*)"|([^",]*))(?:(,)|\Z)', re.DOTALL)


class Word:
    """A word: where it stands (`span`), how it is written (`raw`, continuations joined) and what it says (`text`).

    Of a shell word `text` is None unless it is static: quotes and escapes are resolved, expansions are not. Of a
    Dockerfile word `text` is the raw text (use `Instruction.expand`), of a JSON string its value. `start` and `end` are
    logical offsets.
    """

    __slots__ = ("end", "logical", "raw", "start", "text")

    def __init__(self, logical: Logical, start: int, end: int, raw: bytes, text: str | None) -> None:
        self.logical = logical
        self.start = start
        self.end = end
        self.raw = raw
        self.text = text

    @property
    def span(self) -> Span:
        """Its bytes in the file."""
        return self.logical.span(self.start, self.end)

    def __str__(self) -> str:
        return self.raw.decode("utf-8", "replace")

    def __repr__(self) -> str:
        return f"Word({self.raw!r})"


class Flag(NamedTuple):
    """`--name=value` before the arguments; `value` is None when there is no `=`."""

    span: Span
    raw: bytes
    name: str
    name_span: Span
    value: str | None
    value_span: Span | None

    def options(self) -> dict[str, str]:
        """A value of the form `type=cache,target=/x` (as `--mount` has) as a dictionary; names in lower case."""
        result: dict[str, str] = {}
        if not self.value:
            return result
        for field in csv_fields(self.value) or self.value.split(","):
            name, equals, value = field.partition("=")
            result[name.strip().lower()] = value if equals else "true"
        return result


def csv_fields(value: str) -> list[str] | None:
    """Fields of one CSV record, as Go reads them: quotes hold commas together; None for quotes that do not."""
    if '"' not in value:
        return value.split(",") if value else []
    fields = []
    position = 0
    while match := _FIELD.match(value, position):
        fields.append(match[1].replace('""', '"') if match[1] is not None else match[2])
        position = match.end()
        if position == len(value) and not match[3]:
            return fields
    return None


class Pair(NamedTuple):
    """A name and a value, as in ENV, LABEL and ARG. `legacy` is the form with a blank instead of `=`."""

    name: Word
    value: Word | None
    legacy: bool
    span: Span


class Heredoc(NamedTuple):
    """A here-document of RUN, COPY or ADD: `word` is the span of `<<EOF`, `body` that of the lines up to the end word.

    `quoted` means that variables in the body are not expanded; `dash` that leading tabs are dropped.
    """

    name: str
    word: Span
    body: Span
    end: Span
    dash: bool
    quoted: bool


class Problem(NamedTuple):
    """Something the builder refuses: where, what, and what was expected instead."""

    span: Span
    message: str
    expected: str = ""

    def __str__(self) -> str:
        return f"{self.message}; expected {self.expected}" if self.expected else self.message


def word_at(logical: Logical, start: int, end: int) -> Word:
    """The Dockerfile word that is `logical.text[start:end]`."""
    raw = logical.text[start:end]
    return Word(logical, start, end, raw, raw.decode("utf-8", "surrogateescape"))
