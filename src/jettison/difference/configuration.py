"""Settings that differ between two configurations: how a container is started, labels, platform."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jettison.oci.config import Config


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting of the configuration that differs: its field, its key in it (a variable, a label), both values."""

    field: str
    key: str | None
    before: str | None
    after: str | None


def compare_configs(before: Config, after: Config) -> Iterator[Setting]:
    """The settings that differ: those that start a container, labels, and the platform."""
    old, new = dict(_settings(before)), dict(_settings(after))
    for field, key in sorted(old.keys() | new.keys(), key=lambda place: (_FIELDS.index(place[0]), place[1] or "")):
        left, right = old.get((field, key)), new.get((field, key))
        if left != right:
            yield Setting(field, key, left, right)


_FIELDS = (
    *("platform", "user", "working_dir", "entrypoint", "cmd", "env", "exposed_ports", "volumes", "labels"),
    *("healthcheck", "stop_signal", "shell", "on_build", "author"),
)


def _settings(config: Config) -> Iterator[tuple[tuple[str, str | None], str]]:
    """Every setting that is set, with its place; empty ones count as unset, as engines take them."""
    container = config.container
    plain: dict[str, Any] = {
        "platform": str(config.platform),
        "user": container.user,
        "working_dir": container.working_dir,
        "entrypoint": container.entrypoint,
        "cmd": container.cmd,
        "healthcheck": _healthcheck(config),
        "stop_signal": container.stop_signal,
        "shell": container.shell,
        "on_build": container.on_build,
        "author": config.author,
    }
    for field, value in plain.items():
        if value:
            yield (field, None), value if isinstance(value, str) else exec_form(value)
    for variable in container.env or []:
        name, _, text = variable.partition("=")
        yield ("env", name), text
    for name, text in (container.labels or {}).items():
        yield ("labels", name), text
    for field, names in (("exposed_ports", container.exposed_ports), ("volumes", container.volumes)):
        for name in names or {}:
            yield (field, name), "yes"


def exec_form(words: list[str]) -> str:
    """A command as a Dockerfile writes it in exec form."""
    return json.dumps(words, ensure_ascii=False)


def _healthcheck(config: Config) -> str | None:
    check = config.container.healthcheck
    if check is None:
        return None
    times = [
        f"{name}={value / 1e9:g}s"
        for name, value in (
            ("interval", check.interval),
            ("timeout", check.timeout),
            ("start_period", check.start_period),
            ("start_interval", check.start_interval),
        )
        if value
    ]
    retries = [f"retries={check.retries}"] if check.retries else []
    return " ".join([exec_form(check.test or []), *times, *retries])
