"""Configuration: the nearest `jettison.toml`, `.jettison.toml` or `[tool.jettison]` of a pyproject.toml, upwards from
where the command runs. Flags win over `JETTISON_*` in the environment, which wins over the file."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jettison.errors import ConfigError

FILES = ("jettison.toml", ".jettison.toml")


@dataclass(frozen=True, slots=True)
class Config:
    """One configuration: where it was read (None: nowhere) and its tables."""

    path: Path | None = None
    tables: dict[str, Any] = field(default_factory=dict)

    def section(self, name: str, known: frozenset[str]) -> dict[str, Any]:
        """The table `name`. Raises `ConfigError` for a key that is not `known`, naming one that is close."""
        table = self.tables.get(name, {})
        if not isinstance(table, dict):
            raise ConfigError(f"[{name}] is not a table", where=str(self.path))
        for key in table:
            if key.replace("-", "_") not in known:
                import difflib

                near = difflib.get_close_matches(key.replace("-", "_"), known, 1)
                hint = (
                    f"did you mean {near[0].replace('_', '-')}?" if near else f"known are: {', '.join(sorted(known))}"
                )
                raise ConfigError(f"[{name}] has no setting {key!r}", where=str(self.path), hint=hint)
        return {key.replace("-", "_"): value for key, value in table.items()}


def load(start: Path | None = None, explicit: str | None = None) -> Config:
    """The configuration for `start` (default: the working directory), or of the file that was named explicitly.

    `JETTISON_CONFIG` names one too. Raises `ConfigError`.
    """
    explicit = explicit or os.environ.get("JETTISON_CONFIG")
    if explicit:
        return _read(Path(explicit))
    directory = (start or Path.cwd()).absolute()
    for place in (directory, *directory.parents):
        for name in FILES:
            if (place / name).is_file():
                return _read(place / name)
        project = place / "pyproject.toml"
        if project.is_file() and b"tool.jettison" in project.read_bytes():
            return _read(project)
    return Config()


def _read(path: Path) -> Config:
    import tomllib

    try:
        tables = tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise ConfigError("there is no such file", where=str(path)) from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"cannot be read: {error}", where=str(path)) from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"is not TOML: {error}", where=str(path)) from None
    if path.name == "pyproject.toml":
        tables = tables.get("tool", {}).get("jettison", {})
    return Config(path, tables)


def setting(section: dict[str, Any], command: str, name: str, flag: Any) -> Any:
    """The value of one setting: the flag, else `JETTISON_<COMMAND>_<NAME>`, else the file's, else None."""
    if flag is not None:
        return flag
    text = os.environ.get(f"JETTISON_{command}_{name}".upper())
    return text if text else section.get(name)
