"""Engines of canned answers, and a machine that has no others."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from daemon.fake import Engine

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home without contexts, and no variables that name an engine."""
    folder = tmp_path / "home"
    folder.mkdir()
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(folder / "run"))
    for name in ("HOST", "CONTEXT", "CONFIG", "TLS", "TLS_VERIFY", "CERT_PATH"):
        monkeypatch.delenv(f"DOCKER_{name}", raising=False)
    monkeypatch.delenv("CONTAINER_HOST", raising=False)
    return folder


@pytest.fixture
def engine(
    home: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., Engine]]:
    """Starts an engine that `docker-daemon:` and `podman:` find."""
    running: list[Engine] = []

    def start(saved: bytes, identity: str | None = None, **more: str) -> Engine:
        path = tmp_path_factory.mktemp("s") / "e.sock"
        running.append(Engine(path, saved, **({"identity": identity} if identity else {}), **more))
        monkeypatch.setenv("DOCKER_HOST", running[-1].address)
        monkeypatch.setenv("CONTAINER_HOST", running[-1].address)
        return running[-1]

    yield start
    for server in running:
        server.close()
