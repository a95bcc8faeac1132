"""Uploads: one blob into a repository, taken up again where the connection broke, finished only when its digest holds.

A blob that is there already is not sent, one that another repository of the registry has is mounted from there. Small
ones go with one request; others as one long PATCH, in pieces where the registry or a proxy before it takes no long
ones. After a break the registry is asked where it stands: many can tell and go on from there; Docker's distribution
gives up an upload that broke in the middle of a request, and is sent the blob anew. Source: OCI distribution
specification 1.1, "Pushing blobs".
"""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from jettison.errors import DigestMismatch, InputError, NotFound, RemoteError, Unauthorized
from jettison.registry.challenge import repository_scope
from jettison.registry.client import checked_redirect
from jettison.registry.retry import TRANSIENT, Interrupted, Patience, retry_after
from jettison.registry.tape import Tape

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

    from urllib3 import BaseHTTPResponse

    from jettison.image.source import Source
    from jettison.oci.descriptor import Descriptor
    from jettison.registry.client import Client

SENT, THERE, MOUNTED = "sent", "there", "mounted"
"""What became of a blob: it was sent, was there before, or was taken over from another repository."""

PUSH = "pull,push"
SMALL = 1 << 20
"""Bytes up to which a blob goes with the request that finishes the upload."""
PIECE = 16 << 20
"""Bytes of one request where a longer one is refused."""
PROGRESS = 1 << 20
"""Bytes that make up for earlier failures."""
COMMIT_SECONDS = 600.0
"""The longest silence while a registry puts a blob where it belongs; on object storage that copies it."""

_RANGE = re.compile(r"(?:bytes=)?0-(\d{1,18})")


class _Setback(Exception):
    """Something that may go better at another try; `asked` is how long the registry wants to be left alone."""

    def __init__(self, message: str, asked: float | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.asked = asked


@dataclass(frozen=True, slots=True)
class _Part:
    """A range of a tape as a request's body."""

    tape: Tape
    start: int
    end: int

    @property
    def size(self) -> int:
        return self.end - self.start

    def pieces(self) -> Iterator[bytes]:
        return self.tape.pieces(self.start, self.end)


def upload(
    client: Client,
    descriptor: Descriptor,
    source: Source,
    patience: Patience,
    *,
    mount: str | None = None,
    told: Callable[[int], None] | None = None,
) -> str:
    """Put a blob into the client's repository; what became of it. `mount` is a repository that may have it.

    `told` hears of bytes as they go. Raises `DigestMismatch` where the source has other bytes than the descriptor
    says, else `InputError`.
    """
    if is_there(client, descriptor):
        return THERE
    running = _Upload(client, descriptor, source, patience, told)
    if mount is not None and running.mounted(mount):
        return MOUNTED
    running.run()
    return SENT


def is_there(client: Client, descriptor: Descriptor) -> bool:
    """True where the repository has the blob. Raises `InputError`."""
    digest = descriptor.checked_digest()
    what = f"blob {digest}"
    response = client.call("HEAD", client.url(f"blobs/{digest}"), what=what, expect=(200, 404), actions=PUSH)
    response.close()
    length = response.headers.get("content-length", "")
    return response.status == 200 and (not length.isdigit() or int(length) == descriptor.size)


class _Upload:
    """An upload under way. `_have` is how many bytes the registry has, as far as it told us."""

    def __init__(
        self,
        client: Client,
        descriptor: Descriptor,
        source: Source,
        patience: Patience,
        told: Callable[[int], None] | None,
    ) -> None:
        self._client = client
        self._descriptor = descriptor
        self._digest = descriptor.checked_digest()
        self._size = descriptor.size
        self._where = f"{client.site.key}/{client.site.repository}@{self._digest}"
        self._patience = patience
        self._tape = Tape(source, descriptor, self._where, told)
        self._location: str | None = None
        self._have = 0
        self._step: int | None = None
        self._least = 0
        self._doubtful = False

    def mounted(self, repository: str) -> bool:
        """True where the registry took the blob over; else the upload has begun, or must still be."""
        url = self._client.url("blobs/uploads/", mount=str(self._digest), **{"from": repository})
        try:
            response = self._call("POST", url, (201, 202), scopes=[repository_scope(repository)])
        except (Unauthorized, NotFound):
            return False
        if response.status == 202:
            self._begun(response)
        response.close()
        return response.status == 201

    def run(self) -> None:
        """Send it, whatever it takes. Raises `InputError`."""
        failures = mark = 0
        while True:
            try:
                return self._attempt()
            except (Interrupted, _Setback) as error:
                failures = 1 if self._have - mark >= PROGRESS else failures + 1
                mark = self._have
                self._wait(failures, error)
            except InputError as error:
                if isinstance(error, DigestMismatch) or not isinstance(error, RemoteError):
                    self._cancel()
                raise

    def _wait(self, failures: int, error: Interrupted | _Setback) -> None:
        self._doubtful = True
        wait = self._patience.delay(failures - 1, error.asked if isinstance(error, _Setback) else None)
        if failures >= self._patience.attempts or wait is None:
            times = f", {failures} times over" if failures > 1 else ""
            raise RemoteError(
                f"{error.message}{times}, with {self._have:,} of {self._size:,} bytes sent",
                where=self._where,
                hint="run the same command again: blobs that have arrived are not sent twice",
            ) from None
        self._patience.sleep(wait)

    def _attempt(self) -> None:
        if self._location is not None and self._doubtful:
            self._catch_up()
        self._doubtful = False
        if self._location is None:
            if self._have and is_there(self._client, self._descriptor):
                return  # it was finished, and the answer was lost
            self._begin()
        small = self._size <= SMALL and not self._have
        while self._have < self._size and not small:
            self._send(min(self._size, self._have + (self._step or self._size)))
        self._finish(_Part(self._tape, 0, self._size) if small else None)

    def _call(
        self,
        method: str,
        url: str,
        expect: Collection[int],
        *,
        body: _Part | bytes | None = None,
        headers: dict[str, str] | None = None,
        scopes: Collection[str] = (),
        repeat: bool = True,
    ) -> BaseHTTPResponse:
        what = f"place for blob {self._digest}"
        idle = COMMIT_SECONDS if method == "PUT" else None
        return self._client.call(
            method, url, what=what, expect=expect, body=body, headers=headers, actions=PUSH, scopes=scopes,
            repeat=repeat, idle=idle,
        )  # fmt: skip

    def _begin(self) -> None:
        response = self._call("POST", self._client.url("blobs/uploads/"), (202,))
        self._begun(response)
        response.close()

    def _begun(self, response: BaseHTTPResponse) -> None:
        self._have = 0
        self._moved(response, self._client.url("blobs/uploads/"))
        if self._location is None:
            raise RemoteError("the registry begins an upload and says not where", where=self._where)
        least = response.headers.get("oci-chunk-min-length", "")
        self._least = int(least) if least.isdigit() and len(least) < 12 else 0

    def _moved(self, response: BaseHTTPResponse, asked: str) -> None:
        location = response.headers.get("location", "")
        if location:
            self._location = checked_redirect(asked, location)

    def _send(self, end: int) -> None:
        """One request with the bytes from where the registry stands up to `end`."""
        start, location = self._have, self._location or ""
        headers = {"Content-Type": "application/octet-stream"}
        if start or end < self._size:
            headers["Content-Range"] = f"{start}-{end - 1}"
        expect = (201, 202, 204, 404, 413, 416, *TRANSIENT)
        part = _Part(self._tape, start, end)
        response = self._call("PATCH", location, expect, body=part, headers=headers, repeat=False)
        response.close()
        if response.status in (201, 202, 204):
            self._moved(response, location)
            told = _RANGE.fullmatch(response.headers.get("range", ""))
            arrived = int(told[1]) + 1 if told and int(told[1]) else end
            self._have = arrived if start < arrived < end else end
            return
        if response.status == 413 and self._step is None:
            self._step = max(PIECE, self._least)
            self._location = None
            raise _Setback("the registry takes no request of this length")
        self._failed(response)

    def _finish(self, rest: _Part | None) -> None:
        """Close the upload, once our own hash says that the bytes were the right ones."""
        self._tape.verify()
        location = self._location or ""
        url = f"{location}{'&' if '?' in location else '?'}digest={self._digest.replace(':', '%3A')}"
        headers = {"Content-Type": "application/octet-stream"}
        expect = (201, 202, 204, 404, 416, *TRANSIENT)
        response = self._call("PUT", url, expect, body=rest or b"", headers=headers, repeat=False)
        response.close()
        if response.status in (201, 202, 204):
            self._have = self._size
            return
        self._have = self._have or 1  # it may be there all the same: the next attempt looks
        self._failed(response)

    def _failed(self, response: BaseHTTPResponse) -> None:
        """Raises what an answer that is no success means for the next attempt."""
        if response.status in TRANSIENT:
            asked = retry_after(response.headers.get("retry-after"))
            raise _Setback(f"the registry answers {response.status} {response.reason or ''}".rstrip(), asked)
        self._location = None
        raise _Setback(f"the registry lost the upload ({response.status})")

    def _catch_up(self) -> None:
        """Ask the registry where it stands; begin anew where it cannot tell."""
        location = self._location or ""
        response = self._call("GET", location, range(200, 500))
        response.close()
        told = _RANGE.fullmatch(response.headers.get("range", ""))
        arrived = int(told[1]) + 1 if response.status < 300 and told else 0
        if 1 < arrived <= self._size:  # 0-0 may mean one byte, or none
            self._have = arrived
            self._moved(response, location)
        else:
            self._location = None

    def _cancel(self) -> None:
        """Leave nothing behind, where the registry can."""
        if self._location is not None:
            with suppress(InputError):
                self._call("DELETE", self._location, range(200, 500), repeat=False).close()
