"""Budgets of an image, for CI: most waste, most bytes, least efficiency; dive's `.dive-ci` is honoured."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jettison.cli.config import setting
from jettison.errors import ConfigError, UsageError
from jettison.units import parse_share, parse_size, percent, size

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from jettison.analysis import Analysis
    from jettison.cli.config import Config
    from jettison.waste.dive import DiveFigures

SETTINGS = frozenset({"max_waste", "max_size", "max_compressed", "min_efficiency", "base"})


@dataclass(frozen=True, slots=True)
class Verdict:
    """One budget: what was allowed, what is, and whether that holds."""

    name: str
    allowed: str
    found: str
    holds: bool


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags."""
    group = parser.add_argument_group(
        "budgets", "exit status 1 when one does not hold; also in jettison.toml, [analyze]"
    )
    group.add_argument("--max-waste", metavar="SIZE|%", help="most waste of the kinds that count, as 20MB or 5%%")
    group.add_argument("--max-size", metavar="SIZE", help="most uncompressed bytes")
    group.add_argument("--max-compressed", metavar="SIZE", help="most bytes to transfer")
    group.add_argument("--min-efficiency", metavar="SHARE", help="least efficiency, as 0.95 or 95%%")
    group.add_argument(
        "--dive-ci", metavar="FILE", help="a .dive-ci file (default: ./.dive-ci where it is), by dive's figures"
    )


def judge(analysis: Analysis, arguments: argparse.Namespace, config: Config) -> list[Verdict]:
    """The verdicts on all budgets that are set. Raises `UsageError` or `ConfigError`."""
    section = config.section("analyze", SETTINGS)
    verdicts = list(_own(analysis, arguments, section))
    path = arguments.dive_ci or (".dive-ci" if Path(".dive-ci").is_file() else None)
    if path:
        from jettison.waste.dive import figures

        verdicts += _dive(figures([layer.index for layer in analysis.layers]), read_dive_rules(path))
    return verdicts


def _own(analysis: Analysis, arguments: argparse.Namespace, section: dict[str, Any]) -> Iterator[Verdict]:
    raw, compressed = analysis.total.raw or 0, analysis.total.compressed or 0
    waste = setting(section, "analyze", "max_waste", arguments.max_waste)
    if waste is not None:
        share = str(waste).strip().endswith("%")
        allowed = round(parse_share(str(waste)) * raw) if share else parse_size(str(waste))
        yield Verdict("waste", str(waste), size(analysis.reclaimable), analysis.reclaimable <= allowed)
    most = setting(section, "analyze", "max_size", arguments.max_size)
    if most is not None:
        yield Verdict("size", str(most), size(raw), raw <= parse_size(str(most)))
    packed = setting(section, "analyze", "max_compressed", arguments.max_compressed)
    if packed is not None:
        yield Verdict("compressed size", str(packed), size(compressed), compressed <= parse_size(str(packed)))
    least = setting(section, "analyze", "min_efficiency", arguments.min_efficiency)
    if least is not None:
        found = analysis.efficiency
        yield Verdict("efficiency", str(least), percent(found), found >= parse_share(str(least)))


_DIVE_RULES = {"lowestEfficiency": "0.9", "highestWastedBytes": "disabled", "highestUserWastedPercent": "0.1"}


def read_dive_rules(path: str) -> dict[str, str]:
    """The rules of a `.dive-ci` file, dive's defaults filled in. Raises `ConfigError`."""
    import yaml

    try:
        document = yaml.safe_load(Path(path).read_text("utf-8")) or {}
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"cannot be read: {error}", where=path) from None
    except yaml.YAMLError as error:
        raise ConfigError(f"is not YAML: {' '.join(str(error).split())}", where=path) from None
    rules = document.get("rules", {}) if isinstance(document, dict) else None
    if not isinstance(rules, dict):
        raise ConfigError("has no mapping `rules`", where=path, hint="dive's README shows the form")
    known = {key.replace("-", "").lower(): key for key in _DIVE_RULES}
    found = dict(_DIVE_RULES)
    for key, value in rules.items():
        name = known.get(str(key).replace("-", "").lower())
        if name is None:
            raise ConfigError(f"has an unknown rule {key!r}", where=path, hint=f"known are: {', '.join(_DIVE_RULES)}")
        found[name] = str(value)
    return found


def _dive(found: DiveFigures, rules: dict[str, str]) -> Iterator[Verdict]:
    """By dive's code, which wants strictly more than the allowed waste before it fails."""
    least = rules["lowestEfficiency"]
    if least != "disabled":
        yield Verdict("dive's efficiency", least, percent(found.efficiency), found.efficiency >= _number(least))
    most = rules["highestWastedBytes"]
    if most != "disabled":
        yield Verdict("dive's wasted bytes", most, size(found.wasted), found.wasted <= parse_size(most))
    share = rules["highestUserWastedPercent"]
    if share != "disabled":
        user = found.wasted_user_percent
        yield Verdict(
            "dive's user-wasted share", share, percent(0 if math.isnan(user) else user), not user > _number(share)
        )


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise UsageError(f".dive-ci: {text!r} is not a number") from None
