"""Registries that misbehave, and a machine without credentials, mirrors or proxies."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from jettison.registry import transport
from jettison.registry.retry import Patience
from registry.faults import Registry, Sample, layer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home without credentials, mirrors, certificates or proxies."""
    folder = tmp_path / "home"
    folder.mkdir()
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(folder / ".config"))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(folder / "run"))
    monkeypatch.setenv("CONTAINERS_REGISTRIES_CONF", str(folder / "registries.conf"))
    for name in ("DOCKER_CONFIG", "DOCKER_AUTH_CONFIG", "REGISTRY_AUTH_FILE", "JETTISON_INSECURE_REGISTRIES"):
        monkeypatch.delenv(name, raising=False)
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    return folder


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The waits of every client of the test, noted instead of waited; silence counts after half a second."""
    noted: list[float] = []
    quick = Patience(connect=0.5, idle=0.5, sleep=noted.append)
    monkeypatch.setattr(transport, "Patience", lambda: quick)
    return noted


@pytest.fixture
def start(waits: list[float]) -> Iterator[Callable[..., Registry]]:
    """Starts one more registry; `start("127.0.0.2")` is another host."""
    running: list[Registry] = []

    def make(host: str = "127.0.0.1") -> Registry:
        running.append(Registry(host))
        return running[-1]

    yield make
    for server in running:
        server.close()


@pytest.fixture
def server(start: Callable[..., Registry]) -> Registry:
    """A registry."""
    return start()


@pytest.fixture
def sample() -> Sample:
    """An image of two layers."""
    return Sample([layer({"etc/os-release": b"ID=test\n"}), layer({"app/main": b"x" * 300_000, "app/lib": b"y" * 100})])
