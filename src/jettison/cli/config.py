"""Configuration: the nearest `jettison.toml`, `.jettison.toml` or `[tool.jettison]` of a pyproject.toml, upwards from
where the command runs. Flags win over `JETTISON_*` in the environment, which wins over the file."""

from __future__ import annotations

import os
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from jettison.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

FILES = ("jettison.toml", ".jettison.toml")


_NOTHING: Final = MappingProxyType[str, Any]({})


class Config(NamedTuple):
    """One configuration: where it was read (None: nowhere) and its tables."""

    path: str | None = None
    tables: Mapping[str, Any] = _NOTHING

    def section(self, name: str, known: frozenset[str]) -> dict[str, Any]:
        """The table `name`. Raises `ConfigError` for a key that is not `known`, naming one that is close."""
        table = self.tables.get(name, {})
        if not isinstance(table, dict):
            raise ConfigError(f"[{name}] is not a table", where=self.path)
        for key in table:
            if key.replace("-", "_") not in known:
                import difflib

                near = difflib.get_close_matches(key.replace("-", "_"), known, 1)
                hint = (
                    f"did you mean {near[0].replace('_', '-')}?" if near else f"known are: {', '.join(sorted(known))}"
                )
                raise ConfigError(f"[{name}] has no setting {key!r}", where=self.path, hint=hint)
        return {key.replace("-", "_"): value for key, value in table.items()}


def load(start: str | None = None, explicit: str | None = None) -> Config:
    """The configuration for `start` (default: the working directory), or of the file that was named explicitly.

    `JETTISON_CONFIG` names one too. Raises `ConfigError`.
    """
    explicit = explicit or os.environ.get("JETTISON_CONFIG")
    if explicit:
        return _read(explicit)
    place = os.path.abspath(start or ".")
    while True:
        for name in FILES:
            if os.path.isfile(file := os.path.join(place, name)):
                return _read(file)
        if os.path.isfile(project := os.path.join(place, "pyproject.toml")) and _mentions_us(project):
            return _read(project)
        place, below = os.path.dirname(place), place
        if place == below:
            return Config()


def _mentions_us(project: str) -> bool:
    with open(project, "rb") as file:
        return b"tool.jettison" in file.read()


def _read(path: str) -> Config:
    import tomllib

    try:
        with open(path, "rb") as file:
            tables = tomllib.load(file)
    except FileNotFoundError:
        raise ConfigError("there is no such file", where=path) from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"cannot be read: {error}", where=path) from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"is not TOML: {error}", where=path) from None
    if os.path.basename(path) == "pyproject.toml":
        tables = tables.get("tool", {}).get("jettison", {})
    return Config(path, tables)


def setting(section: dict[str, Any], command: str, name: str, flag: Any) -> Any:
    """The value of one setting: the flag, else `JETTISON_<COMMAND>_<NAME>`, else the file's, else None."""
    if flag is not None:
        return flag
    text = os.environ.get(f"JETTISON_{command}_{name}".upper())
    return text if text else section.get(name)
