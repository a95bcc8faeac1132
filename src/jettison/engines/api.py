"""The Engine API, as Docker documents it and podman imitates it: requests, versions, errors."""

from __future__ import annotations

import errno
import ssl
from typing import TYPE_CHECKING, TypeVar

import msgspec
import urllib3
from urllib3 import exceptions as http

from jettison.engines.socket import UnixPool
from jettison.errors import ConfigError, InputError, NotFound, RemoteError, Unauthorized

if TYPE_CHECKING:
    from collections.abc import Iterator

    from urllib3 import BaseHTTPResponse

    from jettison.engines.endpoint import Endpoint

NEWEST = (1, 49)
"""The newest version of the API that is spoken; 1.49 (Docker 28) knows platforms in `inspect`."""
CONNECT_SECONDS = 10.0
IDLE_SECONDS = 300.0
"""The longest silence: an engine packs a whole image before it sends the first byte."""
CHUNK = 256 << 10
_MAX_ANSWER = 64 << 20

T = TypeVar("T")


class _Message(msgspec.Struct):
    message: str = ""
    cause: str = ""


class Api:
    """Talks to one engine. Threads may share it. Nothing is asked for before the first request."""

    def __init__(self, endpoint: Endpoint, *, idle: float | None = None) -> None:
        self.endpoint = endpoint
        self._idle = idle or IDLE_SECONDS
        self._pool = _open_pool(endpoint)
        self._version: tuple[int, int] | None = None

    @property
    def version(self) -> tuple[int, int]:
        """The version of the API that is spoken: the newest that both sides know, found out by a ping."""
        if self._version is None:
            response = self._send("/_ping")
            text = response.headers.get("api-version", "")
            response.close()
            if response.status != 200:
                raise RemoteError(
                    f"this is no engine: it answers a ping with {response.status}",
                    where=str(self.endpoint),
                    status=response.status,
                )
            self._version = min(_numbers(text), NEWEST)
        return self._version

    def get(self, path: str, kind: type[T], *, what: str) -> T:
        """The JSON document at `path`. Raises `NotFound` where `what` is not there, else `RemoteError`."""
        response = self.open(path, what=what)
        data = b""
        for piece in self.pieces(response):
            data += piece
            if len(data) > _MAX_ANSWER:
                response.close()
                raise RemoteError(f"the answer about {what} has no end", where=str(self.endpoint))
        try:
            return msgspec.json.decode(data, type=kind, strict=False)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise RemoteError(f"the answer about {what} cannot be read: {error}", where=str(self.endpoint)) from None

    def open(self, path: str, *, what: str) -> BaseHTTPResponse:
        """The answer to a GET, its body still to be read. Raises `RemoteError`, or `NotFound` where `what` is not."""
        major, minor = self.version
        response = self._send(f"/v{major}.{minor}{path}")
        if response.status != 200:
            raise self._failure(response, what)
        return response

    def send(self, path: str, body: Iterator[bytes], *, what: str, idle: float | None = None) -> BaseHTTPResponse:
        """The answer to a POST of a tar, sent in chunks as it comes by. `idle` is the longest silence, in seconds.

        Raises `RemoteError`, or whatever making the body raises: the engine then sees a request that breaks off.
        """
        major, minor = self.version
        response = self._send(f"/v{major}.{minor}{path}", body, idle)
        if response.status != 200:
            raise self._failure(response, what)
        return response

    def call(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        *,
        what: str,
        content: str = "application/json",
        idle: float | None = None,
    ) -> BaseHTTPResponse:
        """The answer to any request, its body still to be read. Raises as `open` does, for all but success."""
        major, minor = self.version
        response = self._send(f"/v{major}.{minor}{path}", body, idle, method=method, content=content)
        if response.status >= 300 and response.status != 304:
            raise self._failure(response, what)
        return response

    def pieces(self, response: BaseHTTPResponse) -> Iterator[bytes]:
        """An answer's body in pieces of about `CHUNK` bytes. Raises `RemoteError` where it breaks off."""
        waiting: list[bytes] = []
        have = 0
        try:
            for part in response.stream(CHUNK, decode_content=False):
                waiting.append(part)
                have += len(part)
                if have >= CHUNK:
                    yield b"".join(waiting)
                    waiting, have = [], 0
            if have:
                yield b"".join(waiting)
        except (http.HTTPError, ValueError, OSError) as error:
            raise self._explained(error) from None
        finally:
            response.close()

    def _send(
        self,
        path: str,
        body: Iterator[bytes] | bytes | None = None,
        idle: float | None = None,
        *,
        method: str | None = None,
        content: str = "application/x-tar",
    ) -> BaseHTTPResponse:
        headers = {"Accept": "application/json", "User-Agent": "jettison"}
        try:
            return self._pool.request(
                method or ("GET" if body is None else "POST"),
                path,
                body=body,
                headers=headers if body is None else {**headers, "Content-Type": content},
                chunked=body is not None and not isinstance(body, bytes),
                redirect=False,
                retries=False,
                preload_content=False,
                decode_content=False,
                timeout=urllib3.Timeout(connect=CONNECT_SECONDS, read=idle or self._idle),
            )
        except (http.HTTPError, ValueError, OSError) as error:
            raise self._explained(error) from None

    def _failure(self, response: BaseHTTPResponse, what: str) -> InputError:
        try:
            said = msgspec.json.decode(response.read(64 << 10, decode_content=False), type=_Message).message
        except Exception:  # the status is what counts
            said = ""
        response.close()
        engine = self.endpoint.engine
        tail = f": {' '.join(said.split())[:300]}" if said else ""
        if response.status == 404:
            return NotFound(f"{engine} has no {what}{tail}", where=str(self.endpoint))
        if response.status in (401, 403):
            return Unauthorized(f"{engine} refuses {what}{tail}", where=str(self.endpoint), status=response.status)
        return RemoteError(
            f"{engine} answered {response.status} about {what}{tail}", where=str(self.endpoint), status=response.status
        )

    def _explained(self, error: Exception) -> RemoteError:
        engine, where = self.endpoint.engine, str(self.endpoint)
        cause = error.__cause__
        number = cause.errno if isinstance(cause, OSError) else None
        if number == errno.EACCES:
            return RemoteError(
                f"you may not use {engine}'s socket",
                where=where,
                hint=f"join the group that owns it (docker: `sudo usermod -aG docker $USER`), or use sudo; "
                f"named by {self.endpoint.source}",
            )
        if isinstance(error, (http.NewConnectionError, http.ConnectTimeoutError)):
            return RemoteError(
                f"{engine} does not answer here: {(cause.strerror if isinstance(cause, OSError) else None) or error}",
                where=where,
                hint=f"named by {self.endpoint.source}; start the engine, or say where it is with "
                f"{'DOCKER_HOST' if engine == 'docker' else 'CONTAINER_HOST'}",
            )
        if isinstance(error, http.SSLError):
            return RemoteError(
                f"TLS with {engine} failed: {error}",
                where=where,
                hint="DOCKER_CERT_PATH holds ca.pem, cert.pem, key.pem",
            )
        if isinstance(error, http.TimeoutError):
            return RemoteError(f"{engine} has been silent for {self._idle:g} s", where=where)
        return RemoteError(f"the connection to {engine} broke: {error}", where=where, hint="see the engine's own log")


def _numbers(text: str) -> tuple[int, int]:
    major, _, minor = text.partition(".")
    return (int(major), int(minor)) if major.isdigit() and minor.isdigit() else (1, 24)


def _open_pool(endpoint: Endpoint) -> urllib3.HTTPConnectionPool:
    if endpoint.socket is not None:
        return UnixPool(endpoint.socket, maxsize=4)
    if endpoint.tls is None:
        return urllib3.connection_from_url(endpoint.url, maxsize=4)
    tls = endpoint.tls
    try:
        context = ssl.create_default_context(cafile=tls.authority)
        if tls.certificate and tls.key:
            context.load_cert_chain(tls.certificate, tls.key)
    except (OSError, ssl.SSLError) as error:
        raise ConfigError(f"the engine's certificates cannot be used: {error}", where=endpoint.source) from None
    if not tls.verify:
        urllib3.disable_warnings(http.InsecureRequestWarning)  # whoever set the engine up so knows
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return urllib3.connection_from_url(endpoint.url, maxsize=4, ssl_context=context)
