"""The lossless tree of a Dockerfile: nodes whose bytes, one after the other, are the file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jettison.dockerfile import lexer
from jettison.finding import Span

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from jettison.dockerfile.context import BuildContext
    from jettison.dockerfile.instruction import Instruction
    from jettison.dockerfile.lexer import Grammar
    from jettison.dockerfile.shells import Shell
    from jettison.dockerfile.source import Source
    from jettison.dockerfile.stages import Stage
    from jettison.dockerfile.variables import Scope
    from jettison.dockerfile.words import Problem


class Comment:
    """A comment: from its `#` to the last byte before the line end."""

    __slots__ = ("end", "file", "start")

    def __init__(self, file: Dockerfile, start: int, end: int) -> None:
        self.file = file
        self.start = start
        self.end = end

    @property
    def span(self) -> Span:
        """The bytes of the comment."""
        return Span(self.start, self.end)

    @property
    def data(self) -> bytes:
        """The comment with its `#`."""
        return self.file.source.data[self.start : self.end]

    @property
    def line(self) -> int:
        """1-based line."""
        return self.file.source.line(self.start)


class Directive(Comment):
    """A parser directive (`# escape=`, `# syntax=`, `# check=`): `name` in lower case, `value`."""

    __slots__ = ("name", "value")

    def __init__(self, file: Dockerfile, start: int, end: int, name: str, value: str) -> None:
        super().__init__(file, start, end)
        self.name = name
        self.value = value


class Trivia:
    """Bytes between instructions: blank lines, comment lines, the byte order mark."""

    __slots__ = ("end", "file", "start")

    def __init__(self, file: Dockerfile, start: int, end: int) -> None:
        self.file = file
        self.start = start
        self.end = end

    @property
    def data(self) -> bytes:
        """The bytes as the file has them."""
        return self.file.source.data[self.start : self.end]

    def comments(self) -> Iterator[Comment]:
        """The comments among these lines."""
        data = self.file.source.data
        if data.find(b"#", self.start, self.end) < 0:
            return
        position = self.start
        while position < self.end:
            line = lexer.TRIVIA_LINE.match(data, position, self.end)
            if line is None or line.end() == position:
                position += 1
                continue
            if line["comment"] is not None:
                yield Comment(self.file, line.start("comment"), line.end("comment"))
            position = line.end()


class Dockerfile:
    """A parsed Dockerfile. `b"".join(node.data for node in nodes)` is the file, byte for byte.

    `problems` lists what the builder would refuse; the rest of the file is parsed all the same. `directives` holds the
    parser directives by name. `instructions` leaves out what stands inside ONBUILD (`Instruction.inner`).
    """

    __slots__ = (
        "_comments", "_scopes", "_stages", "build_args", "context", "directives", "grammar", "instructions", "nodes",
        "problems", "shell_pragmas", "source",
    )  # fmt: skip

    def __init__(self, source: Source, grammar: Grammar) -> None:
        self.source = source
        self.grammar = grammar
        self.nodes: list[Trivia | Instruction] = []
        self.instructions: list[Instruction] = []
        self.directives: dict[str, Directive] = {}
        self.problems: list[Problem] = []
        self.build_args: dict[str, str] = {}
        self.context: BuildContext | None = None
        self.shell_pragmas: list[tuple[int, Shell]] | None = None
        self._stages: list[Stage] | None = None
        self._comments: list[Comment] | None = None
        self._scopes: list[Scope] | None = None

    @property
    def path(self) -> str:
        """The path, as messages name it."""
        return self.source.path

    @property
    def data(self) -> bytes:
        """The bytes of the file."""
        return self.source.data

    @property
    def stages(self) -> list[Stage]:
        """The build stages in order; the last is the one built by default."""
        if self._stages is None:
            from jettison.dockerfile.stages import stages_of

            self._stages = stages_of(self)
        return self._stages

    @property
    def comments(self) -> list[Comment]:
        """All comment lines, inside continued instructions too, in order. (Not those inside heredocs.)"""
        if self._comments is None:
            found: list[Comment] = []
            for node in self.nodes:
                if isinstance(node, Trivia) or b"#" in node.data:
                    found.extend(node.comments())
            self._comments = found
        return self._comments

    def variables(self, instruction: Instruction) -> Mapping[str, str | None]:
        """ARG and ENV as they stand before `instruction`: name to value, None for a value that is not known."""
        from jettison.dockerfile.variables import Variables, scopes_of

        index = (instruction.outer or instruction).index
        scopes = self._scopes if self._scopes is not None else scopes_of(self)
        return Variables(scopes[index], 2 * index)

    def release(self) -> None:
        """Take the tree apart once its findings are known: its cycles would keep it until garbage is collected.

        `source`, `path`, `data` and `problems` stay.
        """
        for stage in self._stages or ():
            stage.instructions, stage.shells, stage.sources, stage.children = [], [], [], []
        for outer in self.instructions:
            for instruction in (outer, outer.inner):
                if instruction is not None:
                    instruction.stage = None
                    for script in instruction._scripts or ():
                        script.commands = []
                    instruction._scripts = None
            if outer.inner is not None:
                outer.inner.outer = None
        self.nodes, self.instructions, self.directives = [], [], {}
        self._stages, self._comments, self._scopes = [], [], []
