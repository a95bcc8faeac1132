"""Authorisation at one registry: challenges answered, tokens fetched, kept while they last, and renewed.

Sources: distribution's "Token Authentication Specification" and "Authenticate with OAuth2".
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from urllib.parse import urlencode, urlsplit

import msgspec

from jettison.errors import RemoteError, Unauthorized
from jettison.registry import credentials as stored
from jettison.registry import names
from jettison.registry.challenge import Challenge, parse, union
from jettison.registry.failure import failure
from jettison.registry.retry import persistently
from jettison.registry.transport import read_small

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from urllib3 import BaseHTTPResponse

    from jettison.registry.credentials import Credentials, Found
    from jettison.registry.transport import Transport

DEFAULT_SECONDS = 60
"""How long a token lasts where the token server does not say; the specification's figure."""
_MARGIN = 5.0
_MAX_ANSWER = 1 << 20
_MAX_REDIRECTS = 5


class _Answer(msgspec.Struct):
    token: str = ""
    access_token: str = ""
    expires_in: float = 0
    issued_at: str = ""


@dataclass(slots=True)
class _Token:
    header: str
    ends: float


class Authorizer:
    """What to send as Authorization to one registry. Threads may share it: a token is fetched once.

    `host` is what errors name, `url` an address of the registry, by which token servers are judged.
    """

    def __init__(self, host: str, url: str, find: Callable[[], Found], transport: Transport, verify: bool) -> None:
        self._host = host
        self._url = url
        self._find = find
        self._transport = transport
        self._verify = verify
        self._lock = threading.Lock()
        self._found: Found | None = None
        self._basic: str | None = None
        self._bearer: Challenge | None = None
        self._tokens: dict[tuple[str, ...], _Token] = {}

    def header(self, scopes: Iterable[str]) -> str | None:
        """The header's value for a request that needs `scopes`, or None where nothing was demanded so far.

        Raises `Unauthorized` or `RemoteError` where a token that is due cannot be had.
        """
        with self._lock:
            if self._basic is not None:
                return self._basic
            if self._bearer is None:
                return None
            return self._token(self._bearer, union(scopes))

    def answer(self, demands: Iterable[str], scopes: Iterable[str], used: str | None) -> str:
        """The header's value after a 401 with these `WWW-Authenticate` headers; `used` is what was sent.

        Raises `Unauthorized` where nothing better can be sent, `RemoteError` where a token server fails.
        """
        wanted = union(scopes)
        with self._lock:
            challenges = parse(demands)
            bearer = next((c for c in challenges if c.scheme == "bearer" and "realm" in c.parameters), None)
            if bearer is not None:
                return self._renewed(bearer, wanted, used)
            if any(challenge.scheme == "basic" for challenge in challenges):
                return self._answer_basic()
        schemes = ", ".join(sorted({challenge.scheme for challenge in challenges})) or "nothing that can be understood"
        raise Unauthorized(f"asks for {schemes}; only Basic and Bearer are supported", where=self._host, status=401)

    def _renewed(self, bearer: Challenge, wanted: tuple[str, ...], used: str | None) -> str:
        self._bearer = bearer
        kept = self._tokens.get(wanted)
        if kept is not None and used is not None and kept.header == used:
            del self._tokens[wanted]
        return self._token(bearer, wanted)

    def _answer_basic(self) -> str:
        credentials = self._credentials()
        if credentials is None or not (credentials.username or credentials.password):
            raise self._refused("wants a user name and a password")
        self._basic = credentials.basic
        return self._basic

    def _credentials(self) -> Credentials | None:
        if self._found is None:
            self._found = self._find()
        return self._found.credentials

    def rejection(self, said: str) -> Unauthorized:
        """The error for a request that is refused with a header which `answer` has just given."""
        with self._lock:
            credentials, basic = self._credentials(), self._basic is not None
            self._basic = None
        if credentials is None:
            return self._refused(f"wants a login for this, or has no such repository ({said})")
        kind = "user name and password" if basic else "credentials"
        return self._refused(f"refuses the {kind} from {credentials.source} ({said})")

    def _refused(self, message: str, status: int = 401) -> Unauthorized:
        notes = "; ".join(self._found.notes) if self._found else ""
        login = f"log in with `docker login {self._host}` or `podman login {self._host}`"
        if self._host == stored.HUB:
            login = "log in with `docker login` or `podman login docker.io`"
        return Unauthorized(message, where=self._host, status=status, hint=f"{login} ({notes})" if notes else login)

    def _token(self, bearer: Challenge, wanted: tuple[str, ...]) -> str:
        kept = self._tokens.get(wanted)
        if kept is not None and time.monotonic() < kept.ends:
            return kept.header
        credentials = self._credentials()
        if credentials is not None and credentials.registry_token:
            return f"Bearer {credentials.registry_token}"
        self._tokens[wanted] = token = self._fetch(bearer, wanted, credentials)
        return token.header

    def _fetch(self, bearer: Challenge, wanted: tuple[str, ...], credentials: Credentials | None) -> _Token:
        realm = checked_realm(bearer.parameters["realm"], self._url)
        scopes = union([*wanted, *bearer.scopes])
        service = bearer.parameters.get("service", "")
        response = persistently(lambda: self._ask(realm, service, scopes, credentials), self._transport.patience)
        if response.status in (400, 401, 403):
            detail = failure(response, realm, where=self._host, what="token").message
            source = f"the credentials from {credentials.source} were refused" if credentials else "nobody is logged in"
            raise self._refused(f"the token server {names.host_of(realm)} gives no token: {source} ({detail})")
        if response.status != 200:
            raise failure(response, realm, where=self._host, what="token server")
        return _read_token(read_small(response, realm, _MAX_ANSWER, "token server's answer"), realm)

    def _ask(
        self, realm: str, service: str, scopes: tuple[str, ...], credentials: Credentials | None
    ) -> BaseHTTPResponse:
        headers = {"Accept": "application/json"}
        fields = [("service", service)] if service else []
        if credentials is not None and credentials.identity_token:
            form = [("grant_type", "refresh_token"), *fields, ("client_id", "jettison"), ("scope", " ".join(scopes))]
            form.append(("refresh_token", credentials.identity_token))
            headers["Content-Type"] = "application/x-www-form-urlencoded"
            return self._transport.send(
                "POST", realm, headers=headers, body=urlencode(form).encode(), verify=self._verify_at(realm)
            )
        fields += [("scope", scope) for scope in scopes]
        if credentials is not None and credentials.username:
            headers["Authorization"] = credentials.basic
            fields.append(("account", credentials.username))
        url = realm + ("&" if urlsplit(realm).query else "?") + urlencode(fields) if fields else realm
        for _ in range(_MAX_REDIRECTS):
            response = self._transport.send("GET", url, headers=headers, verify=self._verify_at(url))
            if response.status not in (301, 302, 303, 307, 308):
                return response
            target = names.joined(url, response.headers.get("location", ""))
            response.close()
            if names.origin(target) != names.origin(url):
                raise RemoteError(
                    f"the token server {names.host_of(url)} sends elsewhere, to {names.host_of(target)}: not followed",
                    where=self._host,
                )
            url = target
        raise RemoteError(f"the token server {names.host_of(url)} sends in circles", where=self._host)

    def _verify_at(self, url: str) -> bool:
        if names.origin(url)[1] == names.origin(self._url)[1]:
            return self._verify
        return not names.is_insecure(names.host_of(url))


def _read_token(data: bytes, realm: str) -> _Token:
    try:
        answer = msgspec.json.decode(data, type=_Answer, strict=False)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise RemoteError(f"the token server's answer cannot be read: {error}", where=names.host_of(realm)) from None
    token = answer.token or answer.access_token
    if not token or not token.isprintable() or not token.isascii():
        raise RemoteError("the token server's answer holds no token", where=names.host_of(realm))
    seconds = answer.expires_in if answer.expires_in > 0 else DEFAULT_SECONDS
    return _Token(f"Bearer {token}", time.monotonic() + max(seconds - _age(answer.issued_at) - _MARGIN, 1.0))


def _age(issued_at: str) -> float:
    """Seconds since a token was issued; 0 where the time is missing, in the future, or from another clock."""
    try:
        age = time.time() - datetime.fromisoformat(issued_at).timestamp()
    except ValueError:
        return 0.0
    return age if 0 <= age < DEFAULT_SECONDS else 0.0


def checked_realm(realm: str, registry: str) -> str:
    """The token server's address, fit to be sent credentials. Raises `RemoteError`.

    It must be https (plain http only where the registry itself is plain http and the realm's host may be), carry no
    user information, and be on this machine or at an internal address only where the registry is as well: a registry
    must not send us where it cannot go itself.
    """
    host = names.host_of(realm)
    scheme, name, _ = names.origin(realm)
    same = bool(name) and name == names.origin(registry)[1]
    wrong = None
    if scheme not in ("http", "https") or not name:
        wrong = "is no web address"
    elif names.has_user(realm):
        wrong = "carries user information"
    elif scheme == "http" and not (registry.startswith("http://") and (same or names.plain_http_allowed(host))):
        wrong = "is plain http, which would show the credentials to everybody on the way"
    elif names.is_internal(host) and not (same or names.is_internal(names.host_of(registry))):
        wrong = "is an internal address, where the registry is not"
    if wrong:
        raise RemoteError(f"names a token server that {wrong}: {realm[:200]!r}", where=names.host_of(registry))
    return realm
