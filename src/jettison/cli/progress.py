"""Progress on stderr, where somebody watches: one line for long work, gone when it is done."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

from jettison.units import size

if TYPE_CHECKING:
    from types import TracebackType

_DELAY = 0.4
"""Seconds before the first line: quick work shows nothing."""


class Progress:
    """A line that counts what was done. Silent where stderr is no terminal, or when told to be quiet."""

    def __init__(self, what: str, *, quiet: bool = False) -> None:
        self._what = what
        self._on = sys.stderr.isatty() and not quiet
        self._started = time.monotonic()
        self._shown = 0.0
        self._total: int | None = None
        self._done = 0

    def __enter__(self) -> Progress:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._shown:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()

    def expect(self, total: int | None) -> None:
        """How many bytes there will be; None where nobody knows."""
        self._total = total

    def advance(self, count: int) -> None:
        """So many more bytes are done."""
        self._done += count
        now = time.monotonic()
        if not self._on or now - self._started < _DELAY or now - self._shown < 0.1:
            return
        self._shown = now
        rate = self._done / (now - self._started)
        line = f"{self._what} {size(self._done)}"
        if self._total:
            share = min(1.0, self._done / self._total)
            full = round(share * 24)
            left = max(0.0, (self._total - self._done) / rate) if rate else 0.0
            line = (
                f"{self._what} [{'█' * full}{'·' * (24 - full)}] {share:4.0%} of {size(self._total)}, {left:.0f} s left"
            )
        sys.stderr.write(f"\r\x1b[K{line}")
        sys.stderr.flush()
