"""Comments that silence findings: ours, hadolint's and BuildKit's.

    # jettison: ignore[APT002, DL3008] because the base pins them     next instruction, or the one it stands in
    # jettison: ignore-file[CODE] because ...                         the whole file
    # hadolint ignore=DL3008                                          next instruction
    # hadolint global ignore=... / stage ignore=...                   the whole file / the stage
    # check=skip=JSONArgsRecommended;error=true                       the whole file

Codes, names, aliases, families and ALL are understood everywhere. Only ignores of ours that silence nothing are
reported: hadolint's may silence what hadolint alone would find.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from typing import TYPE_CHECKING

from jettison.dockerfile.patterns import lazy
from jettison.finding import Span
from jettison.rules.engine import registry

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jettison.dockerfile.instruction import Instruction
    from jettison.dockerfile.tree import Dockerfile
    from jettison.finding import Finding
    from jettison.rules.engine.context import Context

_OURS = lazy(rb"#[ \t]*jettison:[ \t]*(?P<what>ignore(?P<file>-file)?)[ \t]*(?:\[(?P<codes>[^\]\n]*)\])?[^\r\n]*")
_HADOLINT = lazy(
    rb"#[ \t]*hadolint[ \t]+(?:(?P<scope>global|stage)[ \t]+)?ignore[ \t]*=[ \t]*(?P<codes>[A-Za-z0-9_, \t-]*)"
)
_SKIP = lazy(r"(?:^|;)\s*skip\s*=\s*([^;]*)", re.IGNORECASE)
UNUSED = "IGN001"


class Ignore:
    """One such comment: where it stands, what range it covers, which codes, and which of them it silenced."""

    __slots__ = ("at", "codes", "ours", "scope", "unknown", "used")

    def __init__(self, at: Span, scope: Span, codes: frozenset[str], ours: bool, unknown: tuple[str, ...]) -> None:
        self.at = at
        self.scope = scope
        self.codes = codes
        self.ours = ours
        self.unknown = unknown
        self.used: set[str] = set()


class Ignores:
    """All ignores of a file."""

    def __init__(self, file: Dockerfile, active: frozenset[str]) -> None:
        self.file = file
        self.active = active
        self.items: list[Ignore] = []
        self._ends = [instruction.end for instruction in file.instructions]
        # By the start of the one instruction they cover; under None those that cover more.
        self._by_start: dict[int | None, list[Ignore]] = {}
        data = file.data
        if b"jettison:" in data:
            for match in _OURS.finditer(data):
                self._ours(match)
        if b"hadolint" in data:
            for comment in file.comments:
                if pragma := _HADOLINT.match(comment.data):
                    scope = (pragma["scope"] or b"next").decode()
                    self._add(comment.span, self._range(comment.start, scope), pragma["codes"], ours=False)
        if (check := file.directives.get("check")) and (skip := _SKIP.search(check.value)):
            self._add(check.span, Span(0, len(data)), skip[1].encode(), ours=False)

    @property
    def any(self) -> bool:
        """True when the file has an ignore at all."""
        return bool(self.items)

    def _ours(self, match: re.Match[bytes]) -> None:
        at = Span(*match.span())
        scope = Span(0, len(self.file.data)) if match["file"] else self._range(at.start, "here")
        self._add(at, scope, match["codes"] if match["codes"] is not None else b"ALL", ours=True)

    def _add(self, at: Span, scope: Span, codes: bytes, *, ours: bool) -> None:
        names = [name.strip() for name in codes.decode("utf-8", "replace").split(",") if name.strip()]
        resolved = {name: registry.resolve(name) for name in names}
        shellcheck = {name.upper() for name in names if name.upper().startswith("SC")}
        unknown = tuple(name for name, found in resolved.items() if not found and name.upper() not in shellcheck)
        item = Ignore(at, scope, frozenset(shellcheck).union(*resolved.values()), ours, unknown)
        self.items.append(item)
        place = self._instruction(scope.start)
        one = place is not None and place.span == scope
        self._by_start.setdefault(scope.start if one else None, []).append(item)

    def _instruction(self, offset: int) -> Instruction | None:
        """The first instruction that ends behind a place: the one it stands in, or the next."""
        number = bisect_right(self._ends, offset)
        return self.file.instructions[number] if number < len(self._ends) else None

    def _range(self, offset: int, scope: str) -> Span:
        """What a comment at `offset` covers."""
        if scope == "global":
            return Span(0, len(self.file.data))
        instruction = self._instruction(offset)
        if instruction is None:
            return Span(offset, offset)
        last = self.file.instructions[instruction.index - 1] if instruction.index else None
        if scope == "stage" and instruction.kind != "FROM" and last is not None and last.stage is not None:
            instruction = last
        stage = instruction.stage
        if scope == "stage" and stage is not None:
            end = stage.instructions[-1].end if stage.instructions else stage.instruction.end
            return Span(stage.instruction.start, end)
        return instruction.span

    def covers(self, finding: Finding) -> bool:
        """True when a finding is ignored; remembers that the ignore was of use."""
        covered = False
        start = finding.location.span.start
        place = self._instruction(start)
        near = self._by_start.get(place.start, ()) if place is not None else ()
        for item in (*near, *self._by_start.get(None, ())):
            if finding.code in item.codes and item.scope.start <= start < max(item.scope.end, item.scope.start + 1):
                item.used.add(finding.code)
                covered = True
        return covered

    def unused(self, context: Context) -> Iterator[Finding]:
        """A finding for each ignore of ours that silenced nothing, or names what does not exist."""
        if UNUSED not in self.active:
            return
        rule = next(rule for rule in registry.all_rules() if rule.code == UNUSED)
        for item in self.items:
            if not item.ours:
                continue
            for name in item.unknown:
                yield context.found(rule, item.at, f"no rule is called {name}")
            if not item.used and item.codes and item.codes & self.active:
                yield context.found(rule, item.at, "this ignore silences nothing")
