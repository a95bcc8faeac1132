"""Where engines listen: as the `docker` and `podman` commands find them.

Docker's: `DOCKER_HOST`, else the context that `DOCKER_CONTEXT` names, else the current one of `config.json`, else the
first socket there is of the usual ones. Podman's: `CONTAINER_HOST`, else the user's socket, else the system's. Sources:
docker's manual of `docker context`, podman-system-service(1).
"""

from __future__ import annotations

import hashlib
import os
import stat
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

import msgspec

from jettison.errors import ConfigError, NotFound, UsageError


@dataclass(frozen=True, slots=True)
class Tls:
    """Files for TLS with an engine; None for what is not used. `verify` False accepts any certificate."""

    authority: str | None = None
    certificate: str | None = None
    key: str | None = None
    verify: bool = True


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One address: `socket` is a path, or None and `url` is http(s)://host:port. `source` tells who named it."""

    engine: str
    source: str
    socket: str | None = None
    url: str = ""
    tls: Tls | None = None

    def __str__(self) -> str:
        return f"unix://{self.socket}" if self.socket else self.url


def docker() -> Endpoint:
    """Docker's engine. Raises `NotFound` where none is to be found, `UsageError` or `ConfigError` for a bad address."""
    host = os.environ.get("DOCKER_HOST")
    if host:
        return parse("docker", host, "DOCKER_HOST", _tls_of_environment())
    context = os.environ.get("DOCKER_CONTEXT") or _current_context()
    if context and context != "default":
        return _context(context)
    runtime, home = os.environ.get("XDG_RUNTIME_DIR"), os.path.expanduser("~")
    sockets = ["/var/run/docker.sock"]
    sockets += [f"{runtime}/docker.sock"] if runtime else []
    sockets += [f"{home}/.docker/run/docker.sock", f"{home}/.docker/desktop/docker.sock"]
    return _first("docker", sockets, "start it, or say where it is with DOCKER_HOST=unix:///path/to/docker.sock")


def podman() -> Endpoint:
    """Podman's socket, which speaks Docker's API too. Raises `NotFound` or `UsageError`."""
    host = os.environ.get("CONTAINER_HOST")
    if host:
        return parse("podman", host, "CONTAINER_HOST", None)
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    sockets = [f"{runtime}/podman/podman.sock"] if runtime else [f"/run/user/{os.getuid()}/podman/podman.sock"]
    sockets.append("/run/podman/podman.sock")
    return _first("podman", sockets, "start it with `systemctl --user start podman.socket` or `podman system service`")


def _first(engine: str, sockets: list[str], hint: str) -> Endpoint:
    for path in sockets:
        try:
            if stat.S_ISSOCK(os.stat(path).st_mode):
                return Endpoint(engine, "default", path)
        except PermissionError:
            return Endpoint(engine, "default", path)  # there, and not for us: connecting will say so
        except OSError:
            continue
    raise NotFound(f"no {engine} engine is running here: there is no socket at {', '.join(sockets)}", hint=hint)


def parse(engine: str, address: str, source: str, tls: Tls | None) -> Endpoint:
    """The endpoint at `unix://`, `tcp://`, `http://` or `https://`. Raises `UsageError` for anything else."""
    try:
        parts = urlsplit(address if "://" in address else f"tcp://{address}")
        port = parts.port
    except ValueError:
        raise UsageError(f"{source}: {address!r} is no address of an engine") from None
    if parts.scheme == "unix":
        return Endpoint(engine, source, unquote(parts.netloc + parts.path))
    if parts.scheme in ("ssh", "npipe", "fd"):
        raise UsageError(
            f"{source}: an engine at {parts.scheme}:// cannot be reached",
            hint="forward its socket: ssh -nNT -L /tmp/engine.sock:/var/run/docker.sock USER@HOST, then "
            "DOCKER_HOST=unix:///tmp/engine.sock"
            if parts.scheme == "ssh"
            else "name a unix:// or tcp:// address",
        )
    if parts.scheme not in ("tcp", "http", "https") or not parts.hostname:
        raise UsageError(
            f"{source}: {address!r} is no address of an engine", hint="write unix:///path or tcp://host:port"
        )
    secure = tls is not None or parts.scheme == "https"
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    url = f"{'https' if secure else 'http'}://{host}:{port or (2376 if secure else 2375)}"
    return Endpoint(engine, source, None, url, (tls or Tls()) if secure else None)


def _tls_of_environment() -> Tls | None:
    """TLS as `DOCKER_TLS_VERIFY` (or `DOCKER_TLS`) and `DOCKER_CERT_PATH` set it; None where it is not wanted."""
    verify = bool(os.environ.get("DOCKER_TLS_VERIFY"))
    if not verify and not os.environ.get("DOCKER_TLS"):
        return None
    return _tls_in(os.environ.get("DOCKER_CERT_PATH") or configuration_directory(), verify)


def _tls_in(directory: str, verify: bool) -> Tls:
    files = [os.path.join(directory, f"{name}.pem") for name in ("ca", "cert", "key")]
    authority, certificate, key = (path if os.path.exists(path) else None for path in files)
    return Tls(authority, certificate, key, verify)


def configuration_directory() -> str:
    """Docker's configuration: `DOCKER_CONFIG`, else `~/.docker`."""
    return os.environ.get("DOCKER_CONFIG") or os.path.expanduser("~/.docker")


class _Configuration(msgspec.Struct, rename="camel"):
    current_context: str = ""


class _Place(msgspec.Struct):
    host: str = msgspec.field(default="", name="Host")
    skip_verify: bool = msgspec.field(default=False, name="SkipTLSVerify")


class _Context(msgspec.Struct):
    endpoints: dict[str, _Place] = msgspec.field(default_factory=dict, name="Endpoints")


def _current_context() -> str:
    path = os.path.join(configuration_directory(), "config.json")
    try:
        with open(path, "rb") as file:
            return msgspec.json.decode(file.read() or b"{}", type=_Configuration).current_context
    except OSError:
        return ""
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise ConfigError(f"docker's configuration cannot be read: {error}", where=path) from None


def _context(name: str) -> Endpoint:
    """The engine of a docker context. Raises `ConfigError`, `UsageError`."""
    key = hashlib.sha256(name.encode()).hexdigest()
    directory = os.path.join(configuration_directory(), "contexts")
    path = os.path.join(directory, "meta", key, "meta.json")
    try:
        with open(path, "rb") as file:
            place = msgspec.json.decode(file.read(), type=_Context).endpoints.get("docker")
    except OSError:
        raise ConfigError(
            f"there is no docker context {name!r}", where=path, hint="`docker context ls` shows those there are"
        ) from None
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise ConfigError(f"the docker context {name!r} cannot be read: {error}", where=path) from None
    if place is None or not place.host:
        raise ConfigError(f"the docker context {name!r} names no docker engine", where=path)
    certificates = os.path.join(directory, "tls", key, "docker")
    secure = os.path.isdir(certificates) or place.skip_verify
    tls = _tls_in(certificates, not place.skip_verify) if secure else None
    return parse("docker", place.host, f"docker context {name!r}", tls)
