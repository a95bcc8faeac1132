from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import pytest

from jettison.errors import ConfigError
from jettison.registry import credential_program
from jettison.registry.credentials import Credentials, find

if TYPE_CHECKING:
    from pathlib import Path


def pair(user: str, password: str) -> dict[str, str]:
    return {"auth": base64.b64encode(f"{user}:{password}".encode()).decode()}


def write(path: Path, document: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document))


def names(host: str, repository: str = "") -> tuple[str, str] | None:
    found = find(host, repository).credentials
    return (found.username, found.password) if found else None


def test_dockers_file(home: Path) -> None:
    auths = {
        "https://index.docker.io/v1/": pair("hub", "a:b"),
        "registry.example": {"username": "plain", "password": "secret"},
        "https://old.example/v1/": pair("old", "x"),
        "127.0.0.1:5000": {"auth": "", "identitytoken": "refresh"},
        "empty.example": {},
    }
    write(home / ".docker" / "config.json", {"auths": auths, "HttpHeaders": {"X": "y"}})
    assert names("docker.io") == ("hub", "a:b")
    assert names("registry.example") == ("plain", "secret")
    assert names("old.example") == ("old", "x")
    assert names("empty.example") is None
    assert names("other.example") is None
    local = find("127.0.0.1:5000").credentials
    assert local is not None and local.identity_token == "refresh"
    assert local.source.endswith("config.json")


def test_the_place_of_dockers_file_can_be_moved(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(home / "elsewhere" / "config.json", {"auths": {"a.example": pair("u", "p")}})
    monkeypatch.setenv("DOCKER_CONFIG", str(home / "elsewhere"))
    assert names("a.example") == ("u", "p")


def test_podmans_files_and_their_order(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(home / ".config" / "containers" / "auth.json", {"auths": {"a.example": pair("home", "1")}})
    assert names("a.example") == ("home", "1")
    write(home / "run" / "containers" / "auth.json", {"auths": {"a.example": pair("run", "2")}})
    assert names("a.example") == ("run", "2")
    write(home / ".docker" / "config.json", {"auths": {"a.example": pair("docker", "3")}})
    assert names("a.example") == ("docker", "3")
    write(home / "named.json", {"auths": {"a.example": pair("named", "4")}})
    monkeypatch.setenv("REGISTRY_AUTH_FILE", str(home / "named.json"))
    assert names("a.example") == ("named", "4")
    monkeypatch.setenv("DOCKER_AUTH_CONFIG", json.dumps({"auths": {"a.example": pair("env", "5")}}))
    assert names("a.example") == ("env", "5")


def test_the_longest_namespace_wins(home: Path) -> None:
    auths = {"a.example/team": pair("team", "1"), "a.example": pair("all", "2"), "a.example/team/app": pair("app", "3")}
    write(home / ".config" / "containers" / "auth.json", {"auths": auths})
    assert names("a.example", "team/app") == ("app", "3")
    assert names("a.example", "team/other") == ("team", "1")
    assert names("a.example", "teams") == ("all", "2")


@pytest.fixture
def programs(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = home / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder), prepend=":")
    return folder


def install(folder: Path, name: str, script: str) -> None:
    program = folder / f"docker-credential-{name}"
    program.write_text("#!/bin/sh\n" + script)
    program.chmod(0o755)


def test_credential_programs(home: Path, programs: Path) -> None:
    install(programs, "one", 'read url; echo "{\\"Username\\":\\"$1\\",\\"Secret\\":\\"$url\\"}"')
    install(programs, "token", 'echo \'{"Username":"<token>","Secret":"refresh"}\'')
    install(programs, "none", 'echo "credentials not found in native keychain"; exit 1')
    helpers = {"token.example": "token", "none.example": "none", "gone.example": "gone"}
    write(home / ".docker" / "config.json", {"credHelpers": helpers, "credsStore": "one"})
    assert names("a.example:5000") == ("get", "a.example:5000")
    assert names("docker.io") == ("get", "https://index.docker.io/v1/")
    token = find("token.example").credentials
    assert token is not None and token.identity_token == "refresh"
    assert names("none.example") == ("get", "none.example")


def test_a_program_that_is_missing_is_told_later(home: Path, programs: Path) -> None:
    install(programs, "odd", "echo nonsense")
    write(home / ".docker" / "config.json", {"credsStore": "desktop", "credHelpers": {"a.example": "odd"}})
    found = find("a.example")
    assert found.credentials is None
    assert found.notes == (
        "docker-credential-odd answered with something that is not JSON",
        "docker-credential-desktop is not installed",
    )


def test_a_program_is_not_a_path(programs: Path) -> None:
    assert credential_program.get("../../bin/true", "x") == "docker-credential-../../bin/true is not installed"


def test_a_program_that_hangs(programs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(programs, "slow", "exec sleep 20")
    monkeypatch.setattr(credential_program, "TIMEOUT", 0.2)
    assert "did not answer" in str(credential_program.get("slow", "x"))


@pytest.mark.parametrize("text", ["{", '{"auths": []}', '{"auths": {"a": {"auth": 7}}}', "\udcff"])
def test_a_broken_file_is_named(home: Path, text: str) -> None:
    file = home / ".docker" / "config.json"
    file.parent.mkdir()
    file.write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(ConfigError) as caught:
        find("a.example")
    assert caught.value.where == str(file)


def test_a_broken_auth_is_named(home: Path) -> None:
    write(home / ".docker" / "config.json", {"auths": {"a.example": {"auth": "%%%"}}})
    with pytest.raises(ConfigError, match="base64"):
        find("a.example")


def test_secrets_are_not_shown() -> None:
    shown = repr(Credentials("user", "hidden", "hidden", "hidden", "file"))
    assert "hidden" not in shown and "user" in shown
