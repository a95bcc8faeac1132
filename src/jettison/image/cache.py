"""The cache of layer indexes and weights: computed once, kept by `diff_id`, shared by every image and every process.

Files are written beside and renamed, so concurrent runs see whole files or none; a file that cannot be read is a miss.
The oldest files go when the cache outgrows its bound. `JETTISON_CACHE` moves it, `JETTISON_CACHE=off` disables it,
`JETTISON_CACHE_BYTES` bounds it (default 1 GiB).
"""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from pathlib import Path
from typing import TypeVar

import msgspec

_FORMAT = "1"
_ENCODER = msgspec.msgpack.Encoder()


def default_directory() -> Path | None:
    """Where caches live: `JETTISON_CACHE`, else the platform's place; None when it is switched off."""
    chosen = os.environ.get("JETTISON_CACHE")
    if chosen == "off":
        return None
    if chosen:
        return Path(chosen)
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "jettison"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "jettison"


T = TypeVar("T")


class Cache:
    """What was computed of layers, one file an answer, named by the layer's digest and what was asked."""

    def __init__(self, directory: Path | None, bound: int | None = None) -> None:
        self._directory = directory / f"layers-{_FORMAT}" if directory else None
        self._bound = bound or int(os.environ.get("JETTISON_CACHE_BYTES", 1 << 30))

    def get(self, digest: str, question: str, kind: type[T]) -> T | None:
        """The kept answer to `question` about the layer `digest`, or None."""
        if self._directory is None:
            return None
        path = self._directory / f"{digest.partition(':')[2]}-{question}"
        try:
            data = path.read_bytes()
            os.utime(path)
            return msgspec.msgpack.decode(data, type=kind)
        except (OSError, msgspec.MsgspecError, ValueError):
            return None

    def put(self, digest: str, question: str, answer: object) -> None:
        """Keep an answer. A cache that cannot be written (read-only home, full disk) costs time, not the answer."""
        if self._directory is None:
            return
        with contextlib.suppress(OSError):
            self._directory.mkdir(parents=True, exist_ok=True, mode=0o700)
            write_atomically(self._directory / f"{digest.partition(':')[2]}-{question}", _ENCODER.encode(answer))
            self._trim(self._directory)

    def _trim(self, directory: Path) -> None:
        files = []
        for file in os.scandir(directory):
            with contextlib.suppress(OSError):
                status = file.stat()
                files.append((status.st_mtime, status.st_size, file.path))
        total = sum(size for _, size, _ in files)
        for _, size, path in sorted(files):
            if total <= self._bound:
                break
            with contextlib.suppress(OSError):
                os.unlink(path)
            total -= size


def write_atomically(path: Path, data: bytes) -> None:
    """Write beside and rename: readers see the old file or the new one, never a part. Raises `OSError`."""
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=".tmp-")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise
