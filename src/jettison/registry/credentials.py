"""Credentials for registries, where docker and podman keep them.

Asked in this order, the first that has any for the registry wins: `DOCKER_AUTH_CONFIG` (the document itself),
`REGISTRY_AUTH_FILE`, docker's `config.json` (`DOCKER_CONFIG`, else `~/.docker`), podman's `auth.json` in
`XDG_RUNTIME_DIR/containers` (or `/run/containers/UID`) and in the user's configuration. In each of them: the program
in `credHelpers` for the host, the one in `credsStore`, then `auths`. Sources: docker login's manual,
containers-auth.json(5).
"""

from __future__ import annotations

import base64
import binascii
import os
from dataclasses import dataclass, field

import msgspec

from jettison.errors import ConfigError
from jettison.registry import credential_program
from jettison.registry.certificates import config_home

HUB = "docker.io"
HUB_KEY = "https://index.docker.io/v1/"
"""The name under which Docker Hub's credentials are kept, from the days of version 1."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """A user name with a password, or a token to be exchanged (`identity_token`), or a token to be shown as it is.

    `source` says where they were found; secrets never show up in `repr`.
    """

    username: str = ""
    password: str = field(default="", repr=False)
    identity_token: str = field(default="", repr=False)
    registry_token: str = field(default="", repr=False)
    source: str = ""

    @property
    def basic(self) -> str:
        """The value of an Authorization header."""
        return "Basic " + base64.b64encode(f"{self.username}:{self.password}".encode()).decode()


@dataclass(frozen=True, slots=True)
class Found:
    """What the search gave; `notes` says what was in the way (a program that is not installed), for a later error."""

    credentials: Credentials | None
    notes: tuple[str, ...] = ()


class _Auth(msgspec.Struct, rename="lower"):
    auth: str = ""
    username: str = ""
    password: str = ""
    identity_token: str = msgspec.field(default="", name="identitytoken")
    registry_token: str = msgspec.field(default="", name="registrytoken")


class _File(msgspec.Struct, rename="camel"):
    auths: dict[str, _Auth | None] | None = None
    cred_helpers: dict[str, str] | None = None
    creds_store: str = ""


def find(host: str, repository: str = "") -> Found:
    """The credentials for a registry as names have it (`docker.io`, `host:port`).

    Raises `ConfigError` for a broken file. A key in `auths` may name a namespace, as podman allows (`host/team`): the
    longest that fits `repository` wins.
    """
    notes: list[str] = []
    for source, data in _documents():
        try:
            document = msgspec.json.decode(data, type=_File)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise ConfigError(f"credentials cannot be read: {error}", where=source) from None
        credentials = _from_programs(document, host, source, notes) or _from_auths(document, host, repository, source)
        if credentials is not None:
            return Found(credentials, tuple(notes))
    return Found(None, tuple(notes))


def _documents() -> list[tuple[str, bytes]]:
    documents: list[tuple[str, bytes]] = []
    inline = os.environ.get("DOCKER_AUTH_CONFIG")
    if inline:
        documents.append(("DOCKER_AUTH_CONFIG", inline.encode()))
    for path in files():
        try:
            with open(path, "rb") as file:
                documents.append((path, file.read(8 << 20) or b"{}"))
        except FileNotFoundError:
            continue
        except OSError as error:
            raise ConfigError(f"credentials cannot be read: {error.strerror}", where=path) from None
    return documents


def files() -> list[str]:
    """The files that are looked into, in order, whether they exist or not."""
    docker = os.environ.get("DOCKER_CONFIG") or os.path.expanduser("~/.docker")
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    named = os.environ.get("REGISTRY_AUTH_FILE")
    podman = f"{runtime}/containers" if runtime else f"/run/containers/{os.getuid()}"
    found = [f"{docker}/config.json", f"{podman}/auth.json", f"{config_home()}/containers/auth.json"]
    return [named, *found] if named else found


def _from_programs(document: _File, host: str, source: str, notes: list[str]) -> Credentials | None:
    programs = {_host(key): program for key, program in (document.cred_helpers or {}).items()}
    for program in (programs.get(host), document.creds_store):
        if not program:
            continue
        answer = credential_program.get(program, HUB_KEY if host == HUB else host)
        if isinstance(answer, str):
            notes.append(answer)
        elif answer is not None:
            name, secret = answer
            origin = f"docker-credential-{program}"
            if name == "<token>":
                return Credentials(identity_token=secret, source=origin)
            return Credentials(name, secret, source=origin)
    return None


def _from_auths(document: _File, host: str, repository: str, source: str) -> Credentials | None:
    auths = {_key(key): auth for key, auth in (document.auths or {}).items()}
    parts = f"{host}/{repository}".rstrip("/").split("/")
    for length in range(len(parts), 0, -1):
        auth = auths.get("/".join(parts[:length]))
        credentials = _decoded(auth, source) if auth is not None else None
        if credentials is not None:
            return credentials
    return None


def _decoded(auth: _Auth, source: str) -> Credentials | None:
    username, password = auth.username, auth.password
    if auth.auth:
        try:
            text = base64.b64decode(auth.auth, validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            raise ConfigError("an `auth` in it is not base64 of user:password", where=source) from None
        username, _, password = text.rstrip("\0").partition(":")
    if not (username or password or auth.identity_token or auth.registry_token):
        return None
    return Credentials(username, password, auth.identity_token, auth.registry_token, source)


def _key(key: str) -> str:
    """A key of `auths` as host or host/namespace: `https://`, `/v1/` and `/v2/` are history."""
    bare = key.partition("://")[2] or key
    bare = bare.rstrip("/")
    for version in ("/v1", "/v2"):
        bare = bare.removesuffix(version)
    host, slash, rest = bare.partition("/")
    return _host(host) + slash + rest


def _host(key: str) -> str:
    bare = (key.partition("://")[2] or key).partition("/")[0]
    return HUB if bare in ("index.docker.io", "registry-1.docker.io", HUB) else bare
