"""Outputs: a directory or an archive that comes into being whole or not at all.

Everything is written beside the target, under a name that starts with a dot, synced, and renamed when it is complete.
An error, or a kill at any moment, leaves what was there before (and, after a kill, the unfinished file beside it).
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import tempfile
from typing import TYPE_CHECKING, Protocol

from jettison.errors import InputError, UsageError
from jettison.image import tar
from jettison.oci.digest import Digest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import BinaryIO


class Output(Protocol):
    """Named files that are written one after the other."""

    def add(self, path: str, data: bytes) -> None:
        """Write a small file."""

    def add_blob(self, chunks: Iterable[bytes], name: Callable[[Digest], str]) -> tuple[Digest, int]:
        """Write what streams by, under the name that its sha256 digest gives it. Returns the digest and the size.

        What was written before under the same name is kept, and the second copy dropped.
        """


@contextlib.contextmanager
def directory(path: str) -> Iterator[Output]:
    """A new directory at `path`. Raises `UsageError` where something is there already, `InputError` on failures."""
    if os.path.lexists(path) and not (os.path.isdir(path) and not os.path.islink(path) and not os.listdir(path)):
        raise UsageError("exists already, and is not an empty directory", where=path)
    with _failures(path):
        beside = tempfile.mkdtemp(dir=_parent(path), prefix=f".{os.path.basename(path.rstrip('/'))}-")
        try:
            yield _Directory(beside)
            os.chmod(beside, 0o777 & ~_umask())
            os.rename(beside, path.rstrip("/"))
            _sync(_parent(path))
        except BaseException:
            shutil.rmtree(beside, ignore_errors=True)
            raise


@contextlib.contextmanager
def archive(path: str) -> Iterator[Output]:
    """A tar at `path`; a file that is there is replaced (a link's target, not the link). Raises `InputError`.

    A directory, a device or a pipe is refused: renaming would put a file in its place.
    """
    path = os.path.realpath(path)
    if os.path.isdir(path):
        raise UsageError("is a directory, not an archive", where=path)
    if os.path.exists(path) and not os.path.isfile(path):
        raise UsageError("is a device or a pipe, which an archive cannot take the place of", where=path)
    with _failures(path):
        descriptor, beside = tempfile.mkstemp(dir=_parent(path), prefix=f".{os.path.basename(path)}-")
        try:
            with os.fdopen(descriptor, "w+b", buffering=1 << 20) as file:
                yield _Archive(file)
                file.write(tar.END)
                file.flush()
                os.fsync(file.fileno())
            os.chmod(beside, 0o666 & ~_umask())
            os.replace(beside, path)
            _sync(_parent(path))
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(beside)
            raise


class _Directory:
    def __init__(self, root: str) -> None:
        self._root = root

    def add(self, path: str, data: bytes) -> None:
        self._write(path, [data])

    def add_blob(self, chunks: Iterable[bytes], name: Callable[[Digest], str]) -> tuple[Digest, int]:
        digest, size = self._write(".blob", chunks)
        target = os.path.join(self._root, name(digest))
        os.makedirs(os.path.dirname(target), exist_ok=True)
        os.rename(os.path.join(self._root, ".blob"), target)
        return digest, size

    def _write(self, path: str, chunks: Iterable[bytes]) -> tuple[Digest, int]:
        full = os.path.join(self._root, path)
        os.makedirs(os.path.dirname(full), exist_ok=True)
        hashing, size = hashlib.sha256(), 0
        with open(full, "wb", buffering=0) as file:
            for chunk in chunks:
                hashing.update(chunk)
                size += len(chunk)
                write_all(file.fileno(), chunk)
            os.fsync(file.fileno())
        return Digest("sha256:" + hashing.hexdigest()), size


class _Archive:
    """Headers are written over once the body's digest and size are known: nothing is buffered or written twice."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._written: set[str] = set()

    def add(self, path: str, data: bytes) -> None:
        self._written.add(path)
        self._file.write(tar.file_header(path.encode(), len(data)) + data + tar.padding(len(data)))

    def add_blob(self, chunks: Iterable[bytes], name: Callable[[Digest], str]) -> tuple[Digest, int]:
        start = self._file.tell()
        self._file.write(tar.file_header(b"", 0))
        hashing, size = hashlib.sha256(), 0
        for chunk in chunks:
            hashing.update(chunk)
            size += len(chunk)
            self._file.write(chunk)
        digest = Digest("sha256:" + hashing.hexdigest())
        path = name(digest)
        if path in self._written:
            self._file.seek(start)
            self._file.truncate()
            return digest, size
        self._written.add(path)
        self._file.write(tar.padding(size))
        end = self._file.tell()
        self._file.seek(start)
        self._file.write(tar.file_header(path.encode(), size))
        self._file.seek(end)
        return digest, size


@contextlib.contextmanager
def _failures(path: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise InputError(f"cannot be written: {error.strerror}", where=path) from None


def _parent(path: str) -> str:
    return os.path.dirname(os.path.abspath(path.rstrip("/") or path))


def _umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


def _sync(folder: str) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_all(descriptor: int, chunk: bytes) -> None:
    """Write every byte, however many turns that takes."""
    view = memoryview(chunk)
    while view:
        view = view[os.write(descriptor, view) :]
