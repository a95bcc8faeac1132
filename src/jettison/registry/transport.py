"""Connections: single requests, sent as they are, through proxies, with certificates and timeouts.

Nothing is followed and nothing repeated here.
"""

from __future__ import annotations

import threading
from importlib.metadata import version
from typing import TYPE_CHECKING, Protocol
from urllib import request as system

import urllib3
from urllib3 import exceptions as http

from jettison.errors import ConfigError, ImageError, RemoteError
from jettison.registry import certificates, names
from jettison.registry.retry import Interrupted, Patience

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from urllib3 import BaseHTTPResponse

CHUNK = 256 << 10
"""The most bytes of a body that are handed out at once."""
AGENT = f"jettison/{version('jettison')}"
_CONNECTIONS = 8


class Body(Protocol):
    """What is sent with a request, piece by piece; a request that is sent again reads it from its start again."""

    @property
    def size(self) -> int:
        """Its bytes."""

    def pieces(self) -> Iterator[bytes]:
        """The bytes from the start."""


class Transport:
    """Pools of connections, one an origin. Threads may share it."""

    def __init__(self, patience: Patience | None = None) -> None:
        self.patience = patience or Patience()
        self._pools: dict[tuple[str, bool], urllib3.PoolManager] = {}
        self._lock = threading.Lock()

    def send(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | Body | None = None,
        verify: bool = True,
        idle: float | None = None,
    ) -> BaseHTTPResponse:
        """One request; the answer's body is still to be read. `verify=False` accepts any certificate.

        `idle` is the longest silence to bear, in seconds, where it is not the usual one. Raises `Interrupted` where
        trying again may help, else `RemoteError`.
        """
        pool = self._pool(names.host_of(url), url.partition(":")[0], verify)
        idle = idle or self.patience.idle
        own = {"User-Agent": AGENT, "Accept-Encoding": "identity"}
        connect = self.patience.connect
        data: bytes | Iterator[bytes] | None
        if body is None or isinstance(body, bytes):
            data = body
        else:
            data = body.pieces()
            own["Content-Length"] = str(body.size)
            connect = idle  # urllib3 waits as long for room to send into as for a connection
        try:
            return pool.request(
                method,
                url,
                body=data,
                headers={**own, **(headers or {})},
                redirect=False,
                retries=False,
                preload_content=False,
                decode_content=False,
                timeout=urllib3.Timeout(connect=connect, read=idle),
            )
        except (http.HTTPError, ValueError, OSError) as error:
            raise explained(error, url) from None

    def _pool(self, host: str, scheme: str, verify: bool) -> urllib3.PoolManager:
        with self._lock:
            pool = self._pools.get((f"{scheme}://{host}", verify))
            if pool is None:
                pool = self._pools[f"{scheme}://{host}", verify] = _open_pool(host, scheme, verify)
            return pool


def _open_pool(host: str, scheme: str, verify: bool) -> urllib3.PoolManager:
    context = certificates.trust(host, verify=verify).context() if scheme == "https" else None
    if not verify:
        urllib3.disable_warnings(http.InsecureRequestWarning)  # whoever asked for this knows
    proxy = proxy_for(host, scheme)
    if proxy is None:
        return urllib3.PoolManager(4, maxsize=_CONNECTIONS, ssl_context=context)
    if not proxy.startswith(("http://", "https://")):
        raise ConfigError(
            f"the proxy {names.host_of(proxy)!r} is of a kind that is not supported",
            hint="only http:// and https:// proxies are; NO_PROXY exempts hosts",
        )
    user = urllib3.util.parse_url(proxy).auth
    headers = urllib3.make_headers(proxy_basic_auth=user) if user else None
    return urllib3.ProxyManager(proxy, 4, maxsize=_CONNECTIONS, ssl_context=context, proxy_headers=headers)


def proxy_for(host: str, scheme: str) -> str | None:
    """The proxy that HTTPS_PROXY, HTTP_PROXY and NO_PROXY give for a host; never one for this machine."""
    if names.is_loopback(host) or _exempt(host):
        return None
    proxies = system.getproxies_environment()
    proxy = proxies.get(scheme) or proxies.get("all")
    return proxy if not proxy or "://" in proxy else f"http://{proxy}"


def _exempt(host: str) -> bool:
    return bool(system.proxy_bypass_environment(host))  # type: ignore[attr-defined]  # the stubs know it not


def explained(error: Exception, url: str) -> RemoteError:
    """A library's exception as one of ours: `Interrupted` where trying again may help."""
    host = names.host_of(url)
    if isinstance(error, http.SSLError):
        return _about_tls(str(error), host)
    if isinstance(error, http.ProxyError):
        return Interrupted(f"the proxy for {host} does not serve: {_reason(error.original_error)}", where=host)
    if isinstance(error, http.NameResolutionError):
        return Interrupted("there is no such host, or names cannot be resolved", where=host)
    if isinstance(error, http.NewConnectionError):  # before its base class, the timeout
        return Interrupted(f"cannot be reached: {_reason(error)}", where=host)
    if isinstance(error, http.ConnectTimeoutError):
        return Interrupted("does not answer: connecting took too long", where=host)
    if isinstance(error, http.TimeoutError):
        return Interrupted("has fallen silent", where=host)
    if isinstance(error, (http.ProtocolError, OSError)):
        return Interrupted(f"the connection broke: {_reason(error)}", where=host)
    return RemoteError(f"cannot be asked: {_reason(error)}", where=host)


def _about_tls(text: str, host: str) -> RemoteError:
    if "CERTIFICATE_VERIFY_FAILED" in text or "doesn't match" in text:
        reason = text.partition("certificate verify failed: ")[2].partition(" (_ssl")[0] or "it is for another host"
        return RemoteError(
            f"its certificate is not to be trusted: {reason}",
            where=host,
            hint=f"put the authority's certificate into certs.d/{host}/ca.crt, or name it in SSL_CERT_FILE",
        )
    if "WRONG_VERSION_NUMBER" in text or "record layer failure" in text:
        return RemoteError(
            "speaks plain http where https is expected",
            where=host,
            hint=f"if that is meant, set JETTISON_INSECURE_REGISTRIES={host}",
        )
    return Interrupted(f"TLS failed: {_reason(Exception(text))}", where=host)


def _reason(error: BaseException) -> str:
    """The innermost words of an exception, without the library's wrapping."""
    text = str(error.args[-1] if error.args and isinstance(error.args[-1], BaseException) else error)
    text = text.rpartition("Failed to establish a new connection: ")[2] or text
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())[:200] or type(error).__name__


def pieces(response: BaseHTTPResponse, url: str) -> Iterator[bytes]:
    """An answer's body in pieces of at most `CHUNK` bytes; the connection is given back or closed at the end.

    Raises `Interrupted` where the body breaks off, also before its stated length.
    """
    try:
        yield from response.stream(CHUNK, decode_content=False)
    except (http.HTTPError, ValueError, OSError) as error:
        raise explained(error, url) from None
    finally:
        response.close()


def read_small(response: BaseHTTPResponse, url: str, limit: int, what: str) -> bytes:
    """The whole body of a small answer. Raises `Interrupted`, or `ImageError` when it has more than `limit` bytes."""
    parts: list[bytes] = []
    total = 0
    for piece in pieces(response, url):
        total += len(piece)
        if total > limit:
            raise ImageError(f"the {what} has more than {limit:,} bytes", where=names.host_of(url))
        parts.append(piece)
    return b"".join(parts)
