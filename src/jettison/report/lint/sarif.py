"""SARIF 2.1.0 (OASIS, "Static Analysis Results Interchange Format"), with the rules' documentation and the fixes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import msgspec

from jettison import __version__
from jettison.finding import Severity

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from jettison.finding import Edit, Finding, Location
    from jettison.report.lint import Result
    from jettison.rules.engine.rule import Rule

_LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "note", Severity.STYLE: "note"}
_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_DOCUMENTATION = "https://github.com/jettison-dev/jettison/blob/main/docs/rules"


def render(results: Iterable[Result]) -> Iterator[str]:
    """One run, a result at a time; the rules come first, with all that there are."""
    from jettison.rules.engine.registry import all_rules

    rules = all_rules()
    numbers = {rule.code: number for number, rule in enumerate(rules)}
    driver = {
        "name": "jettison",
        "semanticVersion": __version__,
        "informationUri": "https://github.com/jettison-dev/jettison",
        "rules": [_rule(rule) for rule in rules],
    }
    yield f'{{"$schema":"{_SCHEMA}","version":"2.1.0","runs":[{{"tool":{{"driver":{_json(driver)}}},'
    yield '"columnKind":"unicodeCodePoints","results":['
    first = True
    for result in results:
        for finding in result.findings:
            yield ("" if first else ",") + _json(_result(result, finding, numbers))
            first = False
    yield "]}]}\n"


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()


def _rule(rule: Rule) -> dict[str, Any]:
    text = "\n".join(line.strip() for line in (rule.__doc__ or "").strip().splitlines())
    return {
        "id": rule.code,
        "name": "".join(part.capitalize() for part in rule.name.split("-")),
        "shortDescription": {"text": rule.summary()},
        "fullDescription": {"text": text},
        "help": {"text": text, "markdown": text},
        "helpUri": f"{_DOCUMENTATION}/{rule.code}.md",
        "defaultConfiguration": {"level": _LEVELS[rule.severity], "enabled": rule.default},
        "properties": {"tags": ["dockerfile", *rule.aliases]},
    }


def _result(result: Result, finding: Finding, numbers: dict[str, int]) -> dict[str, Any]:
    place = finding.location
    found: dict[str, Any] = {
        "ruleId": finding.code,
        "level": _LEVELS[finding.severity],
        "message": {"text": finding.message + (f" ({finding.note})" if finding.note else "")},
        "locations": [{"physicalLocation": {"artifactLocation": _artifact(place), "region": _region(place)}}],
    }
    if finding.code in numbers:
        found["ruleIndex"] = numbers[finding.code]
    if finding.fix is not None:
        changes = [_replacement(result, edit) for edit in sorted(finding.fix.edits)]
        found["fixes"] = [
            {
                "description": {"text": f"{finding.fix.message} ({finding.fix.safety.value})"},
                "artifactChanges": [{"artifactLocation": _artifact(place), "replacements": changes}],
            }
        ]
    return found


def _artifact(place: Location) -> dict[str, str]:
    return {"uri": quote(place.path.removeprefix("./").replace("\\", "/").encode("utf-8", "surrogateescape"))}


def _region(place: Location) -> dict[str, int]:
    return {
        "startLine": place.line,
        "startColumn": place.column,
        "endLine": place.end_line,
        "endColumn": place.end_column,
        "byteOffset": place.span.start,
        "byteLength": len(place.span),
    }


def _replacement(result: Result, edit: Edit) -> dict[str, Any]:
    place = result.file.source.location(edit.span)
    return {"deletedRegion": _region(place), "insertedContent": {"text": edit.text.decode("utf-8", "replace")}}
