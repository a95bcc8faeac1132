"""The settings of `jettison lint`: flags over `JETTISON_LINT_*` over the configuration's `[lint]`."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, NamedTuple

from jettison.cli import hadolint
from jettison.cli.config import load, setting
from jettison.errors import ConfigError, UsageError
from jettison.finding import Severity
from jettison.rules.engine import registry
from jettison.rules.engine.settings import Settings

if TYPE_CHECKING:
    import argparse

SETTINGS = frozenset(
    {"select", "extend_select", "ignore", "severity", "allowed_registries", "label_schema", "strict_labels"}
    | {"pragmas", "build_args", "options", "fail_on", "exclude", "hadolint", "shellcheck"}
)


class Chosen(NamedTuple):
    """What a run goes by: the rules' settings, the least severity that fails (None: none), paths left out."""

    rules: Settings
    fail_on: int | None
    exclude: tuple[str, ...]
    shellcheck: bool
    shellcheck_severity: dict[str, Severity]

    def wants_shellcheck(self, code: str) -> bool:
        """Whether a code of ShellCheck's is selected and not ignored."""
        selected = {name.upper() for name in self.rules.select}
        ignored = {name.upper() for name in self.rules.ignore}
        return (not selected or bool(selected & {code, "SC", "ALL"})) and not ignored & {code, "SC"}


def read(arguments: argparse.Namespace) -> Chosen:
    """The settings for this run. Raises `ConfigError` or `UsageError`, naming what is not known."""
    config = load(_start(arguments), arguments.config)
    section = config.section("lint", SETTINGS)
    where = config.path
    theirs = hadolint.read() if section.get("hadolint", True) else {}
    section = {**theirs, **section, "severity": {**theirs.get("severity", {}), **section.get("severity", {})}}
    select = _names(setting(section, "lint", "select", arguments.select), where)
    rules = Settings(
        select=select,
        extend_select=_names(setting(section, "lint", "extend_select", arguments.extend_select), where),
        ignore=(
            *_names(setting(section, "lint", "ignore", arguments.ignore), where),
            *(name for name in theirs.get("ignore", ()) if registry.resolve(name) or name.upper().startswith("SC")),
        ),
        severity=_severities(section.get("severity", {}), where),
        allowed_registries=tuple(section.get("allowed_registries", ())),
        label_schema=dict(section.get("label_schema", {})),
        strict_labels=bool(section.get("strict_labels", False)),
        pragmas=bool(section.get("pragmas", True)),
        build_args={**section.get("build_args", {}), **_build_args(arguments.build_arg)},
        options=section.get("options", {}),
    )
    exclude = (*section.get("exclude", ()), *arguments.exclude)
    severities = {
        str(name).upper(): Severity[str(level).upper()]
        for name, level in section["severity"].items()
        if str(name).upper().startswith("SC") and str(level).upper() in Severity.__members__
    }
    shellcheck = setting(section, "lint", "shellcheck", arguments.shellcheck)
    return Chosen(
        rules=rules,
        fail_on=_fail_on(setting(section, "lint", "fail_on", arguments.fail_on)),
        exclude=exclude,
        shellcheck=str(shellcheck).lower() in ("true", "1", "yes", "on"),
        shellcheck_severity=severities,
    )


def _start(arguments: argparse.Namespace) -> str | None:
    paths: list[str] = arguments.paths
    for path in paths:
        if path != "-" and os.path.exists(path):
            return path if os.path.isdir(path) else os.path.dirname(path)
    return None


def _names(value: Any, where: str | None) -> tuple[str, ...]:
    names = value.split(",") if isinstance(value, str) else value or ()
    cleaned = tuple(str(name).strip() for name in names if str(name).strip())
    for name in cleaned:
        if not registry.resolve(name) and not name.upper().startswith("SC"):
            raise UsageError(f"no rule is called {name!r}", where=where, hint="jettison rules lists them")
    return cleaned


def _severities(table: Any, where: str | None) -> dict[str, Severity]:
    found: dict[str, Severity] = {}
    for name, text in table.items() if isinstance(table, dict) else ():
        codes = registry.resolve(str(name))
        if str(name).upper().startswith(("SC", "DL")) and not codes:
            continue  # hadolint's own, or ShellCheck's, which Jettison has no rule for
        if not codes:
            raise ConfigError(f"[lint.severity]: no rule is called {name!r}", where=where)
        try:
            severity = Severity[str(text).upper()]
        except KeyError:
            raise ConfigError(
                f"[lint.severity]: {text!r} is none of style, info, warning, error", where=where
            ) from None
        found.update(dict.fromkeys(codes, severity))
    return found


def _build_args(texts: list[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not name:
            raise UsageError(f"--build-arg {text!r} has no name")
        found[name] = value if equals else os.environ.get(name, "")
    return found


def _fail_on(value: Any) -> int | None:
    if value is None:
        return int(Severity.INFO)
    text = str(value).lower()
    if text in ("never", "none"):
        return None
    if text.upper() not in Severity.__members__:
        raise UsageError(f"fail-on {value!r} is none of style, info, warning, error, never")
    return int(Severity[text.upper()])
