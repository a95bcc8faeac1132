"""How a Dockerfile falls apart into lines that belong together, as BuildKit's parser sees it.

BuildKit joins physical lines at a *continuation*: the escape character, not preceded by another one, then blanks, then
the line's end. Inside a continued instruction it skips comment lines and blank lines. One compiled pattern takes a
whole instruction at once, so nothing here loops over characters. Source: BuildKit, `frontend/dockerfile/parser`.
"""

from __future__ import annotations

import re
from typing import Final

from jettison.dockerfile.patterns import lazy

# What Go's unicode.IsSpace calls white space, less the line feed; U+0085 and U+00A0 in UTF-8.
SPACE: Final = rb"(?:[ \t\r\f\v]|\xc2[\x85\xa0])"
_SKIPPED: Final = rb"(?:" + SPACE + rb"*+(?:\#[^\n]*+)?\n)"
_LAST: Final = rb"(?:" + SPACE + rb"*+(?:\#[^\n]*+)?\Z)"

DIRECTIVE: Final = re.compile(
    rb"[ \t\r\f\v]*#[ \t]*(?P<name>[a-zA-Z][a-zA-Z0-9]*)[ \t]*=[ \t]*(?P<value>[^\n]+?)[ \t\r]*(?:\n|\Z)"
)
KNOWN_DIRECTIVES: Final = frozenset((b"escape", b"syntax", b"check"))
MAX_LINE: Final = 65_535
"""Longest physical line BuildKit reads, in bytes."""

KEYWORD: Final = re.compile(rb"[ \t\r\f\v]*([A-Za-z]+)(?=[ \t\r\f\v\n]|\Z)")
TRIVIA_LINE: Final = lazy(
    rb"(?P<blank>" + SPACE + rb"*+)(?P<comment>\#[^\r\n]*+(?:\r+[^\r\n]++)*+)?(?P<end>\r*+\n|\r*+\Z)"
)


class Grammar:
    """The patterns for one escape character: `logical` (a whole instruction), `gap` (what joining drops), `word`."""

    __slots__ = ("continuation", "escape", "gap", "logical", "word")

    def __init__(self, escape: bytes) -> None:
        mark = re.escape(escape)
        self.escape = escape
        self.continuation = mark + rb"(?<!" + mark + mark + rb")[ \t]*+\r*+"
        skipped = _SKIPPED + rb"*+" + _LAST + rb"?+"
        self.gap = lazy(self.continuation + rb"(?:\n|\Z)" + skipped)
        self.logical = lazy(rb"(?:[^\n]*" + self.continuation + rb"\n" + skipped + rb")*+[^\n]*+\n?")
        # A word of ENV, LABEL and ARG: quotes hold blanks together, the escape character holds what follows.
        plain = rb"[^\s'\"" + mark + rb"]++"
        self.word = lazy(
            rb"(?:" + plain + rb"|" + mark + rb"(?:.|\Z)|'[^']*+(?:'|\Z)"
            rb"|\"(?:[^\"" + mark + rb"]++|" + mark + rb".)*+(?:\"|"
            + mark + rb"?\Z))++", re.DOTALL)  # fmt: skip


BACKSLASH: Final = Grammar(b"\\")
BACKTICK: Final = Grammar(b"`")
TRIVIA: Final = re.compile(_SKIPPED + rb"*+" + _LAST + rb"?+")
"""Comment and blank lines between instructions."""

FLAG: Final = lazy(
    rb"--((?:[^\s'\"\\]++|\\(?:.|\Z)|'(?:[^'\\]|\\.)*+(?:'|\\?\Z)|\"(?:[^\"\\]|\\.)*+(?:\"|\\?\Z))*+)", re.DOTALL
)
SHELL_WORD: Final = lazy(
    rb"(?:[^\s'\"\\$]++|\\(?:.|\Z)|\$\{[^}]*+\}|\$|'[^']*+'|\"(?:[^\"\\]|\\.)*+\")++|(?P<bad>\S)", re.DOTALL
)
"""A word as BuildKit's heredoc search splits them; `bad` is an unclosed quote, at which it gives up."""

HEREDOC: Final = lazy(rb"(?P<fd>\d*)<<(?P<dash>-?)(?P<rest>[^<]+)\Z", re.DOTALL)
