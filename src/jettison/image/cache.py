"""The cache of what was computed of layers: kept by digest for ever, shared by every image and every process.

One file an answer. Files are written beside and renamed, so that concurrent runs see whole files or none, and carry
the version that wrote them and a checksum: what another version wrote, or a disk spoiled, is a miss. The files that
were not used for longest go when the cache outgrows its bound. `JETTISON_CACHE` moves the cache, `JETTISON_CACHE=off`
disables it, `JETTISON_CACHE_BYTES` bounds it (default 1 GiB).
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import sys
from pathlib import Path
from typing import TypeVar

import msgspec

from jettison import __version__
from jettison.errors import ConfigError

_ENCODER = msgspec.msgpack.Encoder()
_FORMAT = 3
"""Raised when what is kept gets another meaning within a version."""
_STAMP = f"jettison {__version__} {_FORMAT}\n".encode()
_CHECKSUM = 32
_TRIM_EVERY = 16
"""The cache is looked over once this part of its bound has been written, and at the first writing of a process."""


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


def default_bound() -> int:
    """The most bytes that the cache may have: `JETTISON_CACHE_BYTES`, or 1 GiB. Raises `ConfigError`."""
    text = os.environ.get("JETTISON_CACHE_BYTES") or str(1 << 30)
    if not text.isdecimal():
        raise ConfigError(f"{text!r} is no number of bytes", where="JETTISON_CACHE_BYTES")
    return int(text)


T = TypeVar("T")


class Cache:
    """What was computed of layers, one file an answer, named by the layer's digest and what was asked."""

    def __init__(self, directory: Path | None, bound: int | None = None) -> None:
        self._directory = directory / "layers" if directory else None
        self._bound = default_bound() if bound is None else bound
        self._until_trim = 0

    def get(self, digest: str, question: str, kind: type[T]) -> T | None:
        """The kept answer to `question` about the layer `digest`, or None."""
        if self._directory is None:
            return None
        path = self._directory / _name(digest, question)
        try:
            answer = msgspec.msgpack.decode(_checked(path.read_bytes()), type=kind)
        except (OSError, msgspec.MsgspecError, ValueError, RecursionError):
            return None
        with contextlib.suppress(OSError):
            os.utime(path)
        return answer

    def put(self, digest: str, question: str, answer: object) -> None:
        """Keep an answer. A cache that cannot be written (read-only home, full disk) costs time, not the answer."""
        if self._directory is None:
            return
        data = _ENCODER.encode(answer)
        with contextlib.suppress(OSError):
            self._directory.mkdir(parents=True, exist_ok=True, mode=0o700)
            write_atomically(
                self._directory / _name(digest, question), b"".join((_STAMP, hashlib.sha256(data).digest(), data))
            )
            self._until_trim -= len(data)
            if self._until_trim < 0:
                self._trim(self._directory)
                self._until_trim = self._bound // _TRIM_EVERY

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


def _name(digest: str, question: str) -> str:
    """A file's name. Digests come from images: one that is none must not lead out of the directory."""
    plain = digest.rpartition(":")[2]
    return f"{plain if plain.isalnum() else hashlib.sha256(digest.encode()).hexdigest()}-{question}"


def _checked(data: bytes) -> memoryview:
    """What a file keeps. Raises `ValueError` where another version wrote it or its bytes have changed."""
    start = len(_STAMP) + _CHECKSUM
    kept = memoryview(data)[start:]
    if data[:start] != _STAMP + hashlib.sha256(kept).digest():
        raise ValueError("not what this version wrote")
    return kept


def write_atomically(path: Path, data: bytes, *, mode: int = 0o600) -> None:
    """Write beside and rename: readers see the old file or the new one, never a part. Raises `OSError`.

    Whatever stood at `path` is replaced, a device too: whoever takes paths from people looks first.
    """
    temporary = path.parent / f".tmp-{os.urandom(8).hex()}"
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            os.fchmod(file.fileno(), mode)
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise
