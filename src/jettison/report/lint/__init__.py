"""Reports of lint findings (`jettison lint`), one file a format, found by its folder.

A format module has `render(results: Sequence[Result]) -> Iterator[str]`, which gives the report's text in pieces, so
that thousands of files are written as they come.
"""

from __future__ import annotations

import importlib
import sys
from typing import TYPE_CHECKING, NamedTuple, Protocol, cast

from jettison import discovery
from jettison.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from jettison.dockerfile import Dockerfile
    from jettison.finding import Finding


class Result(NamedTuple):
    """One linted file: its findings that stay, those that were mended, and what did not stand the proof."""

    file: Dockerfile
    findings: tuple[Finding, ...]
    mended: tuple[Finding, ...] = ()
    refused: tuple[tuple[Finding, str], ...] = ()


class Format(Protocol):
    """What a format's module offers."""

    def render(self, results: Iterable[Result]) -> Iterator[str]:
        """The report, in pieces."""


def formats() -> list[str]:
    """The names of all formats; third parties' come from the entry point group `jettison.report`."""
    return discovery.modules(sys.modules[__name__])


def format_named(name: str) -> Format:
    """The module of a format. Raises `UsageError`."""
    if name in formats():
        return cast("Format", importlib.import_module(f"{__name__}.{name}"))
    from importlib.metadata import entry_points

    for entry_point in entry_points(group="jettison.report", name=name):
        return cast("Format", entry_point.load())
    raise UsageError(f"there is no format {name!r}", hint=f"known are: {', '.join(formats())}")


def rule_names() -> dict[str, str]:
    """Code → readable name, of all rules."""
    from jettison.rules.engine.registry import all_rules

    return {rule.code: rule.name for rule in all_rules()}
