"""Shell code as rules see it: a flat table of simple commands, each with its words, joiners and surroundings."""

from __future__ import annotations

from collections import ChainMap
from enum import IntFlag
from typing import TYPE_CHECKING, Final, cast

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, MutableMapping

    from jettison.dockerfile.instruction import Instruction
    from jettison.dockerfile.logical import Logical
    from jettison.dockerfile.shells import Shell
    from jettison.dockerfile.words import Word
    from jettison.finding import Span


class Inside(IntFlag):
    """What surrounds a command; 0 means that it runs, once, whenever the script gets there."""

    CONDITION = 1  # a branch of if or case (not the question itself)
    LOOP = 2
    SUBSHELL = 4  # ( ... )
    FUNCTION = 8  # a body, which runs when called
    SUBSTITUTION = 16  # $( ... ), `...`, <( ... )
    ALTERNATIVE = 32  # right of ||
    NEGATED = 64
    PIPELINE = 128
    QUESTION = 256  # between if, while or until and its then or do


class Redirection:
    """`2> file`: descriptor ("" when not written), operator, target; `<<` has no target."""

    __slots__ = ("descriptor", "operator", "span", "target")

    def __init__(self, descriptor: str, operator: str, target: Word | None, span: Span) -> None:
        self.descriptor = descriptor
        self.operator = operator
        self.target = target
        self.span = span


class Assignment:
    """`NAME=value`, alone or before a command; `value.text` is None unless static."""

    __slots__ = ("name", "span", "value")

    def __init__(self, name: str, value: Word | None, span: Span) -> None:
        self.name = name
        self.value = value
        self.span = span


class Statement:
    """A statement at the top level of a script: a command, a list, an if, ... `end` is a logical offset.

    `terminator` is what follows: `;`, a line feed, `&`, or "" at the end. `compound` names the node when it is no plain
    list of commands.
    """

    __slots__ = ("end", "kind", "start", "terminator")

    def __init__(self, start: int, end: int, kind: str, terminator: str) -> None:
        self.start = start
        self.end = end
        self.kind = kind
        self.terminator = terminator


WRAPPERS: Final = frozenset(
    ("sudo", "exec", "command", "nohup", "time", "nice", "env", "eatmydata", "builtin", "ionice")
)
_WRAPPER_VALUES: Final = frozenset(("-u", "-g", "-n", "-C", "-c", "-p", "-h", "-r", "-t", "-S"))


class Command:
    """One simple command.

    `words[0]` is what is written first; `name` is the program that does the work, path and wrappers (`sudo`, `env`,
    `exec`, ...) taken off, or None when it is not static. `arguments` are the words after it. `before` and `after` are
    the joiners to the neighbours in the table: `&&`, `||`, `;`, `|`, `&`, a line feed, or "" at the ends.
    """

    __slots__ = (
        "_head", "_name", "_operands", "after", "assignments", "before", "end", "errexit", "index", "inside",
        "pipefail", "redirections", "script", "start", "statement", "words",
    )  # fmt: skip

    def __init__(self, script: Script, start: int, inside: Inside, before: str) -> None:
        self.script = script
        self.index = len(script.commands)
        self.words: list[Word] = []
        self.assignments: list[Assignment] = []
        self.redirections: list[Redirection] = []
        self.inside = inside
        self.before = before
        self.after = ""
        self.start = start
        self.end = start
        self.errexit = script.errexit
        self.pipefail = script.pipefail
        self.statement = 0
        self._head = -1
        self._operands: dict[tuple[str, ...], list[Word]] = {}
        self._name: str | None = ""  # not yet asked for

    def __repr__(self) -> str:
        return f"<{' '.join(map(str, self.words))}>"

    @property
    def span(self) -> Span:
        """From the first word (or assignment) to the last word; redirections after it are outside."""
        return self.script.logical.span(self.start, self.end)

    @property
    def instruction(self) -> Instruction:
        """The instruction it stands in."""
        return self.script.instruction

    @property
    def head(self) -> int:
        """Index in `words` of the program that does the work."""
        if self._head < 0:
            self._head = self._unwrap()
        return self._head

    def _unwrap(self) -> int:
        words = self.words
        if not words or _base(words[0].text) not in WRAPPERS:
            return 0
        index = 0
        while index < len(words) - 1 and _base(words[index].text) in WRAPPERS:
            wrapper = _base(words[index].text)
            at = index + 1
            while at < len(words):
                text = words[at].text
                if text is None or (wrapper in ("env", "sudo") and "=" in text and not text.startswith("-")):
                    at += 1
                elif text.startswith("-") and len(text) > 1:
                    at += 2 if wrapper in ("sudo", "nice", "env") and text in _WRAPPER_VALUES else 1
                else:
                    break
            if at >= len(words):
                break
            index = at
        return index

    @property
    def name(self) -> str | None:
        """The program's name without its path, or None when it is not static."""
        if self._name == "":
            self._name = _base(self.words[self.head].text) if self.words else None
        return self._name

    @property
    def arguments(self) -> list[Word]:
        """The words after the program."""
        return self.words[self.head + 1 :]

    @property
    def last(self) -> Word:
        """The last word."""
        return self.words[-1]

    def has(self, *options: str) -> bool:
        """True when one of the options stands before `--`: `-y` also as in `-qqy`, `--name` also as `--name=value`."""
        return self.option(*options) is not None

    def option(self, *options: str) -> Word | None:
        """The first word that gives one of the options, as `has` sees it."""
        letters = {option[1] for option in options if len(option) == 2 and option[0] == "-"}
        for word in self.arguments:
            text = word.text
            if not text or text[0] not in "-+":
                continue
            if text == "--":
                return None
            if text in options or (text[:2] == "--" and text.partition("=")[0] in options):
                return word
            if letters and text[0] == "-" and text[1:].isalpha() and letters.intersection(text[1:]):
                return word
        return None

    def operands(self, values: Iterable[str] = ()) -> list[Word]:
        """The arguments that are no options. `values` names the options whose value is the next word."""
        taking = tuple(values)
        known = self._operands.get(taking)
        if known is not None:
            return known
        found = self._operands[taking] = []
        rest = iter(self.arguments)
        for word in rest:
            text = word.text
            if text == "--":
                found.extend(rest)
                break
            if text is not None and len(text) > 1 and text[0] == "-":
                if text in taking:
                    next(rest, None)
                continue
            found.append(word)
        return found

    def subcommand(self, values: Iterable[str] = ()) -> str | None:
        """The first operand, as in `apt-get install`; None when there is none or it is not static."""
        found = self.operands(values)
        return found[0].text if found else None

    def resolve(self, word: Word) -> str | None:
        """What a word says with the ARG, ENV and plain shell assignments that are known; None when unknown."""
        return word.text if word.text is not None else self.script.resolve(word, self.start)

    @property
    def always(self) -> bool:
        """True when nothing but earlier failures keeps the command from running exactly once."""
        return not self.inside & ~(Inside.SUBSHELL | Inside.PIPELINE | Inside.NEGATED | Inside.QUESTION)


class Script:
    """The shell code of one instruction.

    `commands` is empty when `opaque` (a shell that is not read here: PowerShell, cmd, Python, ...). `has_error` means
    that the parser stumbled: judge with care, and offer no fix. `exec_form`: one command given as JSON. `stdin`: the
    body of a heredoc fed to a shell.
    """

    __slots__ = (
        "commands", "comments", "errexit", "errors", "exec_form", "heredoc", "instruction", "logical", "opaque",
        "operators", "pipefail", "shell", "statements", "stdin",
    )  # fmt: skip

    def __init__(self, instruction: Instruction, logical: Logical, shell: Shell) -> None:
        self.instruction = instruction
        self.logical = logical
        self.shell = shell
        self.commands: list[Command] = []
        self.statements: list[Statement] = []
        self.comments: list[Span] = []
        self.operators: list[tuple[int, int]] = []
        self.errors = 0
        self.opaque = False
        self.exec_form = False
        self.heredoc = False
        self.stdin = False
        self.errexit = shell.errexit
        self.pipefail = shell.pipefail

    @property
    def text(self) -> bytes:
        """The code as the shell reads it."""
        return self.logical.text

    @property
    def has_error(self) -> bool:
        """True when the parser did not understand all of it."""
        return self.errors > 0

    def named(self, *names: str) -> Iterator[Command]:
        """The commands with one of these names, in order."""
        return (command for command in self.commands if command.name in names)

    def statement_of(self, command: Command) -> Statement:
        """The top-level statement in which a command stands."""
        return self.statements[command.statement]

    def resolve(self, word: Word, at: int) -> str | None:
        """See `Command.resolve`; `at` is the logical offset up to which assignments count."""
        from jettison.dockerfile.expand import expand

        text = word.raw.decode("utf-8", "surrogateescape")
        if "$(" in text or "`" in text or "$'" in text or '$"' in text:
            return None
        known: dict[str, str | None] = {}
        for command in self.commands:
            for assignment in command.assignments:
                earlier = command.start < at and not command.inside and not command.words
                value = assignment.value
                known[assignment.name] = (value.text if value else "") if earlier else None
        outer = self.instruction.file.variables(self.instruction)
        return expand(text, ChainMap(known, cast("MutableMapping[str, str | None]", outer)) if known else outer, "\\")


def _base(text: str | None) -> str | None:
    return text.rpartition("/")[2] if text is not None else None
