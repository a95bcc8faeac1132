"""Every rule's examples are its tests: bad is found and fixed to exactly good, good is quiet, twice is as once."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from jettison.dockerfile import parse
from jettison.dockerfile.context import BuildContext
from jettison.finding import Safety
from jettison.rules.engine.lint import DEFAULTS, lint
from jettison.rules.engine.registry import all_rules
from jettison.rules.engine.repair import repair

if TYPE_CHECKING:
    from pathlib import Path

    from jettison.rules.engine.rule import Rule
    from jettison.rules.engine.settings import Settings

RULES = all_rules()
APPLIED = (Safety.SAFE, Safety.UNSAFE)


def alone(rule: Rule) -> tuple[Rule, ...]:
    """The rule, and for the rule about unused ignores one that may be ignored."""
    return tuple(other for other in RULES if other is rule or (rule.code == "IGN001" and other.code == "APT005"))


def settings_of(rule: Rule) -> Settings:
    """What the rule's examples are configured with."""
    return rule.example_settings or DEFAULTS


@pytest.fixture
def build_context(rule: Rule, tmp_path: Path) -> BuildContext | None:
    """The build context of the rule's examples, for rules that look at one."""
    for name, text in rule.example_files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return BuildContext(str(tmp_path)) if rule.example_files else None


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.code)
def test_documentation(rule: Rule) -> None:
    assert re.fullmatch(r"[A-Z]{2,6}\d{3}", rule.code)
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", rule.name)
    assert rule.summary().endswith("."), "the docstring's first line is one sentence"
    assert rule.examples()[0], "a bad example"
    assert rule.examples()[1], "a good example"


@pytest.mark.parametrize(
    ("rule", "bad"), [(r, i) for r in RULES for i in range(len(r.examples()[0]))], ids=lambda v: getattr(v, "code", v)
)
def test_bad(rule: Rule, bad: int, build_context: BuildContext | None) -> None:
    text = rule.examples()[0][bad].encode()
    report = lint(text, settings=settings_of(rule), rules=alone(rule), context=build_context)
    assert rule.code in {finding.code for finding in report.findings}
    if rule.safety in APPLIED:
        settings = settings_of(rule)
        result = repair(text, settings=settings, rules=alone(rule), unsafe=True, context=build_context)
        assert result.data.decode() == rule.examples()[1][bad], [refused.reason for refused in result.refused]
        assert not result.refused
        again = repair(result.data, settings=settings, rules=alone(rule), unsafe=True, context=build_context)
        assert again.data == result.data


@pytest.mark.parametrize(
    ("rule", "good"), [(r, i) for r in RULES for i in range(len(r.examples()[1]))], ids=lambda v: getattr(v, "code", v)
)
def test_good(rule: Rule, good: int, build_context: BuildContext | None) -> None:
    text = rule.examples()[1][good].encode()
    report = lint(text, settings=settings_of(rule), rules=alone(rule), context=build_context)
    assert rule.code not in {finding.code for finding in report.findings}
    assert rule.code.startswith("SYN") or not parse(text).problems
