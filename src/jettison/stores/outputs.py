"""Outputs: a directory or an archive that comes into being whole or not at all.

Everything is written beside the target (`jettison.stores.unfinished`), synced, and renamed when it is complete. An
error, or a kill at any moment, leaves what was there before.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
from typing import TYPE_CHECKING, Protocol

from jettison.errors import InputError, UsageError
from jettison.image import tar
from jettison.oci.digest import Digest
from jettison.stores import unfinished

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from contextlib import AbstractContextManager
    from typing import BinaryIO

    from jettison.image.source import OwnSource


class Output(Protocol):
    """Named files that are written one after the other."""

    def add(self, path: str, data: bytes) -> None:
        """Write a small file."""

    def amend(self, path: str, change: Callable[[bytes | None], bytes]) -> None:
        """Write a small file anew, from what it is now (None: not there), after everything else."""

    def add_blob(
        self, chunks: Iterable[bytes], name: Callable[[Digest], str], expected: Digest | None = None
    ) -> tuple[Digest, int]:
        """Write what streams by, under the name that its sha256 digest gives it. Returns the digest and the size.

        What was written already under the same name is kept, and the second copy dropped. What is there with the
        `expected` digest is not even read.
        """

    def link(self, source: OwnSource, path: str) -> bool:
        """Give a blob that lies in a file of our own the name `path` as well; False where it must be copied."""


def layout(path: str) -> AbstractContextManager[Output]:
    """A new directory at `path`, or one more image for the OCI layout that is there. Raises as `directory` does."""
    if not os.path.isfile(os.path.join(path, "index.json")):
        return directory(path)
    return _amended(path)


@contextlib.contextmanager
def directory(path: str) -> Iterator[Output]:
    """A new directory at `path`. Raises `UsageError` where something is there already, `InputError` on failures."""
    with new_directory(path) as beside:
        yield _Directory(beside)
        os.chmod(beside, 0o777 & ~_umask())


@contextlib.contextmanager
def new_directory(path: str) -> Iterator[str]:
    """A directory to fill, which is moved to `path` at the end, with the mode and owner that it has then.

    Raises `UsageError` where something is there already, `InputError` on failures.
    """
    if os.path.lexists(path) and not (os.path.isdir(path) and not os.path.islink(path) and not os.listdir(path)):
        raise UsageError("exists already, and is not an empty directory", where=path)
    with failures(path), unfinished.directory(_parent(path)) as beside:
        yield beside
        os.rename(beside, path.rstrip("/"))
        sync(_parent(path))


@contextlib.contextmanager
def _amended(path: str) -> Iterator[Output]:
    """Blobs wait in a directory within the layout; the index changes last, in one rename, under a lock."""
    with failures(path), unfinished.directory(path) as beside:
        addition = _Addition(path, beside)
        yield addition
        addition.finish()


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
    with failures(path), unfinished.file(_parent(path)) as beside:
        with open(beside, "w+b", buffering=1 << 20) as file:
            yield _Archive(file)
            file.write(tar.END)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(beside, 0o666 & ~_umask())
        os.replace(beside, path)
        sync(_parent(path))


class _Directory:
    def __init__(self, root: str) -> None:
        self._root = root

    def add(self, path: str, data: bytes) -> None:
        self._write(path, [data])

    def amend(self, path: str, change: Callable[[bytes | None], bytes]) -> None:
        self.add(path, change(None))

    def add_blob(
        self, chunks: Iterable[bytes], name: Callable[[Digest], str], expected: Digest | None = None
    ) -> tuple[Digest, int]:
        digest, size = self._write(".blob", chunks)
        target = os.path.join(self._root, name(digest))
        os.makedirs(os.path.dirname(target), exist_ok=True)
        os.rename(os.path.join(self._root, ".blob"), target)
        return digest, size

    def link(self, source: OwnSource, path: str) -> bool:
        full = os.path.join(self._root, path)
        os.makedirs(os.path.dirname(full), exist_ok=True)
        try:
            with open(source.path, "rb", buffering=0) as file:
                os.fsync(file.fileno())
            os.link(source.path, full)
        except FileExistsError:
            return True
        except OSError:
            return False
        return True

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


_LAST = ".last"


class _Addition(_Directory):
    """What a layout gets: files that are moved there once all of them are complete."""

    def __init__(self, layout: str, beside: str) -> None:
        super().__init__(beside)
        self._layout = layout
        self._beside = beside
        self._changes: dict[str, Callable[[bytes | None], bytes]] = {}

    def amend(self, path: str, change: Callable[[bytes | None], bytes]) -> None:
        self._changes[path] = change

    def add_blob(
        self, chunks: Iterable[bytes], name: Callable[[Digest], str], expected: Digest | None = None
    ) -> tuple[Digest, int]:
        if expected is not None:
            there = os.path.join(self._layout, name(expected))
            if os.path.isfile(there) and expected.algorithm == "sha256":
                with open(there, "rb", buffering=0) as file:
                    found = Digest("sha256:" + hashlib.file_digest(file, "sha256").hexdigest())
                if found == expected:
                    return expected, os.path.getsize(there)
        return super().add_blob(chunks, name)

    def finish(self) -> None:
        """Move the files where they belong, and change those that are to be amended."""
        with _lock(self._layout):
            for path, change in self._changes.items():
                with open(os.path.join(self._layout, path), "rb") as file:
                    self._write(os.path.join(_LAST, path), [change(file.read())])
            self._move(self._beside)
            if self._changes:
                self._move(os.path.join(self._beside, _LAST))

    def _move(self, source: str) -> None:
        folders = {self._layout}
        for folder, below, names in os.walk(source):
            below[:] = [name for name in below if name != _LAST]
            target = os.path.normpath(os.path.join(self._layout, os.path.relpath(folder, source)))
            os.makedirs(target, exist_ok=True)
            folders.add(target)
            for name in names:
                os.chmod(os.path.join(folder, name), 0o666 & ~_umask())
                os.replace(os.path.join(folder, name), os.path.join(target, name))
        for target in folders:
            sync(target)


class _Archive:
    """Headers are written over once the body's digest and size are known: nothing is buffered or written twice."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._written: set[str] = set()

    def add(self, path: str, data: bytes) -> None:
        self._written.add(path)
        self._file.write(tar.file_header(path.encode(), len(data)) + data + tar.padding(len(data)))

    def amend(self, path: str, change: Callable[[bytes | None], bytes]) -> None:
        self.add(path, change(None))

    def add_blob(
        self, chunks: Iterable[bytes], name: Callable[[Digest], str], expected: Digest | None = None
    ) -> tuple[Digest, int]:
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

    def link(self, source: OwnSource, path: str) -> bool:
        return False


@contextlib.contextmanager
def failures(path: str) -> Iterator[None]:
    """Turn what the system refuses into an `InputError` that names `path`."""
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


@contextlib.contextmanager
def _lock(folder: str) -> Iterator[None]:
    """Held by one process at a time; where the file system knows no locks, by anybody."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        with contextlib.suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def sync(folder: str) -> None:
    """See to it that the names in a directory are on the disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_all(descriptor: int, chunk: bytes | memoryview) -> None:
    """Write every byte, however many turns that takes."""
    view = memoryview(chunk)
    while view:
        view = view[os.write(descriptor, view) :]
