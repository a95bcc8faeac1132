"""Fixes, proved or undone: each is applied, the result is parsed and linted again, and what fails is taken back."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final, NamedTuple

from jettison.dockerfile import parse
from jettison.dockerfile.edit import Shift, apply, select
from jettison.finding import Safety
from jettison.proof.conserve import conserve
from jettison.proof.reparse import reparse
from jettison.rules.engine import registry
from jettison.rules.engine.lint import DEFAULTS, lint

if TYPE_CHECKING:
    from jettison.dockerfile.context import BuildContext
    from jettison.finding import Finding
    from jettison.rules.engine.lint import Report
    from jettison.rules.engine.rule import Rule
    from jettison.rules.engine.settings import Settings

MAX_ROUNDS: Final = 10
"""Rounds of lint and fix after which a file that still changes is left as the last proved round made it."""


class Refused(NamedTuple):
    """A fix that did not stand the proof, and why."""

    finding: Finding
    reason: str


class Repair:
    """What fixing one file gave: the bytes, the findings mended (as they were), the fixes refused, and what is left."""

    __slots__ = ("applied", "data", "refused", "report")

    def __init__(self, data: bytes, report: Report) -> None:
        self.data = data
        self.report = report
        self.applied: list[Finding] = []
        self.refused: list[Refused] = []


def repair(
    data: bytes,
    settings: Settings = DEFAULTS,
    *,
    path: str = "Dockerfile",
    unsafe: bool = False,
    context: BuildContext | None = None,
    rules: tuple[Rule, ...] | None = None,
) -> Repair:
    """Apply the safe fixes (also the unsafe ones when asked) until none is left. A file with problems is left alone."""
    chosen = registry.select(settings) if rules is None else rules
    work = _Work(settings, path, context, chosen)
    result = Repair(data, work.lint(data))
    if result.report.file.problems:
        return result
    allowed = {Safety.SAFE, Safety.UNSAFE} if unsafe else {Safety.SAFE}
    refused: set[tuple[str, bytes, int]] = set()
    mended = 0
    for _ in range(MAX_ROUNDS):
        offers = [
            finding
            for finding in result.report.findings
            if finding.fix is not None and finding.fix.safety in allowed and _key(finding, result.data) not in refused
        ]
        fixes = {id(finding.fix): finding for finding in reversed(offers)}
        batch = [fixes[id(fix)] for fix in select(finding.fix for finding in offers if finding.fix)]
        if not batch and refused and len(result.applied) > mended:
            # What was refused beside a flaw that is mended by now gets another chance, as a second run would give it.
            mended = len(result.applied)
            refused.clear()
            result.refused.clear()
            continue
        if not batch:
            break
        _round(work, result, batch, refused)
    return result


def _round(work: _Work, result: Repair, batch: list[Finding], refused: set[tuple[str, bytes, int]]) -> None:
    """Take the whole batch if it stands the proof; else name the single fixes that fail, and leave the rest to the next
    round. When only their company is the fault, half of them go first."""
    reason, after, report = work.prove(result, batch)
    if reason is None and report is not None:
        result.report.file.release()
        result.data, result.report = after, report
        result.applied += batch
        return
    failing = [(batch[0], reason or "")] if len(batch) == 1 else _failing(work, result, batch)
    for finding, why in failing:
        refused.add(_key(finding, result.data))
        result.refused.append(Refused(finding, why))
    if not failing:
        _round(work, result, batch[: len(batch) // 2], refused)


def _failing(work: _Work, result: Repair, batch: list[Finding]) -> list[tuple[Finding, str]]:
    """The fixes of a failing batch that fail alone, found by halving."""
    found: list[tuple[Finding, str]] = []
    middle = len(batch) // 2
    for part in (batch[:middle], batch[middle:]):
        reason = work.prove(result, part)[0]
        if reason is not None:
            found += [(part[0], reason)] if len(part) == 1 else _failing(work, result, part)
    return found


def _key(finding: Finding, data: bytes) -> tuple[str, bytes, int]:
    """Names a finding, to know it again after edits elsewhere: code, text, and how many like it stand before."""
    span = finding.location.span
    text = data[span.start : span.end]
    return finding.code, text, data.count(text, 0, span.start) if text else span.start


class _Work:
    """Lints and proves under one set of settings."""

    def __init__(self, settings: Settings, path: str, context: BuildContext | None, rules: tuple[Rule, ...]) -> None:
        self.settings = settings
        self.path = path
        self.context = context
        self.rules = rules

    def lint(self, data: bytes) -> Report:
        """Lint bytes as this file."""
        return lint(parse(data, self.path), self.settings, context=self.context, rules=self.rules)

    def prove(self, result: Repair, batch: list[Finding]) -> tuple[str | None, bytes, Report | None]:
        """Apply a batch and say why it does not hold, or None; with the bytes and their report."""
        edits = [edit for finding in batch if finding.fix for edit in finding.fix.edits]
        after = apply(result.data, edits)
        if after == result.data:
            return "it changes nothing", after, None
        shift = Shift(edits)
        before = result.report.file
        tree = parse(after, self.path)
        reason = reparse(before, tree, shift) or conserve(before, tree, shift)
        if reason is None:
            report = lint(tree, self.settings, context=self.context, rules=self.rules)
            reason = _findings(result.report, report, batch)
            if reason is None:
                return None, after, report
        tree.release()
        return reason, after, None


def _findings(before: Report, after: Report, batch: list[Finding]) -> str | None:
    """The fixed findings are gone, and no code is found more often than before."""
    had = Counter(finding.code for finding in before.findings)
    has = Counter(finding.code for finding in after.findings)
    fixed = Counter(finding.code for finding in batch)
    for code, count in has.items():
        if count > had[code] - fixed[code]:
            if fixed[code]:
                return f"{code} is still found afterwards"
            return f"it brings a new finding: {code}"
    return None
