"""Which rules there are, found by their folder, and which of them a selection means."""

from __future__ import annotations

import importlib
from functools import cache
from typing import TYPE_CHECKING

from jettison import discovery
from jettison.errors import ConfigError
from jettison.rules.engine.rule import CommandRule, FileRule, InstructionRule, Rule, ScriptRule, StageRule

if TYPE_CHECKING:
    from collections.abc import Iterable

    from jettison.rules.engine.settings import Settings

_BASES = (Rule, FileRule, StageRule, InstructionRule, ScriptRule, CommandRule)


@cache
def all_rules(plugins: bool = False) -> tuple[Rule, ...]:
    """One object of every rule in `jettison/rules/*.py`, ordered by code; with `plugins`, third parties' too."""
    import jettison.rules

    modules = [f"jettison.rules.{name}" for name in discovery.modules(jettison.rules)]
    if plugins:
        from importlib.metadata import entry_points

        modules += [entry.value for entry in entry_points(group="jettison.rules")]
    found: dict[str, Rule] = {}
    for name in modules:
        for value in vars(importlib.import_module(name)).values():
            if isinstance(value, type) and issubclass(value, Rule) and value.__module__ == name and value.code:
                if value.code in found:
                    raise ConfigError(f"two rules have the code {value.code}")
                found[value.code] = value()
    return tuple(found[code] for code in sorted(found))


@cache
def _names(plugins: bool) -> dict[str, frozenset[str]]:
    names: dict[str, set[str]] = {}
    for rule in all_rules(plugins):
        family = rule.code.rstrip("0123456789")
        for name in (rule.code, rule.name, family, "ALL", *rule.aliases):
            names.setdefault(name.upper(), set()).add(rule.code)
    return {name: frozenset(codes) for name, codes in names.items()}


def resolve(name: str, plugins: bool = False) -> frozenset[str]:
    """The codes that a code, name, alias, family or `ALL` means; empty when nothing is called that."""
    return _names(plugins).get(name.strip().upper(), frozenset())


def select(settings: Settings, plugins: bool = False) -> tuple[Rule, ...]:
    """The rules that settings leave switched on. The more exact wins: a code in `select` beats a family in `ignore`."""
    rules = all_rules(plugins)
    chosen = _codes(settings.select, plugins) if settings.select else {rule.code for rule in rules if rule.default}
    chosen |= _codes(settings.extend_select, plugins)
    exact = {name.upper() for name in (*settings.select, *settings.extend_select)}
    for name in settings.ignore:
        codes = resolve(name, plugins)
        chosen -= codes if len(codes) == 1 else {code for code in codes if code not in exact}
    return tuple(rule for rule in rules if rule.code in chosen)


def _codes(names: Iterable[str], plugins: bool) -> set[str]:
    return {code for name in names for code in resolve(name, plugins)}
