"""The rules of `jettison lint`: a list, or what one of them finds, why, and what to write instead."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING

from jettison.errors import UsageError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from jettison.rules.engine.rule import Rule


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("codes", metavar="CODE", nargs="*", help="codes, names, peers' codes (DL3009), families (APT)")
    parser.add_argument("--format", choices=("text", "json", "markdown"), default="text")


def run(arguments: argparse.Namespace) -> int:
    """List, or explain."""
    from jettison.rules.engine.registry import all_rules, resolve

    rules = all_rules()
    chosen: list[Rule] = []
    for name in arguments.codes:
        codes = resolve(name)
        if not codes:
            raise UsageError(f"no rule is called {name!r}", hint="jettison rules lists them")
        chosen += [rule for rule in rules if rule.code in codes and rule not in chosen]
    if arguments.format == "json":
        print(_json(chosen or list(rules)))
    elif arguments.format == "markdown":
        print("\n".join(page(rule) for rule in chosen) if chosen else "\n".join(table(rules)))
    elif chosen:
        print("\n\n".join(_explained(rule) for rule in chosen))
    else:
        for rule in rules:
            print(_row(rule))
    return 0


def _row(rule: Rule) -> str:
    fix = rule.safety.value if rule.safety is not None else "-"
    off = "" if rule.default else " (off)"
    return f"{rule.code:<9}{rule.severity.label:<9}{fix:<9}{rule.name + off:<36}{' '.join(rule.aliases)}".rstrip()


def documentation(rule: Rule) -> str:
    """The rule's docstring, its indentation taken off."""
    return inspect.cleandoc(rule.__doc__ or "")


def _explained(rule: Rule) -> str:
    bad, good = rule.examples()
    lines = [f"{rule.code} {rule.name} ({rule.severity.label}{'' if rule.default else ', off by default'})"]
    if rule.aliases:
        lines.append(f"also known as {', '.join(rule.aliases)}")
    lines += ["", documentation(rule)]
    for title, text in (("Bad", bad[0] if bad else ""), ("Good", good[0] if good else "")):
        if text:
            lines += ["", f"{title}:", *("    " + line for line in text.rstrip("\n").splitlines())]
    return "\n".join(lines)


def page(rule: Rule) -> str:
    """The rule's page of the documentation, as Markdown."""
    bad, good = rule.examples()
    fix = f"{rule.safety.value} fix" if rule.safety is not None else "no fix"
    facts = [f"`{rule.name}`", rule.severity.label, fix, "on" if rule.default else "off by default"]
    lines = [f"# {rule.code}: {rule.summary()}", "", " · ".join(facts), ""]
    if rule.aliases:
        lines += [f"Also known as: {', '.join(rule.aliases)}.", ""]
    lines += [documentation(rule).partition("\n")[2].strip(), ""]
    for title, text in (("Bad", bad[0] if bad else ""), ("Good", good[0] if good else "")):
        if text:
            lines += [f"{title}:", "", "```dockerfile", text.rstrip("\n"), "```", ""]
    return "\n".join(lines)


def table(rules: tuple[Rule, ...]) -> Iterator[str]:
    """All rules as a Markdown table, with their peers' codes."""
    yield "| code | name | severity | fix | also known as |"
    yield "|---|---|---|---|---|"
    for rule in rules:
        fix = rule.safety.value if rule.safety is not None else ""
        off = "" if rule.default else ", off"
        yield (
            f"| [{rule.code}]({rule.code}.md) | {rule.name} | {rule.severity.label}{off} | {fix} | "
            f"{', '.join(rule.aliases)} |"
        )


def _json(rules: list[Rule]) -> str:
    import json

    return json.dumps(
        [
            {
                "code": rule.code,
                "name": rule.name,
                "aliases": list(rule.aliases),
                "severity": rule.severity.label,
                "fix": rule.safety.value if rule.safety is not None else None,
                "default": rule.default,
                "documentation": documentation(rule),
                "bad": list(rule.examples()[0]),
                "good": list(rule.examples()[1]),
            }
            for rule in rules
        ],
        indent=2,
    )
