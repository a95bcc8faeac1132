"""One walk over a file: every rule sees what it asked for, and what is ignored is taken out."""

from __future__ import annotations

from bisect import bisect_right
from functools import lru_cache
from typing import TYPE_CHECKING

from jettison.dockerfile import parse
from jettison.rules.engine import registry
from jettison.rules.engine.context import Context
from jettison.rules.engine.ignores import Ignores
from jettison.rules.engine.rule import CommandRule, FileRule, InstructionRule, Rule, ScriptRule, StageRule
from jettison.rules.engine.settings import Settings

if TYPE_CHECKING:
    from jettison.dockerfile.context import BuildContext
    from jettison.dockerfile.instruction import Instruction
    from jettison.dockerfile.tree import Dockerfile
    from jettison.finding import Finding

DEFAULTS = Settings()


class Report:
    """What linting one file gave: the tree, the findings in order, and how many were ignored."""

    __slots__ = ("file", "findings", "ignored")

    def __init__(self, file: Dockerfile) -> None:
        self.file = file
        self.findings: list[Finding] = []
        self.ignored = 0


class Plan:
    """Rules sorted by what they look at, so that a file is walked once."""

    def __init__(self, rules: tuple[Rule, ...]) -> None:
        self.rules = rules
        self.codes = frozenset(rule.code for rule in rules)
        self.files = [rule for rule in rules if isinstance(rule, FileRule)]
        self.stages = [rule for rule in rules if isinstance(rule, StageRule)]
        self.instructions: dict[str, list[InstructionRule]] = {}
        self.scripts: dict[str, list[tuple[ScriptRule, tuple[bytes, ...]]]] = {}
        self.commands: dict[str, dict[str | None, list[CommandRule]]] = {}
        self.unfiltered: set[str] = set()
        # What is looked for in the file first. A blank may be a continuation there, so for scripts it is left out.
        self.mentions = {word for rule in (*self.files, *self.stages) for word in rule.mentions}
        words: set[bytes] = set()
        for rule in rules:
            if isinstance(rule, InstructionRule):
                for kind in rule.kinds:
                    self.instructions.setdefault(kind, []).append(rule)
            elif isinstance(rule, ScriptRule):
                for kind in rule.kinds:
                    stripped = tuple(word.split()[0] for word in rule.mentions)
                    self.scripts.setdefault(kind, []).append((rule, stripped))
                    self.mentions.update(stripped)
                    if not rule.mentions:
                        self.unfiltered.add(kind)
                words.update(rule.mentions)
            elif isinstance(rule, CommandRule):
                for kind in rule.kinds:
                    for command in rule.commands:
                        self.commands.setdefault(kind, {}).setdefault(command, []).append(rule)
                words.update(command.encode() for command in rule.commands)
        # A word that holds another of the words need not be looked for: the shorter one finds it.
        self.words = [word for word in words if not any(other in word for other in words if other != word)]


@lru_cache(maxsize=32)
def plan(rules: tuple[Rule, ...]) -> Plan:
    """The plan for a set of rules."""
    return Plan(rules)


def lint(
    file: Dockerfile | bytes,
    settings: Settings = DEFAULTS,
    *,
    path: str = "Dockerfile",
    context: BuildContext | None = None,
    rules: tuple[Rule, ...] | None = None,
) -> Report:
    """Check one Dockerfile. `context` is the build context, when the directory is at hand."""
    tree = parse(file, path) if isinstance(file, bytes) else file
    tree.context = context or tree.context
    tree.build_args.update(settings.build_args)
    chosen = plan(registry.select(settings) if rules is None else rules)
    report = Report(tree)
    found = _walk(tree, chosen, Context(tree, settings))
    ignores = Ignores(tree, chosen.codes) if settings.pragmas else None
    if ignores is not None and ignores.any:
        kept = [finding for finding in found if not ignores.covers(finding)]
        report.ignored = len(found) - len(kept)
        found = kept + list(ignores.unused(Context(tree, settings)))
    found.sort(key=lambda finding: (finding.location.span.start, finding.location.span.end, finding.code))
    report.findings = found
    return report


def _walk(file: Dockerfile, plan: Plan, context: Context) -> list[Finding]:
    """Everything the rules find, in the order in which they are asked."""
    data = file.data
    _ = file.stages
    held = {word for word in plan.mentions if word in data}
    found: list[Finding] = []
    for rule in plan.files:
        if not rule.mentions or not held.isdisjoint(rule.mentions):
            found.extend(rule.check(file, context))
    for stage_rule in plan.stages:
        if not stage_rule.mentions or not held.isdisjoint(stage_rule.mentions):
            for stage in file.stages:
                found.extend(stage_rule.check(stage, context))
    scripts = {
        kind: [rule for rule, words in rules if not words or not held.isdisjoint(words)]
        for kind, rules in plan.scripts.items()
    }
    worth = _worth_parsing(file, plan)
    for number, instruction in enumerate(file.instructions):
        _instruction(instruction, plan, scripts, context, number in worth, found)
        if instruction.inner is not None:
            _instruction(instruction.inner, plan, scripts, context, number in worth, found)
    return found


def _worth_parsing(file: Dockerfile, plan: Plan) -> set[int]:
    """The instructions whose bytes hold a word that some rule on shell code waits for, by their number."""
    data = file.data
    starts = [instruction.start for instruction in file.instructions]
    found: set[int] = set()
    for word in plan.words:
        position = data.find(word)
        while position >= 0:
            number = bisect_right(starts, position) - 1
            if number >= 0:
                found.add(number)
            # One hit an instruction is enough.
            position = data.find(word, starts[number + 1]) if number + 1 < len(starts) else -1
    return found


def _instruction(
    instruction: Instruction,
    plan: Plan,
    scripts: dict[str, list[ScriptRule]],
    context: Context,
    worth: bool,
    found: list[Finding],
) -> None:
    """One instruction, and its shell code where that is worth parsing. `scripts`: what this file's words leave."""
    kind = instruction.kind
    inside = instruction.outer is not None
    for rule in plan.instructions.get(kind, ()):
        if rule.onbuild or not inside:
            found.extend(rule.check(instruction, context))
    if not worth and kind not in plan.unfiltered:
        return
    commands, script_rules = plan.commands.get(kind), scripts.get(kind)
    if commands is None and not script_rules:
        return
    for script in instruction.scripts:
        before = len(found)
        text = script.text
        for script_rule in script_rules or ():
            if inside and not script_rule.onbuild:
                continue
            mentions = script_rule.mentions
            for word in mentions:
                if word in text:
                    break
            else:
                if mentions:
                    continue
            found.extend(script_rule.check(script, context))
        if commands is not None:
            for command in script.commands:
                name = command.name
                if name in commands:
                    for command_rule in commands[name]:
                        if command_rule.onbuild or not inside:
                            found.extend(command_rule.check(command, context))
        if script.has_error:
            # Code the shell parser did not understand gets no fix.
            found[before:] = [finding._replace(fix=None) for finding in found[before:]]
