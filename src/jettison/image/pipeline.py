"""Running a layer's steps side by side: reading and inflating, hashing, looking into it.

All heavy steps (inflate, hash) release the interpreter's lock, so threads are enough, and a pipeline inside one layer
beats a layer per thread: one layer often holds most of the image. Queues are short, so memory stays flat.
"""

from __future__ import annotations

import queue
import threading
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

T = TypeVar("T")

DEPTH = 8
"""Pieces that wait between two steps."""


class _End:
    __slots__ = ("error",)

    def __init__(self, error: BaseException | None) -> None:
        self.error = error


class Ahead(Generic[T]):
    """Runs an iterator in a thread of its own, up to `DEPTH` items ahead of whoever iterates over this.

    An error of the iterator is raised here. Leaving the `with` block ends the thread.
    """

    def __init__(self, items: Iterator[T]) -> None:
        self._items = items
        self._queue: queue.Queue[T | _End] = queue.Queue(DEPTH)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="jettison-read", daemon=True)

    def __enter__(self) -> Ahead[T]:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        while self._thread.is_alive():
            try:
                self._queue.get_nowait()
            except queue.Empty:
                self._thread.join(0.01)

    def _run(self) -> None:
        error: BaseException | None = None
        try:
            for item in self._items:
                self._queue.put(item)
                if self._stop.is_set():
                    return
        except BaseException as caught:
            error = caught
        finally:
            close = getattr(self._items, "close", None)
            if close is not None:
                close()
        self._queue.put(_End(error))

    def __iter__(self) -> Iterator[T]:
        while True:
            item = self._queue.get()
            if isinstance(item, _End):
                if item.error is not None:
                    raise item.error
                return
            yield item


class Beside(Generic[T]):
    """Calls `step` on every item given to `feed`, in order, in a thread of its own.

    Leaving the `with` block waits for the rest, unless by an error.
    """

    def __init__(self, step: Callable[[T], object]) -> None:
        self._step = step
        self._queue: queue.Queue[T | _End] = queue.Queue(DEPTH)
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="jettison-hash", daemon=True)

    def __enter__(self) -> Beside[T]:
        self._thread.start()
        return self

    def feed(self, item: T) -> None:
        """Hand over one item; waits while `DEPTH` others do."""
        self._queue.put(item)

    def __exit__(self, *_: object) -> None:
        self._queue.put(_End(None))
        self._thread.join()
        if self._error is not None:
            raise self._error

    def _run(self) -> None:
        while not isinstance(item := self._queue.get(), _End):
            if self._error is None:
                try:
                    self._step(item)
                except BaseException as caught:
                    self._error = caught
