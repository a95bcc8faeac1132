"""How the commands are run: in this process, without the user's cache, configuration or engine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from jettison.cli.main import main

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@dataclass(frozen=True)
class Run:
    """What a command gave: its exit status and both streams."""

    status: int
    out: str
    err: str

    @property
    def lines(self) -> list[str]:
        return self.out.splitlines()


@pytest.fixture
def jettison(
    capfdbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Callable[..., Run]:
    """`jettison("diff", one, other)` runs the command in an empty directory."""
    monkeypatch.setenv("JETTISON_CACHE", "off")
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    monkeypatch.setenv("COLUMNS", "80")
    place = tmp_path / "cwd"
    place.mkdir()
    monkeypatch.chdir(place)

    def run(*words: str) -> Run:
        try:
            status = main(words)
        except SystemExit as end:
            status = int(end.code or 0)
        out, err = capfdbinary.readouterr()
        return Run(status, out.decode(), err.decode())

    return run
