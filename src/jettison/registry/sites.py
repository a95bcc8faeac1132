"""Sites: the hosts that serve a repository, its mirrors first, as the machine's administrator has set them up.

Mirrors come from containerd's and nerdctl's `hosts.toml` where there is one for the registry, else from podman's
`registries.conf` (version 2) with its `registries.conf.d`. Sources: containers-registries.conf(5); containerd's
docs/hosts.md.
"""

from __future__ import annotations

import os
import tomllib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from jettison.errors import ConfigError, RemoteError
from jettison.registry import names
from jettison.registry.certificates import config_home
from jettison.registry.credentials import HUB

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jettison.oci.reference import Name

HUB_HOST = "registry-1.docker.io"


@dataclass(frozen=True, slots=True)
class Site:
    """One host that serves a repository.

    `host` is where to connect, `key` what credentials are kept under, `repository` its name there. `scheme` is None
    where it must be found out. `namespace` is sent as `?ns=`, by which a containerd mirror knows whom it mirrors.
    `by_digest` and `by_tag` say what it may be asked for.
    """

    host: str
    repository: str
    key: str
    scheme: str | None = "https"
    base: str = "/v2"
    namespace: str | None = None
    insecure: bool = False
    by_digest: bool = True
    by_tag: bool = True


def sites(name: Name) -> list[Site]:
    """Where a repository may be read, in the order to try; the registry itself comes last.

    Raises `ConfigError` for a broken configuration, `RemoteError` where it blocks the registry.
    """
    found = _from_hosts_toml(name)
    return found if found is not None else _from_registries_conf(name)


def site(location: str, *, insecure: bool = False, by_digest: bool = True, by_tag: bool = True) -> Site:
    """The site at `host[:port]/repository`."""
    key, _, repository = location.partition("/")
    insecure = insecure or names.is_insecure(key)
    return Site(
        host=HUB_HOST if key == HUB else key,
        repository=repository,
        key=key,
        scheme=None if (insecure or names.is_loopback(key)) and not key.endswith(":443") else "https",
        insecure=insecure,
        by_digest=by_digest,
        by_tag=by_tag,
    )


def _read(path: str) -> dict[str, Any] | None:
    try:
        with open(path, "rb") as file:
            return tomllib.load(file)
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        return None
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"registries are not set up readably: {error}", where=path) from None


def _from_hosts_toml(name: Name) -> list[Site] | None:
    """The sites of `certs.d/HOST/hosts.toml`, or None where there is no such file."""
    for directory in (f"{config_home()}/containerd/certs.d", "/etc/containerd/certs.d"):
        for folder in (name.registry, "_default"):
            path = os.path.join(directory, folder, "hosts.toml")
            document = _read(path)
            if document is not None:
                return [*_hosts(document, name, path), _upstream(document, name)]
    return None


def _hosts(document: dict[str, Any], name: Name, path: str) -> Iterator[Site]:
    for url, settings in (document.get("host") or {}).items():
        parts = urlsplit(url if "://" in url else f"https://{url}")
        if parts.scheme not in ("http", "https") or not parts.netloc or not isinstance(settings, dict):
            raise ConfigError(f"{url!r} is no address of a mirror", where=path)
        able = settings.get("capabilities", ["pull", "resolve", "push"])
        prefix = parts.path.rstrip("/")
        yield Site(
            host=parts.netloc,
            repository=name.repository,
            key=parts.netloc,
            scheme=parts.scheme,
            base=prefix if settings.get("override_path") else prefix.removesuffix("/v2") + "/v2",
            namespace=name.registry,
            insecure=settings.get("skip_verify") is True,
            by_digest="pull" in able,
            by_tag="pull" in able and "resolve" in able,
        )


def _upstream(document: dict[str, Any], name: Name) -> Site:
    own = site(f"{name.registry}/{name.repository}")
    server = str(document.get("server") or "")
    parts = urlsplit(server)
    if not parts.netloc or parts.netloc in (own.host, own.key):
        return own
    return Site(parts.netloc, name.repository, parts.netloc, parts.scheme, namespace=name.registry)


def _from_registries_conf(name: Name) -> list[Site]:
    full = f"{name.registry}/{name.repository}"
    best: dict[str, Any] = {}
    length = 0
    for path, registry in _registries():
        fits = _fitting(str(registry.get("prefix") or registry.get("location") or ""), full)
        if fits and fits >= length:
            best, length = {**registry, "path": path}, fits
    if not best:
        return [site(full)]
    if best.get("blocked") is True:
        raise RemoteError("the registry is blocked", where=full, hint=f"by {best['path']}")
    rest = full[length:]
    found = [
        site(
            str(mirror.get("location", "")) + rest,
            insecure=mirror.get("insecure") is True,
            by_tag=mirror.get("pull-from-mirror", "all") != "digest-only" and not best.get("mirror-by-digest-only"),
            by_digest=mirror.get("pull-from-mirror", "all") != "tag-only",
        )
        for mirror in best.get("mirror") or []
        if isinstance(mirror, dict) and mirror.get("location")
    ]
    location = str(best.get("location") or "") if not str(best.get("prefix", "")).startswith("*.") else ""
    return [*found, site(location + rest if location else full, insecure=best.get("insecure") is True)]


def _fitting(prefix: str, full: str) -> int:
    """How many characters of `full` the prefix covers; 0 where it does not fit. `*.example.com` covers the host."""
    if prefix.startswith("*."):
        host = full.partition("/")[0]
        return len(host) if host.endswith(prefix[1:]) else 0
    if prefix and full.startswith(prefix) and full[len(prefix) : len(prefix) + 1] in ("", "/", ":", "@"):
        return len(prefix)
    return 0


def _registries() -> Iterator[tuple[str, dict[str, Any]]]:
    """All `[[registry]]` tables, least important first."""
    for path in _configuration_files():
        for registry in (_read(path) or {}).get("registry") or []:
            if isinstance(registry, dict):
                yield path, registry


def _configuration_files() -> list[str]:
    chosen = os.environ.get("CONTAINERS_REGISTRIES_CONF")
    user, system = f"{config_home()}/containers/registries.conf", "/etc/containers/registries.conf"
    main = chosen or (user if os.path.exists(user) else system)
    files = [main]
    for directory in (system + ".d", user + ".d") if not chosen else (chosen + ".d",):
        if os.path.isdir(directory):
            files += [
                os.path.join(directory, entry) for entry in sorted(os.listdir(directory)) if entry.endswith(".conf")
            ]
    return files
