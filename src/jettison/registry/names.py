"""Host names as registries have them: `host`, `host:port`, `[address]:port`; and which of them are this machine."""

from __future__ import annotations

import ipaddress
import os
from urllib.parse import urljoin, urlsplit


def without_port(host: str) -> str:
    """The name or address in `host[:port]`, brackets of an IPv6 address removed, in lower case."""
    if host.startswith("["):
        return host[1:].partition("]")[0].lower()
    return host.partition(":")[0].lower()


def address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """The address in `host[:port]`, or None for a name."""
    try:
        return ipaddress.ip_address(without_port(host))
    except ValueError:
        return None


def is_loopback(host: str) -> bool:
    """True for this machine: loopback addresses, `localhost`, `*.localhost` (RFC 6761)."""
    name = without_port(host)
    literal = address(host)
    return literal.is_loopback if literal else name == "localhost" or name.endswith(".localhost")


def is_internal(host: str) -> bool:
    """True for this machine and for addresses that are not public: private, link-local, shared, reserved."""
    literal = address(host)
    return is_loopback(host) or (literal is not None and not literal.is_global)


def is_insecure(host: str) -> bool:
    """True where `JETTISON_INSECURE_REGISTRIES` allows plain http and any certificate.

    It lists `host:port`, or `host` for all ports, with commas between.
    """
    listed = {entry.strip().lower() for entry in os.environ.get("JETTISON_INSECURE_REGISTRIES", "").split(",")}
    listed.discard("")
    return host.lower() in listed or without_port(host) in listed


def origin(url: str) -> tuple[str, str, int | None]:
    """Scheme, host and port of a URL, ports that the scheme implies filled in: equal for the same origin.

    What is no URL has the origin of the empty text.
    """
    try:
        parts = urlsplit(url)
        port = parts.port if parts.port is not None else {"https": 443, "http": 80}.get(parts.scheme)
    except ValueError:
        return "", "", None
    return parts.scheme, (parts.hostname or "").lower(), port


def host_of(url: str) -> str:
    """`host[:port]` of a URL, as it is written there, without user information."""
    return _netloc(url).rpartition("@")[2]


def has_user(url: str) -> bool:
    """True for a URL that carries a user name."""
    return "@" in _netloc(url)


def _netloc(url: str) -> str:
    try:
        return urlsplit(url).netloc
    except ValueError:
        return ""


def joined(url: str, location: str) -> str:
    """Where `location`, an address or a part of one, leads from `url`; empty where it leads nowhere."""
    try:
        return urljoin(url, location) if location else ""
    except ValueError:
        return ""


def plain_http_allowed(host: str) -> bool:
    """True where nothing is lost without TLS (this machine), or where the user said so."""
    return is_loopback(host) or is_insecure(host)
