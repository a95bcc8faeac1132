"""The client of one site: requests that are authorised, repeated where that helps, and redirected with care."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode

from urllib3.exceptions import HTTPError

from jettison.errors import RemoteError
from jettison.registry import credentials, names
from jettison.registry.challenge import repository_scope
from jettison.registry.failure import RateLimit, failure, rate_limit
from jettison.registry.retry import Interrupted, persistently
from jettison.registry.tokens import Authorizer
from jettison.registry.transport import read_small

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from urllib3 import BaseHTTPResponse

    from jettison.registry.sites import Site
    from jettison.registry.transport import Body, Transport

REDIRECTS = frozenset({301, 302, 303, 307, 308})
_KEEPING = frozenset({307, 308})
"""The redirects after which a request is sent elsewhere as it is, whatever its method."""
_MAX_REDIRECTS = 6


class Client:
    """Talks to one site about one repository. Threads may share it.

    `limit` is what the site last said of its rate limit.
    """

    def __init__(self, site: Site, transport: Transport) -> None:
        self.site = site
        self.limit: RateLimit | None = None
        self._transport = transport
        self._scheme = site.scheme
        self._authorizer: Authorizer | None = None
        self._lock = threading.Lock()

    @property
    def root(self) -> str:
        """The site's address; found out where it may be plain http or https."""
        with self._lock:
            if self._scheme is None:
                self._scheme = self._find_scheme()
            return f"{self._scheme}://{self.site.host}"

    def url(self, path: str, **query: str) -> str:
        """The address of `path` below the repository."""
        if self.site.namespace:
            query["ns"] = self.site.namespace
        tail = "?" + urlencode(query) if query else ""
        return f"{self.root}{self.site.base}/{quote(self.site.repository)}/{quote(path, safe='/:@')}{tail}"

    def call(
        self,
        method: str,
        url: str,
        *,
        what: str,
        expect: Collection[int] = (200,),
        headers: Mapping[str, str] | None = None,
        body: bytes | Body | None = None,
        actions: str = "pull",
        scopes: Collection[str] = (),
        repeat: bool = True,
        idle: float | None = None,
    ) -> BaseHTTPResponse:
        """The answer, with one of the statuses `expect`; its body is still to be read.

        `what` names the thing for errors. `scopes` are needed besides `actions` on the repository. A request that
        changes something and must not be sent twice says `repeat=False`. `idle` is the longest silence to bear, in
        seconds, where it is not the usual one. Raises `NotFound`, `Unauthorized` or `RemoteError`.
        """
        wanted = [repository_scope(self.site.repository, actions), *scopes]

        def once() -> BaseHTTPResponse:
            return self._follow(method, url, headers or {}, body, wanted, idle)

        response = persistently(once, self._transport.patience) if repeat else once()
        self.limit = rate_limit(response.headers) or self.limit
        if response.status not in expect:
            raise failure(response, url, where=self.site.key, what=what, limit=self.limit)
        return response

    def fetch(
        self,
        url: str,
        *,
        what: str,
        limit: int,
        headers: Mapping[str, str] | None = None,
        expect: Collection[int] = (200,),
    ) -> tuple[BaseHTTPResponse, bytes]:
        """The answer to a GET and its whole body, of at most `limit` bytes. Raises as `call` does, or `ImageError`."""
        patience = self._transport.patience
        for attempt in range(patience.attempts):
            response = self.call("GET", url, what=what, headers=headers, expect=expect)
            try:
                return response, read_small(response, url, limit, what)
            except Interrupted as error:
                interruption = error
            patience.sleep(patience.delay(attempt) or 0.0)
        raise interruption

    def _follow(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: bytes | Body | None,
        scopes: list[str],
        idle: float | None,
    ) -> BaseHTTPResponse:
        home = names.origin(self.root)
        for _ in range(_MAX_REDIRECTS):
            if names.origin(url) == home:
                response = self._authorised(method, url, headers, body, scopes, idle)
            else:  # another host gets neither credentials nor tokens: a signed address is all it needs
                verify = not names.is_insecure(names.host_of(url))
                response = self._transport.send(method, url, headers=headers, body=body, verify=verify, idle=idle)
            if response.status not in (REDIRECTS if method in ("GET", "HEAD") else _KEEPING):
                return response
            location = response.headers.get("location", "")
            response.close()
            url = checked_redirect(url, location)
        raise RemoteError("redirects in circles", where=self.site.key)

    def _authorised(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: bytes | Body | None,
        scopes: list[str],
        idle: float | None,
    ) -> BaseHTTPResponse:
        authorizer = self._authorize()
        header = authorizer.header(scopes)
        verify = not self.site.insecure
        sent = {**headers, "Authorization": header} if header else headers
        response = self._transport.send(method, url, headers=sent, body=body, verify=verify, idle=idle)
        if response.status != 401 or "www-authenticate" not in response.headers:
            return response
        response.close()
        header = authorizer.answer(response.headers.getlist("www-authenticate"), scopes, header)
        sent = {**headers, "Authorization": header}
        response = self._transport.send(method, url, headers=sent, body=body, verify=verify, idle=idle)
        if response.status == 401:
            raise authorizer.rejection(failure(response, url, where=self.site.key, what="request").message)
        return response

    def _authorize(self) -> Authorizer:
        root = self.root
        with self._lock:
            if self._authorizer is None:
                self._authorizer = Authorizer(
                    self.site.key,
                    root,
                    lambda: credentials.find(self.site.key, self.site.repository),
                    self._transport,
                    verify=not self.site.insecure,
                )
            return self._authorizer

    def _find_scheme(self) -> str:
        """`https` or `http`, by asking; only for this machine and for hosts that the user calls insecure.

        This machine is asked in plain http, which TLS servers refuse at once; elsewhere TLS, if there is any, is used
        whatever the certificate.
        """
        first = "http" if names.is_loopback(self.site.host) else "https"
        second = "https" if first == "http" else "http"
        if self._speaks(first):
            return first
        return second if self._speaks(second) else first

    def _speaks(self, scheme: str) -> bool:
        url = f"{scheme}://{self.site.host}/v2/"
        try:
            response = self._transport.send("GET", url, verify=not self.site.insecure)
            said = response.read(512, decode_content=False) if response.status == 400 else b""
            response.close()
        except Interrupted:
            return False
        except RemoteError as error:
            return "certificate" in error.message  # it does speak TLS; what is wrong with it is for the request to say
        except (HTTPError, OSError, ValueError):
            return False
        return b"https" not in said.lower()


def checked_redirect(url: str, location: str) -> str:
    """Where a redirect leads, if it may: never from TLS to plain http, never from elsewhere to this machine.

    Raises `RemoteError`.
    """
    target = names.joined(url, location)
    host, source = names.host_of(target), names.host_of(url)
    scheme, name, _ = names.origin(target)
    wrong = None
    if scheme not in ("http", "https") or not name:
        wrong = f"to {location[:100]!r}, which is no web address"
    elif scheme == "http" and url.startswith("https:") and not names.is_insecure(host):
        wrong = f"from https to plain http at {host}"
    elif names.is_loopback(host) and not names.is_loopback(source):
        wrong = f"to this machine, {host}"
    if wrong:
        raise RemoteError(f"redirects {wrong}: not followed", where=source)
    return target
