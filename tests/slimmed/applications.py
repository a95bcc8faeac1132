"""The applications that slimming is held against, each with how it is exercised and what it must still answer.

They are the folders of `tests/slimmed/apps`: a Dockerfile, what it takes, and `image.toml`. Of that, `exercise` is
what `jettison slim` is told to put it through; `[check]` is what the gate itself asks original and result, with
questions among them that nobody asked while it was traced.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path

from engine import bases, docker
from squeezed import images

FOLDER = Path(__file__).parent / "apps"
LEVELS = ("package", "file")


@dataclass(frozen=True)
class Application(images.Case):
    """One application; `name` is what its image is built under."""

    @property
    def title(self) -> str:
        """Its name for people."""
        return self.name.removeprefix("slim-")

    @property
    def exercise(self) -> tuple[str, ...]:
        """The words of `jettison slim` that say what it is put through."""
        return tuple(self.facts["exercise"])

    @property
    def held_out(self) -> tuple[str, ...]:
        """The questions of the check that it was not put through."""
        asked = {*self.exercise}
        return tuple(path for path in self.check.serves if path not in asked)


def applications() -> dict[str, Application]:
    """All of them, by name."""
    found = {}
    for path in sorted(FOLDER.glob("*/image.toml")):
        facts = tomllib.loads(path.read_text())
        facts["base"] = facts["bases"][-1]
        found[path.parent.name] = Application(f"slim-{path.parent.name}", path.parent, facts)
    return found


def prepare(application: Application) -> None:
    """Make sure that the engine has the images that the application is built on."""
    session = docker.Session()
    try:
        client = docker.client(session.enter())
        for base in application.facts["bases"]:
            bases.ensure(client, base)
    finally:
        session.leave()
