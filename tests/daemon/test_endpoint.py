from __future__ import annotations

import hashlib
import json
import socket
from typing import TYPE_CHECKING, Any

import pytest

from jettison.engines import endpoint
from jettison.errors import ConfigError, JettisonError, NotFound, UsageError

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.usefixtures("home")


def context(home: Path, name: str, place: dict[str, Any], *files: str) -> None:
    key = hashlib.sha256(name.encode()).hexdigest()
    folder = home / ".docker" / "contexts" / "meta" / key
    folder.mkdir(parents=True)
    (folder / "meta.json").write_text(json.dumps({"Name": name, "Metadata": {}, "Endpoints": {"docker": place}}))
    for file in files:
        path = home / ".docker" / "contexts" / "tls" / key / "docker" / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("pem")


def test_the_order(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    context(home, "one", {"Host": "unix:///one.sock"})
    context(home, "two", {"Host": "unix:///two.sock"})
    (home / ".docker" / "config.json").write_text('{"currentContext": "one"}')
    assert endpoint.docker().socket == "/one.sock"
    monkeypatch.setenv("DOCKER_CONTEXT", "two")
    assert endpoint.docker().socket == "/two.sock"
    assert endpoint.docker().source == "docker context 'two'"
    monkeypatch.setenv("DOCKER_HOST", "unix:///three.sock")
    found = endpoint.docker()
    assert (found.socket, found.source, str(found)) == ("/three.sock", "DOCKER_HOST", "unix:///three.sock")


def test_default_sockets(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(home)  # a socket's path is at most 108 bytes
    (home / "run" / "podman").mkdir(parents=True)
    sockets = [socket.socket(socket.AF_UNIX) for _ in range(2)]
    sockets[0].bind("run/docker.sock")
    sockets[1].bind("run/podman/podman.sock")
    try:
        assert endpoint.docker().socket in ("/var/run/docker.sock", f"{home}/run/docker.sock")
        assert endpoint.podman().socket == f"{home}/run/podman/podman.sock"
        monkeypatch.setenv("DOCKER_CONTEXT", "default")
        assert endpoint.docker().source == "default"
    finally:
        for each in sockets:
            each.close()


def test_nothing_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(endpoint.os, "stat", lambda path: (_ for _ in ()).throw(FileNotFoundError()))
    with pytest.raises(NotFound, match=r"/var/run/docker\.sock") as caught:
        endpoint.docker()
    assert "DOCKER_HOST" in (caught.value.hint or "")
    with pytest.raises(NotFound, match=r"podman\.sock") as caught:
        endpoint.podman()
    assert "podman system service" in (caught.value.hint or "")


@pytest.mark.parametrize(
    ("address", "url"),
    [
        ("tcp://10.0.0.1", "http://10.0.0.1:2375"),
        ("tcp://10.0.0.1:99", "http://10.0.0.1:99"),
        ("10.0.0.1:99", "http://10.0.0.1:99"),
        ("tcp://[::1]:99", "http://[::1]:99"),
        ("https://engine.example", "https://engine.example:2376"),
    ],
)
def test_tcp(monkeypatch: pytest.MonkeyPatch, address: str, url: str) -> None:
    monkeypatch.setenv("DOCKER_HOST", address)
    assert endpoint.docker().url == url


def test_tls_of_the_environment(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "tcp://10.0.0.1")
    monkeypatch.setenv("DOCKER_TLS_VERIFY", "1")
    monkeypatch.setenv("DOCKER_CERT_PATH", str(home))
    (home / "ca.pem").touch()
    found = endpoint.docker()
    assert found.url == "https://10.0.0.1:2376"
    assert found.tls == endpoint.Tls(str(home / "ca.pem"), None, None, True)


def test_tls_of_a_context(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    context(home, "far", {"Host": "tcp://10.0.0.1:2376", "SkipTLSVerify": True}, "ca.pem", "cert.pem", "key.pem")
    monkeypatch.setenv("DOCKER_CONTEXT", "far")
    tls = endpoint.docker().tls
    assert tls is not None and not tls.verify
    assert tls.key and tls.key.endswith("docker/key.pem")


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("ssh://user@host", "ssh:// cannot be reached"),
        ("npipe:////./pipe/docker_engine", "npipe:// cannot be reached"),
        ("tcp://", "no address"),
        ("tcp://host:port", "no address"),
        ("ftp://host", "no address"),
    ],
)
def test_addresses_that_cannot_be_used(monkeypatch: pytest.MonkeyPatch, address: str, message: str) -> None:
    monkeypatch.setenv("DOCKER_HOST", address)
    with pytest.raises(UsageError, match=message) as caught:
        endpoint.docker()
    assert "DOCKER_HOST" in str(caught.value)


def test_broken_configurations(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (home / ".docker").mkdir()
    (home / ".docker" / "config.json").write_text("{")
    with pytest.raises(ConfigError, match="cannot be read"):
        endpoint.docker()
    monkeypatch.setenv("DOCKER_CONTEXT", "missing")
    with pytest.raises(ConfigError, match="no docker context 'missing'"):
        endpoint.docker()
    context(home, "kubernetes", {})
    monkeypatch.setenv("DOCKER_CONTEXT", "kubernetes")
    with pytest.raises(JettisonError, match="names no docker engine"):
        endpoint.docker()
