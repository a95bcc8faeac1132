"""How a run is set up: what the image says, what was asked for instead, and the sensor put before it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from jettison.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from jettison.image.image import Image

PLACE = "/dev/.jettison"
"""Where the sensor and its log are in a container: /dev is never the image's, and `ls /` stays as it was."""

SENSOR_CAPABILITIES = 1 << 19 | 1 << 21
"""CAP_SYS_PTRACE and CAP_SYS_ADMIN, which the sensor may have and the program must not get through it."""


@dataclass(frozen=True, slots=True)
class Setup:
    """A run to be. None leaves a thing to the image. `command` takes the place of CMD, `entrypoint` of ENTRYPOINT and,
    as with `docker run`, of CMD too. `ports` are container ports, by default those that the image exposes.

    `network` is an engine's network, `host` or `none`; None chooses. `setuid` asks the engine for CAP_SYS_ADMIN, with
    which setuid programs keep their rights while traced.
    """

    image: Image
    command: tuple[str, ...] | None = None
    entrypoint: tuple[str, ...] | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    user: str | None = None
    ports: tuple[int, ...] | None = None
    network: str | None = None
    read_only: bool = False
    tmpfs: tuple[str, ...] = ()
    setuid: bool = False

    def arguments(self) -> list[str]:
        """The program and its arguments. Raises `UsageError` where neither image nor caller name one."""
        container = self.image.config.container
        entrypoint = list(self.entrypoint) if self.entrypoint is not None else _words(container.entrypoint)
        if self.command is not None:
            words = [*entrypoint, *self.command]
        else:
            words = entrypoint + (_words(container.cmd) if self.entrypoint is None else [])
        if not words:
            raise UsageError("the image names no command to run", where=self.image.reference, hint="give one")
        return words

    def variables(self) -> dict[str, str]:
        """The environment that image and caller set."""
        pairs = (text.partition("=") for text in self.image.config.container.env or [])
        return {**{name: value for name, _, value in pairs}, **self.environment}

    def exposed(self) -> tuple[int, ...]:
        """The container's TCP ports to reach."""
        if self.ports is not None:
            return self.ports
        found = []
        for port in self.image.config.container.exposed_ports or {}:
            number, _, protocol = port.partition("/")
            if number.isdigit() and protocol in ("", "tcp"):
                found.append(int(number))
        return tuple(found)

    @property
    def account(self) -> str:
        """The user it runs as, as the caller or the image writes it; empty for root."""
        return self.user if self.user is not None else self.image.config.container.user or ""

    def health(self) -> list[str] | None:
        """The HEALTHCHECK's command as words; None where there is none."""
        container = self.image.config.container
        test = (container.healthcheck.test if container.healthcheck else None) or []
        if len(test) > 1 and test[0] == "CMD":
            return test[1:]
        if len(test) > 1 and test[0] == "CMD-SHELL":
            return [*(container.shell or ["/bin/sh", "-c"]), test[1]]
        return None


def wrapped(arguments: Sequence[str], *, user: bool, privileged: bool) -> list[str]:
    """The arguments behind the sensor, which becomes the user where `user` says so."""
    words = [f"{PLACE}/sensor", "-l", f"{PLACE}/log"]
    words += ["-u", f"{PLACE}/user"] if user else []
    words += ["-d", f"{SENSOR_CAPABILITIES:x}"] if privileged else []
    return [*words, "--", *arguments]


def _words(command: list[str] | str | None) -> list[str]:
    return [command] if isinstance(command, str) else list(command or [])
