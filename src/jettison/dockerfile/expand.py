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

_NAME = lazy(r"[A-Za-z_]\w*|\d+|[@*#?!$-]")


class _Unknown(Exception):
    """The value depends on something that is not known."""


def expand(text: str, known: Mapping[str, str | None], escape: str = "\\") -> str | None:
    """`text` with quotes and variables resolved; None when a variable is unknown or the syntax is wrong.

    A name that `known` lacks, or holds as None, is unknown: the base image may define it.
    """
    try:
        return _Expansion(text, known, escape).until("")
    except (_Unknown, IndexError, RecursionError):
        return None


class _Expansion:
    def __init__(self, text: str, known: Mapping[str, str | None], escape: str) -> None:
        self.text = text
        self.known = known
        self.escape = escape
        self.at = 0

    def until(self, stop: str, raw: bool = False) -> str:
        """Read up to `stop` (exclusive, but consumed) or, when it is empty, to the end."""
        parts: list[str] = []
        text = self.text
        while self.at < len(text):
            character = text[self.at]
            self.at += 1
            if stop and character == stop:
                return "".join(parts)
            if character == "'":
                end = text.index("'", self.at) if "'" in text[self.at :] else -1
                if end < 0:
                    raise _Unknown
                parts.append(text[self.at : end])
                self.at = end + 1
            elif character == '"':
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
            raise _Unknown
        return "".join(parts)

    def quoted(self) -> str:
        """The inside of double quotes."""
        parts: list[str] = []
        while True:
            character = self.text[self.at]
            self.at += 1
            if character == '"':
                return "".join(parts)
            if character == "$":
                parts.append(self.dollar())
            elif character == self.escape:
                following = self.text[self.at]
                self.at += 1
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
        match = _NAME.match(self.text, self.at)
        if match is None:
            raise _Unknown
        name, self.at = match[0], match.end()
        operator = self.text[self.at]
        self.at += 1
        if operator == "}":
            return self.value(name)
        if operator == ":":
            operator += self.text[self.at]
            self.at += 1
        if operator[-1] in "-+?":
            word = self.until("}")
            value = self.value(name)
            unset = operator[0] == ":" and value == ""
            if operator[-1] == "+":
                return "" if unset else word
            return word if unset and operator[-1] == "-" else value
        if operator in ("#", "%"):
            greedy = self.text[self.at] == operator
            self.at += greedy
            return _trim(self.value(name), self.until("}", raw=True), operator, greedy)
        if operator == "/":
            every = self.text[self.at] == "/"
            self.at += every
            pattern, replacement = self.until("/", raw=True), self.until("}", raw=True)
            matcher = re.compile(fnmatch.translate(pattern).removesuffix(r"\Z").removesuffix(r"\z"), re.DOTALL)
            return matcher.sub(lambda _: replacement, self.value(name), count=0 if every else 1)
        raise _Unknown


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
