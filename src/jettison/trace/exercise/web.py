"""Requests over HTTP: what every exercise that speaks it shares, and the plainest one, a list of paths."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import urllib3
from urllib3 import exceptions as http

from jettison.errors import UsageError
from jettison.trace.exercise import Result

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from jettison.trace.running import Run

MAX_BODY = 64 << 20
CONNECT_SECONDS, READ_SECONDS = 10.0, 60.0


@dataclass(frozen=True, slots=True)
class Request:
    """One request; `path` begins with `/` and may have a query. `port` is the container's; None for its first."""

    method: str
    path: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None
    port: int | None = None

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


def place_of(run: Run, port: int | None = None) -> tuple[str, int]:
    """Where a port of the container is reached. Raises `UsageError` where it has none."""
    places = run.target.ports
    if port is None and places:
        return next(iter(places.values()))
    if port is None or port not in places:
        raise UsageError(
            "there is no port to send requests to" if port is None else f"port {port} is not reached from here",
            where=run.setup.image.reference,
            hint="the image exposes none; name the port that the program listens on" if not places else None,
        )
    return places[port]


def send(run: Run, request: Request) -> Result:
    """Send one request. No redirect is followed, nothing is tried twice: the answer is what the program says.

    Raises `UsageError` where there is no port to send it to.
    """
    host, port = place_of(run, request.port)
    pool = urllib3.HTTPConnectionPool(host, port, maxsize=1, timeout=urllib3.Timeout(CONNECT_SECONDS, READ_SECONDS))
    headers = {"Host": "localhost", "User-Agent": "jettison", "Accept": "*/*", **request.headers}
    try:
        response = pool.request(
            request.method,
            request.path,
            body=request.body,
            headers=headers,
            redirect=False,
            retries=False,
            preload_content=False,
        )
        body = response.read(MAX_BODY + 1, decode_content=False)
        pairs = tuple((name.lower(), value) for name, value in response.headers.items())
        error = f"the body is larger than {MAX_BODY:,} bytes" if len(body) > MAX_BODY else None
        return Result("http", str(request), response.status, pairs, body[:MAX_BODY], error=error)
    except (http.HTTPError, OSError, ValueError) as error:
        text = str(error).replace(f"{host}:{port}", "the port")
        return Result("http", str(request), None, error=f"{type(error).__name__}: {text.rpartition(': ')[2]}")
    finally:
        with suppress(Exception):
            pool.close()


@dataclass(frozen=True, slots=True)
class Http:
    """GETs of some paths, in order."""

    paths: tuple[str, ...]
    port: int | None = None

    @property
    def source(self) -> str:
        """The paths."""
        return f"http {' '.join(self.paths)}"

    def run(self, run: Run) -> Iterator[Result]:
        """An answer a path. Raises `UsageError` where there is no port."""
        for path in self.paths:
            yield send(run, Request("GET", path if path.startswith("/") else f"/{path}", port=self.port))
