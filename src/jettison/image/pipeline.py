"""Running a layer's steps side by side: reading and inflating, hashing, looking into it.

All heavy steps (read, inflate, hash) release the interpreter's lock, so threads are enough, and a pipeline inside one
layer beats a layer per thread: one layer often holds most of the image. Only a few pieces are ever under way, so memory
stays flat.
"""

from __future__ import annotations

import sys
import threading
from queue import SimpleQueue
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

T = TypeVar("T")

DEPTH = 3
"""Pieces that wait between two steps."""


def _settle_allocator() -> None:
    """Make the C library (glibc; others are left alone) fit for pieces of a megabyte that come and go by the thousand.

    It would hand each one's memory back to the kernel and take it anew, page fault by page fault, until it has seen a
    block go that is nearly as large as its limit. And it would give each thread a heap of its own, of which each keeps
    what another one's pieces left behind: a third of the peak.
    """
    _ = bytes(31 << 20)
    del _
    if sys.platform == "linux":
        import ctypes

        mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
        if mallopt is not None:
            mallopt(_M_ARENA_MAX, 1)


_M_ARENA_MAX = -8
"""glibc's malloc.h; musl's mallopt does not exist, and others ignore what they do not know."""

_settle_allocator()


class _End:
    """Stands behind the last item."""

    __slots__ = ("error",)

    def __init__(self, error: BaseException | None = None) -> None:
        self.error = error


class _Bounded(Generic[T]):
    """A queue of at most `DEPTH` items, made of two that are written in C: `queue.Queue` costs five times as much."""

    def __init__(self) -> None:
        self.items: SimpleQueue[T | _End] = SimpleQueue()
        self.permits: SimpleQueue[None] = SimpleQueue()
        for _ in range(DEPTH):
            self.permits.put(None)

    def put(self, item: T) -> None:
        self.permits.get()
        self.items.put(item)


class Ahead(Generic[T]):
    """Runs an iterator in a thread of its own, up to `DEPTH` items ahead of whoever iterates over this.

    An error of the iterator is raised here. Leaving the `with` block ends the thread.
    """

    def __init__(self, items: Iterator[T]) -> None:
        self._items = items
        self._queue: _Bounded[T] = _Bounded()
        self._stopped = False
        self._thread = threading.Thread(target=self._run, name="jettison-read", daemon=True)

    def __enter__(self) -> Ahead[T]:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped = True
        self._queue.permits.put(None)
        self._thread.join()

    def _run(self) -> None:
        error: BaseException | None = None
        try:
            for item in self._items:
                self._queue.put(item)
                if self._stopped:
                    break
        except BaseException as caught:
            error = caught
        finally:
            close = getattr(self._items, "close", None)
            if close is not None:
                close()
        self._queue.items.put(_End(error))

    def __iter__(self) -> Iterator[T]:
        queue = self._queue
        while True:
            item = queue.items.get()
            if isinstance(item, _End):
                if item.error is not None:
                    raise item.error
                return
            yield item
            queue.permits.put(None)


class Beside(Generic[T]):
    """Calls `step` on every item given to `feed`, in order, in a thread of its own.

    Leaving the `with` block waits for the rest, and raises what `step` raised.
    """

    def __init__(self, step: Callable[[T], object]) -> None:
        self._step = step
        self._queue: _Bounded[T] = _Bounded()
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="jettison-hash", daemon=True)

    def __enter__(self) -> Beside[T]:
        self._thread.start()
        return self

    def feed(self, item: T) -> None:
        """Hand over one item; waits while `DEPTH` others do."""
        self._queue.put(item)

    def __exit__(self, *_: object) -> None:
        self._queue.items.put(_End())
        self._thread.join()
        if self._error is not None:
            raise self._error

    def _run(self) -> None:
        queue = self._queue
        while not isinstance(item := queue.items.get(), _End):
            if self._error is None:
                try:
                    self._step(item)
                except BaseException as caught:
                    self._error = caught
            queue.permits.put(None)
