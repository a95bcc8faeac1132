"""One instruction of a Dockerfile: keyword, flags, arguments, heredocs; what is seldom asked is computed when asked."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from jettison.dockerfile import lexer
from jettison.dockerfile.logical import Logical
from jettison.dockerfile.patterns import lazy
from jettison.dockerfile.words import Flag, Heredoc, Pair, Word, word_at
from jettison.finding import Span

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jettison.dockerfile.lexer import Grammar
    from jettison.dockerfile.shell import Script
    from jettison.dockerfile.stages import Stage
    from jettison.dockerfile.tree import Comment, Dockerfile

KINDS: Final = [
    "ADD",
    "ARG",
    "CMD",
    "COPY",
    "ENTRYPOINT",
    "ENV",
    "EXPOSE",
    "FROM",
    "HEALTHCHECK",
    "LABEL",
    "MAINTAINER",
    "ONBUILD",
    "RUN",
    "SHELL",
    "STOPSIGNAL",
    "USER",
    "VOLUME",
    "WORKDIR",
]
KIND_OF: Final = {spelling.encode(): kind for kind in KINDS for spelling in (kind, kind.lower(), kind.capitalize())}
JSON_KINDS: Final = frozenset(("ADD", "CMD", "COPY", "ENTRYPOINT", "RUN", "SHELL", "VOLUME", "HEALTHCHECK"))
HEREDOC_KINDS: Final = frozenset(("ADD", "COPY", "RUN"))

_HEAD = lazy(rb"\s*(\S*)\s*")
_WHITE_WORD = lazy(rb"\S+")
_JSON_PLAIN = lazy(rb'\[[ \t]*+(?:"[ !#-\[\]-~]*+"[ \t]*+(?:,[ \t]*+(?=")|(?=\])))*+\][ \t]*+\Z')
"""An array of strings in printable ASCII without escapes, as nearly all are: what it says is what is written."""
_JSON_STRING = lazy(rb'"(?:[^"\\]++|\\.)*+"')
_HEALTH = lazy(rb"(\S+)\s*")


class Instruction:
    """One instruction. `span` is all of it, line end and heredocs included; `head_end` ends its own (joined) lines.

    `kind` is the keyword in upper case (an unknown one too). `stage` is the stage it belongs to, None for an ARG before
    the first FROM. Inside `ONBUILD`, `inner` is the instruction that is triggered, and has `outer`.
    """

    __slots__ = (
        "_args", "_flags", "_json", "_logical", "_pairs", "_scripts", "_words", "end", "file", "grammar", "head_end",
        "heredocs", "index", "inner", "keyword", "kind", "outer", "stage", "start",
    )  # fmt: skip

    def __init__(self, file: Dockerfile, start: int, head_end: int, grammar: Grammar) -> None:
        self.file = file
        self.start = start
        self.head_end = head_end
        self.end = head_end
        self.grammar = grammar
        self.heredocs: tuple[Heredoc, ...] = ()
        self.stage: Stage | None = None
        self.inner: Instruction | None = None
        self.outer: Instruction | None = None
        self.index = 0
        self._logical: Logical | None = None
        self._args = -1
        self._flags: list[Flag] | None = None
        self._words: list[Word] | None = None
        self._pairs: list[Pair] | None = None
        self._json: list[Word] | bool | None = None
        self._scripts: list[Script] | None = None
        match = lexer.KEYWORD.match(file.source.data, start, head_end)
        if match:
            first, last = match.span(1)
            word = match[1]
        else:
            head = _HEAD.match(self.logical.text)
            assert head is not None
            word = head[1]
            first, last = self.logical.span(*head.span(1)).start, self.logical.end(head.end(1))
        self.keyword: tuple[int, int] = (first, last)
        self.kind = KIND_OF.get(word) or word.upper().decode("utf-8", "replace")

    def __repr__(self) -> str:
        return f"<{self.kind} line {self.line}>"

    # ------------------------------------------------------------------ where it is

    @property
    def span(self) -> Span:
        """All bytes of the instruction, from the start of its first line to the start of the next node."""
        return Span(self.start, self.end)

    @property
    def keyword_span(self) -> Span:
        """The keyword alone."""
        return Span(*self.keyword)

    @property
    def body_span(self) -> Span:
        """From the keyword to the last word of its own lines: no indentation, line end, or heredoc body."""
        return self.logical.span(self.keyword_logical, len(self.logical.text.rstrip()))

    @property
    def line(self) -> int:
        """1-based line of the keyword."""
        return self.file.source.line(self.keyword[0])

    @property
    def data(self) -> bytes:
        """The bytes of the instruction as the file has them."""
        return self.file.source.data[self.start : self.end]

    # ------------------------------------------------------------------ what it says

    @property
    def logical(self) -> Logical:
        """The joined text, keyword and leading blanks included, without the line end."""
        if self._logical is None:
            data, start, end = self.file.source.data, self.start, self.head_end
            pieces: list[tuple[int, bytes]] = []
            if data.find(self.grammar.escape, start, end) >= 0:
                for match in self.grammar.gap.finditer(data, start, end):
                    pieces.append((start, data[start : match.start()]))
                    start = match.end()
            pieces.append((start, data[start:end].rstrip(b"\r\n")))
            self._logical = Logical(pieces)
        return self._logical

    @property
    def keyword_logical(self) -> int:
        """Where, in the logical text, the keyword begins."""
        text = self.logical.text
        return len(text) - len(text.lstrip())

    @property
    def arguments_at(self) -> int:
        """Where, in the logical text, the arguments begin, after keyword and flags."""
        if self._args < 0:
            self._split()
        return self._args

    @property
    def flags(self) -> list[Flag]:
        """The flags between keyword and arguments, in order."""
        if self._flags is None:
            self._split()
            assert self._flags is not None
        return self._flags

    def flag(self, name: str) -> Flag | None:
        """The first flag of that name (without dashes)."""
        return next((flag for flag in self.flags if flag.name == name), None)

    def mounts(self) -> list[dict[str, str]]:
        """Every `--mount` of a RUN as a dictionary, `type` filled in (`bind` when absent)."""
        return [{"type": "bind", **flag.options()} for flag in self.flags if flag.name == "mount"]

    def mounted(self, path: str, *types: str) -> bool:
        """True when a mount of one of `types` (`cache` and `tmpfs` unless given) holds `path`: it is in no layer."""
        if self.kind != "RUN" or self.file.data.find(b"--mount", self.start, self.head_end) < 0:
            return False
        for mount in self.mounts():
            target = mount.get("target") or mount.get("dst") or mount.get("destination") or ""
            target = "/" + (self.expand(target) or target).strip("/")
            if mount["type"] in (types or ("cache", "tmpfs")) and (
                path == target or path.startswith(target.rstrip("/") + "/")
            ):
                return True
        return False

    def _split(self) -> None:
        text = self.logical.text
        head = _HEAD.match(text)
        assert head is not None
        position = head.end()
        flags: list[Flag] = []
        while text.startswith(b"--", position):
            match = lexer.FLAG.match(text, position)
            assert match is not None
            if match.end() > position + 2:
                flags.append(self._flag(match.start(), match.end()))
            position = match.end()
            while position < len(text) and text[position : position + 1].isspace():
                position += 1
            if match.end() == match.start() + 2:
                break
        self._flags = flags
        self._args = position

    def _flag(self, start: int, end: int) -> Flag:
        logical = self.logical
        raw = logical.text[start:end]
        clean = _unquote(raw[2:]).decode("utf-8", "surrogateescape")
        name, equals, value = clean.partition("=")
        at = raw.find(b"=")
        cut = start + at if equals and at > 0 else end
        return Flag(
            logical.span(start, end), raw, name, logical.span(start + 2, cut),
            value if equals else None, logical.span(cut + 1, end) if equals else None,
        )  # fmt: skip

    @property
    def rest(self) -> bytes:
        """The joined text of the arguments, after keyword and flags, blanks at both ends removed."""
        return self.logical.text[self.arguments_at :].strip()

    @property
    def json(self) -> list[Word] | None:
        """The strings of the JSON (exec) form, or None when the builder reads the shell form."""
        if self._json is None:
            self._json = self._read_json()
        return None if isinstance(self._json, bool) else self._json

    @property
    def json_fault(self) -> bool:
        """True for an array of something else than strings, which the builder refuses."""
        if self._json is None:
            self._json = self._read_json()
        return self._json is True

    def _read_json(self) -> list[Word] | bool:
        start = self.arguments_at
        text = self.logical.text
        if self.kind == "HEALTHCHECK":
            match = _HEALTH.match(text, start)
            start = match.end() if match else start
        if self.kind not in JSON_KINDS or not text.startswith(b"[", start):
            return False
        places = _JSON_STRING.finditer(text, start)
        if _JSON_PLAIN.match(text, start):
            return [Word(self.logical, *place.span(), place[0], place[0][1:-1].decode()) for place in places]
        import json

        try:
            values = json.loads(text[start:].decode("utf-8", "replace"), parse_constant=_refuse)
        except (ValueError, RecursionError):
            return False
        if not all(isinstance(value, str) for value in values):
            return True
        return [Word(self.logical, *place.span(), place[0], value) for place, value in zip(places, values, strict=True)]

    @property
    def words(self) -> list[Word]:
        """The arguments as BuildKit splits them for this kind: JSON strings, blank-separated words, `name=value` words.

        For kinds that take one text (RUN and CMD in shell form, USER, WORKDIR, ...) that text is the one word.
        """
        if self._words is None:
            self._words = list(self._read_words())
        return self._words

    def _read_words(self) -> Iterator[Word]:
        found = self.json
        if found is not None:
            yield from found
            return
        logical, start = self.logical, self.arguments_at
        stop = len(logical.text.rstrip())
        if self.kind in ("ADD", "COPY", "FROM", "EXPOSE", "VOLUME"):
            pattern = _WHITE_WORD
        elif self.kind in ("ENV", "LABEL", "ARG"):
            pattern = self.grammar.word
        else:
            if stop > start:
                yield word_at(logical, start, stop)
            return
        for match in pattern.finditer(logical.text, start, stop):
            yield word_at(logical, *match.span())

    @property
    def pairs(self) -> list[Pair]:
        """Names and values of ENV, LABEL and ARG; quotes stay in the values (see `expand`)."""
        if self._pairs is None:
            self._pairs = self._read_pairs()
        return self._pairs

    def _read_pairs(self) -> list[Pair]:
        logical, start = self.logical, self.arguments_at
        text = logical.text
        stop = len(text.rstrip())
        result: list[Pair] = []
        for match in self.grammar.word.finditer(text, start, stop):
            first, last = match.span()
            equals = text.find(b"=", first, last)
            if equals < 0 and self.kind != "ARG":
                if result:
                    continue
                blank = _WHITE_WORD.match(text, first, stop)
                assert blank is not None
                value_at = blank.end()
                while value_at < stop and text[value_at : value_at + 1].isspace():
                    value_at += 1
                value = word_at(logical, value_at, stop) if value_at < stop else None
                return [Pair(word_at(logical, first, blank.end()), value, True, logical.span(first, stop))]
            name_end = equals if equals >= 0 else last
            value = word_at(logical, equals + 1, last) if equals >= 0 else None
            result.append(Pair(word_at(logical, first, name_end), value, False, logical.span(first, last)))
        return result

    def expand(self, word: Word | str | None) -> str | None:
        """The value of a Dockerfile word at this instruction: variables and quotes resolved; None when unknown."""
        from jettison.dockerfile.expand import expand

        if word is None:
            return None
        text = word if isinstance(word, str) else word.text or ""
        if "$" not in text and "'" not in text and '"' not in text and self.grammar.escape.decode() not in text:
            return text
        return expand(text, self.file.variables(self), self.grammar.escape.decode())

    # ------------------------------------------------------------------ comments and shell

    def comments(self) -> list[Comment]:
        """Comment lines inside the continued lines of this instruction."""
        from jettison.dockerfile.tree import Comment

        data = self.file.source.data
        found: list[Comment] = []
        for gap in self.grammar.gap.finditer(data, self.start, self.head_end):
            position = data.find(b"\n", gap.start(), gap.end()) + 1
            while 0 < position < gap.end():
                line = lexer.TRIVIA_LINE.match(data, position, gap.end())
                if line is None or line.end() == position:
                    break
                if line["comment"] is not None:
                    found.append(Comment(self.file, line.start("comment"), line.end("comment")))
                position = line.end()
        return found

    @property
    def scripts(self) -> list[Script]:
        """The shell code of this instruction as tables of commands; see `Script`. Empty when it runs nothing."""
        if self._scripts is None:
            from jettison.dockerfile.scripts import scripts_of

            self._scripts = scripts_of(self)
        return self._scripts

    @property
    def script(self) -> Script | None:
        """The first of `scripts`, which for nearly every RUN is the only one."""
        found = self.scripts
        return found[0] if found else None


def _refuse(constant: str) -> object:
    raise ValueError(constant)


def _unquote(raw: bytes) -> bytes:
    """A flag without its quotes and backslashes, as BuildKit reads it."""
    if b"'" not in raw and b'"' not in raw and b"\\" not in raw:
        return raw
    parts = re.findall(rb"\\(.)|'((?:[^'\\]|\\.)*)'|\"((?:[^\"\\]|\\.)*)\"|([^\\'\"]+)", raw, re.DOTALL)
    return b"".join(
        escaped or plain or re.sub(rb"\\(.)", rb"\1", single or double, flags=re.DOTALL)
        for escaped, single, double, plain in parts
    )
