"""Blobs: streamed, taken up again where the connection broke, and verified by size and digest on the way."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from jettison.errors import DigestMismatch, RemoteError
from jettison.registry.retry import Interrupted, Patience
from jettison.registry.transport import pieces

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from urllib3 import BaseHTTPResponse

    from jettison.oci.descriptor import Descriptor
    from jettison.oci.reference import Name

PROGRESS = 1 << 20
"""Bytes that make up for earlier failures."""
_RANGE = re.compile(r"bytes (\d{1,18})-(\d{1,18})/(\d{1,18}|\*)")


@dataclass(frozen=True, slots=True)
class BlobSource:
    """A blob in a registry. `where` names it in errors, `home` the repository that it lies in.

    `opener` asks for the blob from a byte onwards; its answer is 200, 206 or 416.
    """

    descriptor: Descriptor
    opener: Callable[[Descriptor, int], BaseHTTPResponse]
    patience: Patience
    where: str
    home: Name | None = None

    @property
    def size(self) -> int:
        """How many bytes the manifest says there are."""
        return self.descriptor.size

    def chunks(self) -> Iterator[bytes]:
        """The blob's bytes. Raises `DigestMismatch` for too many, too few or other bytes, else `RemoteError`.

        A connection that breaks is made anew, from the byte that is missing, as long as every few attempts bring
        `PROGRESS` bytes.
        """
        digest = self.descriptor.checked_digest()
        hasher = hashlib.new(digest.algorithm)
        have = failures = mark = 0
        while True:
            before = have
            response = self.opener(self.descriptor, have)
            try:
                for piece in self._body(response, have):
                    have += len(piece)
                    if have > self.size:
                        raise self._lie("has more")
                    hasher.update(piece)
                    yield piece
            except Interrupted as error:
                failures, mark = (1, have) if have - mark >= PROGRESS else (failures + 1, mark)
                self._wait(failures, have, error)
                continue
            if have == self.size:
                break
            if have == before:
                raise self._lie(f"ends after {have:,}")
        if f"{digest.algorithm}:{hasher.hexdigest()}" != digest:
            raise DigestMismatch(
                f"the registry sends other bytes: their digest is {digest.algorithm}:{hasher.hexdigest()}",
                where=self.where,
                hint="the registry, or a mirror or proxy before it, holds a damaged copy",
            )

    def _wait(self, failures: int, have: int, error: Interrupted) -> None:
        wait = self.patience.delay(failures - 1)
        if failures >= self.patience.attempts or wait is None:
            raise RemoteError(
                f"{error.message}, {failures} times over, after {have:,} of {self.size:,} bytes", where=self.where
            ) from None
        self.patience.sleep(wait)

    def _lie(self, found: str) -> DigestMismatch:
        return DigestMismatch(f"the manifest says {self.size:,} bytes; the blob {found}", where=self.where)

    def _body(self, response: BaseHTTPResponse, start: int) -> Iterator[bytes]:
        """The blob's bytes from `start` on, as far as this answer has them."""
        skip = 0
        try:
            if response.status == 416:
                raise self._lie(f"ends after {start:,}")
            if response.status == 206:
                self._check_range(response.headers.get("content-range", ""), start)
            else:
                length = response.headers.get("content-length", "")
                if length.isdigit() and int(length) != self.size:
                    raise self._lie(f"has {int(length):,}")
                skip = start  # the server knows no ranges: what is there already is passed over
            for piece in pieces(response, self.where):
                if skip >= len(piece):
                    skip -= len(piece)
                    continue
                yield piece[skip:] if skip else piece
                skip = 0
        finally:
            response.close()

    def _check_range(self, text: str, start: int) -> None:
        found = _RANGE.fullmatch(text.strip())
        if found is None or int(found[1]) != start:
            raise RemoteError(f"asked from byte {start:,} on, the registry sends {text[:60]!r}", where=self.where)
        if found[3] != "*" and int(found[3]) != self.size:
            raise self._lie(f"has {int(found[3]):,}")
