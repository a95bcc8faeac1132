"""Variables in Dockerfile words, after BuildKit's `shell.Lex`: quotes, escapes, `$x`, `${x:-y}`, `${x#p}`, `${x/p/r}`.

A value that is not known makes the result unknown (None), unless the form does not need it.
"""

from __future__ import annotations

import fnmatch
import re
from typing import TYPE_CHECKING

from jettison.dockerfile.patterns import lazy

if TYPE_CHECKING:
    from collections.abc import Mapping

_PLAIN = lazy(r"[^'\"$\\`}/]+")
"""Text in which nothing begins or ends, whatever the escape character and the end that is looked for."""
_NAME = lazy(r"[A-Za-z_]\w*|\d+|[@*#?!$-]")


class _Unknown(Exception):
    """The value depends on something that is not known."""


class _Wrong(Exception):
    """The builder cannot read it; the message says why."""


class _Anything(dict[str, str | None]):
    """Every variable is set."""

    def get(self, key: object, default: object = None) -> str:
        """Something."""
        return "x"


def expand(text: str, known: Mapping[str, str | None], escape: str = "\\") -> str | None:
    """`text` with quotes and variables resolved; None when a variable is unknown or the syntax is wrong.

    A name that `known` lacks, or holds as None, is unknown: the base image may define it.
    """
    try:
        return _Expansion(text, known, escape).until("")
    except (_Unknown, _Wrong, RecursionError):
        return None


def fault(text: str, escape: str = "\\", quotes: bool = True) -> tuple[str, int] | None:
    """What the builder cannot read in `text`, whatever its variables hold, and up to where it read; else None.

    `quotes` is False where quotes are but characters: in the here-documents of COPY and ADD.
    """
    expansion = _Expansion(text, _Anything(), escape, quotes)
    try:
        expansion.until("")
    except _Wrong as wrong:
        return str(wrong), expansion.at
    except (_Unknown, RecursionError):
        pass
    return None


class _Expansion:
    def __init__(self, text: str, known: Mapping[str, str | None], escape: str, quotes: bool = True) -> None:
        self.text = text
        self.known = known
        self.escape = escape
        self.quotes = quotes
        self.at = 0

    def until(self, stop: str, raw: bool = False) -> str:
        """Read up to `stop` (exclusive, but consumed) or, when it is empty, to the end."""
        parts: list[str] = []
        text = self.text
        while self.at < len(text):
            if plain := _PLAIN.match(text, self.at):
                parts.append(plain[0])
                self.at = plain.end()
                continue
            character = text[self.at]
            self.at += 1
            if stop and character == stop:
                return "".join(parts)
            if character == "'" and self.quotes:
                end = text.find("'", self.at)
                if end < 0:
                    self.at = len(text)
                    raise _Wrong("an unclosed quote (')")
                parts.append(text[self.at : end])
                self.at = end + 1
            elif character == '"' and self.quotes:
                parts.append(self.quoted())
            elif character == "$":
                parts.append(self.dollar())
            elif character == self.escape:
                if self.at < len(text):
                    parts.append((self.escape if raw else "") + text[self.at])
                    self.at += 1
            else:
                parts.append(character)
        if stop:
            raise _Wrong("an unclosed ${" if stop == "}" else f"a ${{ without its {stop}")
        return "".join(parts)

    def next(self) -> str:
        """The next character, "" at the end."""
        self.at += 1
        return self.text[self.at - 1 : self.at]

    def quoted(self) -> str:
        """The inside of double quotes."""
        parts: list[str] = []
        while True:
            character = self.next()
            if not character:
                raise _Wrong('an unclosed quote (")')
            if character == '"':
                return "".join(parts)
            if character == "$":
                parts.append(self.dollar())
            elif character == self.escape:
                following = self.next()
                parts.append(following if following in ('"', "$", self.escape) else self.escape + following)
            else:
                parts.append(character)

    def value(self, name: str) -> str:
        """The value of a variable that must be known."""
        value = self.known.get(name)
        if value is None:
            raise _Unknown
        return value

    def dollar(self) -> str:
        """What follows a `$`."""
        if self.text.startswith("{", self.at):
            self.at += 1
            return self.braces()
        name = _NAME.match(self.text, self.at)
        if name is None:
            return "$"
        self.at = name.end()
        return self.value(name[0])

    def braces(self) -> str:
        """The inside of `${...}`."""
        if self.text[self.at : self.at + 1] in ("{", "}", ":"):
            raise _Wrong("a ${ without a name")
        match = _NAME.match(self.text, self.at)
        name = match[0] if match else ""
        self.at += len(name)
        operator = self.next()
        if operator == "}":
            return self.value(name)
        if operator == ":":
            operator += self.next()
        if operator[-1:] in ("-", "+", "?"):
            word = self.until("}")
            value = self.value(name)
            unset = operator[0] == ":" and value == ""
            if operator[-1] == "+":
                return "" if unset else word
            return word if unset and operator[-1] == "-" else value
        if operator in ("#", "%"):
            greedy = self.text.startswith(operator, self.at)
            self.at += greedy
            pattern = self.until("}", raw=True)
            return _trim(self.value(name), pattern, operator, greedy)
        if operator == "/":
            every = self.text.startswith(operator, self.at)
            self.at += every
            pattern, replacement = self.until("/", raw=True), self.until("}", raw=True)
            matcher = re.compile(fnmatch.translate(pattern).removesuffix(r"\Z").removesuffix(r"\z"), re.DOTALL)
            return matcher.sub(lambda _: replacement, self.value(name), count=0 if every else 1)
        if not operator:
            raise _Wrong("an unclosed ${")
        raise _Wrong(f"${{{name}{operator}...}}, which is no form of substitution")


def _trim(value: str, pattern: str, side: str, greedy: bool) -> str:
    """Take the shortest (or longest) match of a glob off the front (`#`) or the back (`%`)."""
    cuts = range(len(value) + 1)
    for cut in reversed(cuts) if greedy else cuts:
        part, rest = (
            (value[:cut], value[cut:]) if side == "#" else (value[len(value) - cut :], value[: len(value) - cut])
        )
        if fnmatch.fnmatchcase(part, pattern):
            return rest
    return value
