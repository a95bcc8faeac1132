"""What ARG and ENV hold at each instruction, with BuildKit's scopes; what is not known stays unknown (None)."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from jettison.dockerfile.expand import expand

if TYPE_CHECKING:
    from jettison.dockerfile.instruction import Instruction
    from jettison.dockerfile.tree import Dockerfile


class Scope:
    """The variables of one stage (or of the part before the first FROM) as a history, so that nothing is copied."""

    __slots__ = ("_history", "env", "parent")

    def __init__(self, parent: Scope | None = None) -> None:
        self._history: dict[str, tuple[list[int], list[str | None]]] = {}
        self.env: dict[str, str | None] = {}
        self.parent = parent

    def assign(self, name: str, value: str | None, at: int) -> None:
        """From `at` on, `name` is `value`."""
        times, values = self._history.setdefault(name, ([], []))
        times.append(at)
        values.append(value)

    def inherited(self, name: str) -> tuple[bool, str | None]:
        """Whether an earlier stage sets `name` by ENV, and to what."""
        scope = self.parent
        while scope is not None:
            if name in scope.env:
                return True, scope.env[name]
            scope = scope.parent
        return False, None

    def get(self, name: str, at: int) -> str | None:
        """The value as it stands before `at`."""
        history = self._history.get(name)
        if history is not None:
            index = bisect_left(history[0], at) - 1
            if index >= 0:
                return history[1][index]
        return self.inherited(name)[1]

    def names(self) -> set[str]:
        """All names that are set at some time, those inherited too."""
        found = set(self._history)
        scope = self.parent
        while scope is not None:
            found.update(scope.env)
            scope = scope.parent
        return found


class Variables(Mapping[str, "str | None"]):
    """A scope as it stands before one instruction: name to value, None when it is not known."""

    __slots__ = ("_at", "_scope")

    def __init__(self, scope: Scope, at: int) -> None:
        self._scope = scope
        self._at = at

    def __getitem__(self, name: str) -> str | None:
        return self._scope.get(name, self._at)

    def __iter__(self) -> Iterator[str]:
        return iter(self._scope.names())

    def __len__(self) -> int:
        return len(self._scope.names())


def scopes_of(file: Dockerfile) -> list[Scope]:
    """The scope of every instruction, by its index. Fills `file._scopes` from the start, since ENV refers to ENV."""
    outside = Scope()
    scopes: list[Scope] = []
    file._scopes = scopes
    by_name: dict[str, Scope] = {}
    current = outside
    for instruction in file.instructions:
        kind = instruction.kind
        if kind == "FROM":
            scopes.append(outside)
            words = instruction.words
            base = instruction.expand(words[0]) if words else None
            current = Scope(by_name.get((base or "").lower()))
            if len(words) >= 3:
                by_name[(words[2].text or "").lower()] = current
            continue
        scopes.append(current)
        if kind == "ENV":
            _env(instruction, current)
        elif kind == "ARG":
            _arg(instruction, current, None if current is outside else outside)
    return scopes


def _env(instruction: Instruction, scope: Scope) -> None:
    """All values are resolved before the first is set."""
    at = 2 * instruction.index
    known = Variables(scope, at)
    for pair in instruction.pairs:
        name = (pair.name.text or "").strip("\"'")
        value = expand(pair.value.text or "", known, instruction.grammar.escape.decode()) if pair.value else None
        scope.assign(name, value, at + 1)
        scope.env[name] = value


def _arg(instruction: Instruction, scope: Scope, outside: Scope | None) -> None:
    """One after the other; ENV wins over ARG; without a default the global argument of that name counts."""
    at = 2 * instruction.index
    known = Variables(scope, at + 2)
    for pair in instruction.pairs:
        name = (pair.name.text or "").strip("\"'")
        if name in scope.env or scope.inherited(name)[0]:
            continue
        value = instruction.file.build_args.get(name)
        if value is None and pair.value is not None:
            value = expand(pair.value.text or "", known, instruction.grammar.escape.decode())
        elif value is None and outside is not None:
            value = outside.get(name, at)
        scope.assign(name, value, at + 1)
