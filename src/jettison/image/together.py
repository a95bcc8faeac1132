"""Work on several things at once, in threads; the first failure stops the rest."""

from __future__ import annotations

import threading
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from typing import TYPE_CHECKING, TypeVar

from jettison.errors import JettisonError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

T = TypeVar("T")
R = TypeVar("R")


class Stopped(JettisonError):
    """Something else failed; this need not go on."""


class Told:
    """Passes on how many bytes are done with, from any thread, to one listener; raises `Stopped` once all is lost."""

    def __init__(self, told: Callable[[int], None] | None) -> None:
        self._told = told or (lambda count: None)
        self._lock = threading.Lock()
        self.stop = threading.Event()

    def __call__(self, count: int) -> None:
        if self.stop.is_set():
            raise Stopped("given up, since something else failed")
        with self._lock:
            self._told(count)


def together(work: Callable[[T], R], items: Iterable[T], told: Told, at_once: int) -> list[R]:
    """`work` on each of the items, `at_once` at a time; the results in order. Raises the first failure.

    `work` calls `told` every now and then, by which it learns that it need not go on.
    """
    with ThreadPoolExecutor(at_once, "jettison-together") as pool:
        futures = [pool.submit(work, item) for item in items]
        try:
            wait(futures, return_when=FIRST_EXCEPTION)
        finally:
            if not all(future.done() and not future.exception() for future in futures):
                told.stop.set()
                pool.shutdown(cancel_futures=True)
    errors = [error for future in futures if not future.cancelled() and (error := future.exception())]
    for error in sorted(errors, key=lambda error: isinstance(error, Stopped)):
        raise error
    return [future.result() for future in futures]
