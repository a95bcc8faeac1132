"""One walk over a file: every rule sees what it asked for, and what is ignored is taken out."""

from __future__ import annotations

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
        # Rules that wait for the same words stand together: the words are looked for once.
        self.scripts: dict[str, dict[tuple[bytes, ...], list[ScriptRule]]] = {}
        self.commands: dict[str, dict[str | None, list[CommandRule]]] = {}
        self.unfiltered: set[str] = set()
        words: set[bytes] = set()
        for rule in rules:
            if isinstance(rule, InstructionRule):
                for kind in rule.kinds:
                    self.instructions.setdefault(kind, []).append(rule)
            elif isinstance(rule, ScriptRule):
                for kind in rule.kinds:
                    self.scripts.setdefault(kind, {}).setdefault(rule.mentions, []).append(rule)
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

    def worth_parsing(self, data: bytes, start: int, end: int) -> bool:
        """True when these bytes hold a word that some rule on shell code waits for."""
        for place, word in enumerate(self.words):
            if data.find(word, start, end) >= 0:
                # What is found stands first from now on: most scripts hold one of a few words.
                self.words.insert(0, self.words.pop(place))
                return True
        return False


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
    stages = file.stages
    found: list[Finding] = []
    for rule in plan.files:
        if _mentioned(rule.mentions, data):
            found.extend(rule.check(file, context))
    for stage_rule in plan.stages:
        if _mentioned(stage_rule.mentions, data):
            for stage in stages:
                found.extend(stage_rule.check(stage, context))
    instructions = file.instructions
    for number, instruction in enumerate(instructions):
        end = instructions[number + 1].start if number + 1 < len(instructions) else len(data)
        _instruction(instruction, plan, context, end, found)
        if instruction.inner is not None:
            _instruction(instruction.inner, plan, context, end, found)
    return found


def _mentioned(words: tuple[bytes, ...], text: bytes) -> bool:
    """True when the text holds one of the words, or none is asked for."""
    for word in words:
        if word in text:
            return True
    return not words


def _instruction(instruction: Instruction, plan: Plan, context: Context, end: int, found: list[Finding]) -> None:
    """One instruction, which ends before `end`, and its shell code where that is worth parsing."""
    kind = instruction.kind
    inside = instruction.outer is not None
    for rule in plan.instructions.get(kind, ()):
        if rule.onbuild or not inside:
            found.extend(rule.check(instruction, context))
    commands, scripts = plan.commands.get(kind), plan.scripts.get(kind)
    if commands is None and scripts is None:
        return
    start = (instruction.outer or instruction).start
    if kind not in plan.unfiltered and not plan.worth_parsing(context.file.data, start, end):
        return
    for script in instruction.scripts:
        before = len(found)
        text = script.text
        for words, rules in scripts.items() if scripts else ():
            if _mentioned(words, text):
                for script_rule in rules:
                    if script_rule.onbuild or not inside:
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
