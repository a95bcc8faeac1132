from __future__ import annotations

import base64
import json
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

import pytest

from jettison.errors import InputError, RemoteError, Unauthorized
from jettison.oci.reference import parse_name
from jettison.registry.repository import Repository
from jettison.registry.tokens import checked_realm
from registry.faults import Registry, Sample, digest, fails, redirects

if TYPE_CHECKING:
    from pathlib import Path

    from registry.faults import Handler

Start = Callable[..., Registry]


def login(home: Path, host: str, **auth: str) -> None:
    folder = home / ".docker"
    folder.mkdir(exist_ok=True)
    (folder / "config.json").write_text(json.dumps({"auths": {host: auth}}))


class Guard:
    """Lets in whoever shows the token of the day, and sends the others to the token server."""

    def __init__(self, server: Registry, realm: str, tokens: Registry) -> None:
        self.tokens = tokens
        self.day = 0
        self.realm = realm
        server.authorize = self
        tokens.on("/token", self.issue, times=0)

    def __call__(self, handler: Handler) -> bool:
        if handler.headers.get("Authorization") == f"Bearer token-{self.day}":
            return True
        words = handler.path.split("/")
        scope = f"repository:{words[2]}:pull"
        challenge = f'Bearer realm="{self.realm}",service="test",scope="{scope}"'
        handler.fail(401, "UNAUTHORIZED", "authentication required", WWW_Authenticate=challenge)
        return False

    def issue(self, handler: Handler) -> None:
        handler.answer(200, json.dumps({"token": f"token-{self.day}", "expires_in": 300}).encode())


@pytest.fixture
def tokens(start: Start) -> Registry:
    return start("127.0.0.2")


@pytest.fixture
def guard(server: Registry, tokens: Registry, sample: Sample) -> Guard:
    server.put(sample, "1")
    return Guard(server, f"http://{tokens.host}/token", tokens)


def repository(server: Registry) -> Repository:
    return Repository(parse_name(f"{server.host}/app:1"))


def test_anonymous(server: Registry, guard: Guard, tokens: Registry, sample: Sample) -> None:
    app = repository(server)
    assert app.manifest("1").data == sample.manifest
    assert app.manifest("1").data == sample.manifest
    (asked,) = tokens.seen
    assert parse_qs(asked.query) == {"service": ["test"], "scope": ["repository:app:pull"]}
    assert "authorization" not in asked.headers


def test_with_a_password(server: Registry, guard: Guard, tokens: Registry, home: Path) -> None:
    login(home, server.host, auth=base64.b64encode(b"sailor:over:board").decode())
    repository(server).manifest("1")
    assert tokens.seen[0].headers["authorization"] == "Basic " + base64.b64encode(b"sailor:over:board").decode()
    assert all("Basic" not in request.headers.get("authorization", "") for request in server.seen)


def test_with_an_identity_token(server: Registry, guard: Guard, tokens: Registry, home: Path) -> None:
    login(home, server.host, identitytoken="refresh me")
    repository(server).manifest("1")
    (asked,) = tokens.seen
    assert asked.method == "POST" and "refresh" not in asked.query
    form = parse_qs(asked.body.decode())
    assert form["grant_type"] == ["refresh_token"] and form["refresh_token"] == ["refresh me"]
    assert form["scope"] == ["repository:app:pull"] and form["service"] == ["test"]


def test_with_a_registry_token(server: Registry, guard: Guard, tokens: Registry, home: Path) -> None:
    login(home, server.host, registrytoken="token-0")
    repository(server).manifest("1")
    assert not tokens.seen


def test_a_token_that_is_refused_midway_is_renewed_once(server: Registry, guard: Guard, tokens: Registry) -> None:
    app = repository(server)
    app.manifest("1")
    guard.day = 1
    app.manifest("1")
    assert len(tokens.seen) == 2
    guard.tokens.on("/token", lambda handler: handler.answer(200, b'{"token": "wrong"}'), times=0)
    tokens._script["/token"].rotate(1)
    guard.day = 2
    with pytest.raises(Unauthorized):
        app.manifest("1")
    assert len(tokens.seen) == 3


def test_a_token_that_ended_is_renewed_before_it_is_used(
    server: Registry, guard: Guard, tokens: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = repository(server)
    app.manifest("1")
    before = len(server.seen)
    from jettison.registry import tokens as module

    ahead = module.time.monotonic() + 299
    monkeypatch.setattr(module.time, "monotonic", lambda: ahead)
    app.manifest("1")
    assert len(tokens.seen) == 2
    assert len(server.seen) == before + 1


def test_many_threads_fetch_one_token(server: Registry, guard: Guard, tokens: Registry) -> None:
    app = repository(server)
    failures: list[InputError] = []

    def work() -> None:
        try:
            app.manifest("1")
        except InputError as error:
            failures.append(error)

    threads = [threading.Thread(target=work) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    assert len(tokens.seen) == 1


def test_wrong_credentials(server: Registry, guard: Guard, tokens: Registry, home: Path) -> None:
    login(home, server.host, username="sailor", password="sunk")
    tokens._script["/token"].appendleft((fails(401, "UNAUTHORIZED", "incorrect username or password"), 1))
    with pytest.raises(Unauthorized) as caught:
        repository(server).manifest("1")
    assert "config.json were refused" in str(caught.value) and "incorrect username" in str(caught.value)
    assert "sunk" not in str(caught.value)
    assert "docker login" in (caught.value.hint or "")


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (b"<html>", "cannot be read"),
        (b"{}", "no token"),
        (b'{"token": "a\\r\\nX-Evil: 1"}', "no token"),
        (b'{"token": 7}', None),
        (b"[" * 100_000, "cannot be read"),
        (b" " * (2 << 20), "more than"),
    ],
)
def test_odd_token_servers(
    server: Registry, guard: Guard, tokens: Registry, answer: bytes, message: str | None
) -> None:
    tokens._script["/token"].appendleft((lambda handler: handler.answer(200, answer), 1))
    with pytest.raises(InputError, match=message):
        repository(server).manifest("1")


def test_a_token_server_that_fails_for_a_while(
    server: Registry, guard: Guard, tokens: Registry, waits: list[float]
) -> None:
    tokens._script["/token"].appendleft((fails(503), 2))
    repository(server).manifest("1")
    assert len(waits) == 2


def test_credentials_stay_with_the_token_server(
    server: Registry, guard: Guard, tokens: Registry, start: Start, home: Path
) -> None:
    login(home, server.host, username="sailor", password="secret")
    elsewhere = start("127.0.0.3")
    tokens._script["/token"].appendleft((redirects(f"http://{elsewhere.host}/token"), 1))
    with pytest.raises(RemoteError, match="sends elsewhere"):
        repository(server).manifest("1")
    assert not elsewhere.seen


@pytest.mark.parametrize(
    ("realm", "registry", "message"),
    [
        ("http://auth.example/token", "https://registry.example", "plain http"),
        ("http://auth.example/token", "http://localhost:5000", "plain http"),
        ("ftp://auth.example/token", "https://registry.example", "no web address"),
        ("/token", "https://registry.example", "no web address"),
        ("https://u:p@auth.example/", "https://registry.example", "user information"),
        ("https://127.0.0.1/token", "https://registry.example", "internal"),
        ("https://localhost/token", "https://registry.example", "internal"),
        ("https://169.254.169.254/token", "https://registry.example", "internal"),
        ("https://[fd00::1]/token", "https://registry.example", "internal"),
        ("https://[/token", "https://registry.example", "no web address"),
    ],
)
def test_realms_that_are_refused(realm: str, registry: str, message: str) -> None:
    with pytest.raises(RemoteError, match=message):
        checked_realm(realm, registry)


@pytest.mark.parametrize(
    ("realm", "registry"),
    [
        ("https://auth.docker.io/token", "https://registry-1.docker.io"),
        ("https://registry.example/token", "https://registry.example"),
        ("http://127.0.0.1:1/token", "http://localhost:5000"),
        ("https://10.0.0.2/token", "https://10.0.0.1"),
        ("https://10.0.0.1:8443/token", "https://10.0.0.1"),
    ],
)
def test_realms_that_serve(realm: str, registry: str) -> None:
    assert checked_realm(realm, registry) == realm


def test_basic(server: Registry, sample: Sample, home: Path) -> None:
    server.put(sample, "1")
    expected = "Basic " + base64.b64encode(b"sailor:secret").decode()

    def authorize(handler: Handler) -> bool:
        if handler.headers.get("Authorization") == expected:
            return True
        handler.fail(401, WWW_Authenticate='Basic realm="here"')
        return False

    server.authorize = authorize
    with pytest.raises(Unauthorized, match="wants a user name"):
        repository(server).manifest("1")
    login(home, server.host, username="sailor", password="wrong")
    with pytest.raises(Unauthorized, match="refuses the user name and password"):
        repository(server).manifest("1")
    login(home, server.host, username="sailor", password="secret")
    app = repository(server)
    app.manifest("1")
    before = len(server.seen)
    app.manifest(digest(sample.manifest))
    assert len(server.seen) == before + 1


def test_other_schemes_are_named(server: Registry) -> None:
    server.on("/v2/app/manifests/1", fails(401, WWW_Authenticate="Negotiate"), times=0)
    with pytest.raises(Unauthorized, match="asks for negotiate"):
        repository(server).manifest("1")


def test_missing_programs_are_told_when_it_matters(server: Registry, home: Path) -> None:
    (home / ".docker").mkdir()
    (home / ".docker" / "config.json").write_text('{"credsStore": "absent"}')
    server.on("/v2/app/manifests/1", fails(401, WWW_Authenticate='Basic realm="here"'), times=0)
    with pytest.raises(Unauthorized) as caught:
        repository(server).manifest("1")
    assert "docker-credential-absent is not installed" in (caught.value.hint or "")
