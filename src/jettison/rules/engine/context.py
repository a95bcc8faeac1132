"""What a rule is given beside the thing it looks at."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from jettison.finding import Edit, Finding, Fix, Safety, Span

if TYPE_CHECKING:
    from collections.abc import Iterable

    from jettison.dockerfile.tree import Dockerfile
    from jettison.rules.engine.rule import Rule
    from jettison.rules.engine.settings import Settings


class HasSpan(Protocol):
    """Anything that knows its bytes: an instruction, a word, a command, a flag, a comment, a problem."""

    @property
    def span(self) -> Span:
        """Its bytes."""


class Context:
    """The file, the settings, and a place to keep what rules share for this file (`memo`)."""

    __slots__ = ("file", "memo", "settings")

    def __init__(self, file: Dockerfile, settings: Settings) -> None:
        self.file = file
        self.settings = settings
        self.memo: dict[str, Any] = {}

    def found(
        self,
        rule: Rule,
        at: HasSpan | Span,
        message: str,
        *,
        fix: str | None = None,
        edits: Iterable[Edit | None] = (),
        safety: Safety | None = None,
        note: str | None = None,
    ) -> Finding:
        """A finding of `rule` at a span. `fix` completes "this fix would ..."; it is offered when every edit is there.

        `safety` overrides the rule's for this one finding.
        """
        span = at if isinstance(at, Span) else at.span
        wanted = tuple(edits)
        complete = tuple(edit for edit in wanted if edit is not None)
        offered = None
        if fix is not None and wanted and len(complete) == len(wanted):
            offered = Fix(fix, complete, safety or rule.safety or Safety.DISPLAY)
        severity = self.settings.severity.get(rule.code, rule.severity)
        return Finding(rule.code, message, severity, self.file.source.location(span), offered, note)

    def option(self, rule: Rule, key: str, default: Any = None) -> Any:
        """A per-rule setting."""
        return self.settings.options.get(rule.name, {}).get(key, default)
