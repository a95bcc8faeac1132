"""hadolint's configuration, read so that a project need not have two: `.hadolint.yaml` and `HADOLINT_*`.

It comes below `jettison.toml` and the flags: lists add up, single values are taken where ours are silent. Source: the
README of hadolint 2.15, "Configure" and "Environment variables".
"""

from __future__ import annotations

import os
import sys
from typing import Any

from jettison.errors import ConfigError

_NAMES = (".hadolint.yaml", ".hadolint.yml")
_IGNORED_KEYS = frozenset({"format", "no-color", "verbose"})
_LEVELS = ("error", "warning", "info", "style")


def read() -> dict[str, Any]:
    """hadolint's settings under our names (those of `[lint]`); empty where there are none. Raises `ConfigError`."""
    path = _find()
    found = _translate(_load(path), path) if path is not None else {}
    for name, value in _environment().items():
        if isinstance(value, list):
            found[name] = [*found.get(name, []), *value]
        elif isinstance(value, dict):
            found[name] = {**found.get(name, {}), **value}
        else:
            found[name] = value
    return found


def _find() -> str | None:
    home = os.path.expanduser("~")
    user = os.path.join(home, ".config")
    folders = (os.environ.get("XDG_CONFIG_HOME") or user, user, os.path.join(home, ".hadolint"))
    places = [os.path.abspath(name) for name in _NAMES]
    places += [os.path.join(folder, "hadolint.yaml") for folder in folders]
    places += [os.path.join(home, name) for name in _NAMES]
    return next((place for place in places if os.path.isfile(place)), None)


def _load(path: str) -> dict[str, Any]:
    import yaml

    try:
        with open(path, encoding="utf-8") as file:
            document = yaml.safe_load(file) or {}
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"cannot be read: {error}", where=path) from None
    except yaml.YAMLError as error:
        raise ConfigError(f"is not YAML: {' '.join(str(error).split())}", where=path) from None
    if not isinstance(document, dict):
        raise ConfigError("is not a mapping", where=path)
    return document


def _translate(document: dict[str, Any], where: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in document.items():
        if key == "ignored":
            found["ignore"] = _list(value, where, key)
        elif key == "override":
            found["severity"] = _overrides(value, where)
        elif key == "failure-threshold":
            found["fail_on"] = _threshold(str(value))
        elif key == "no-fail":
            found.update({"fail_on": "never"} if value else {})
        elif key == "trustedRegistries":
            found["allowed_registries"] = _list(value, where, key)
        elif key == "label-schema":
            found["label_schema"] = dict(value or {})
        elif key == "strict-labels":
            found["strict_labels"] = bool(value)
        elif key == "disable-ignore-pragma":
            found["pragmas"] = not value
        elif key not in _IGNORED_KEYS:
            print(f"jettison: note: {where}: the setting {key!r} is not known", file=sys.stderr)
    return found


def _threshold(text: str) -> str:
    return "never" if text.lower() in ("ignore", "none") else text.lower()


def _list(value: Any, where: str, key: str) -> list[str]:
    if isinstance(value, str):
        return [part.strip() for part in value.split(",") if part.strip()]
    if isinstance(value, list):
        return [str(part) for part in value]
    raise ConfigError(f"{key} is no list", where=where)


def _overrides(value: Any, where: str) -> dict[str, str]:
    if not isinstance(value, dict):
        raise ConfigError("override is no mapping", where=where)
    return {code: level for level in _LEVELS for code in _list(value.get(level) or [], where, f"override.{level}")}


def _environment() -> dict[str, Any]:
    found: dict[str, Any] = {}
    given = {key.removeprefix("HADOLINT_"): text for key, text in os.environ.items() if key.startswith("HADOLINT_")}
    if "IGNORE" in given:
        found["ignore"] = _list(given["IGNORE"], "HADOLINT_IGNORE", "HADOLINT_IGNORE")
    overrides = {c: level for level in _LEVELS for c in _list(given.get(f"OVERRIDE_{level.upper()}", ""), "", "")}
    if overrides:
        found["severity"] = overrides
    if "TRUSTED_REGISTRIES" in given:
        found["allowed_registries"] = _list(given["TRUSTED_REGISTRIES"], "", "")
    if "REQUIRE_LABELS" in given:
        pairs = (text.partition(":") for text in _list(given["REQUIRE_LABELS"], "", ""))
        found["label_schema"] = {name: form or "text" for name, _, form in pairs}
    if "STRICT_LABELS" in given:
        found["strict_labels"] = _true(given["STRICT_LABELS"])
    if "FAILURE_THRESHOLD" in given:
        found["fail_on"] = _threshold(given["FAILURE_THRESHOLD"])
    if _true(given.get("NOFAIL", "")):
        found["fail_on"] = "never"
    return found


def _true(text: str) -> bool:
    return text.strip().lower() in ("1", "y", "yes", "true", "on")
