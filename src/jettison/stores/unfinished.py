"""Unfinished files and directories: what is written beside its target until it is complete, and then renamed.

Their names begin with `.jettison-`, and each is locked as long as its writer lives. A kill at any moment leaves them
unlocked; the next run that writes there knows them by that, and sweeps them away.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import stat
import tempfile
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PREFIX = ".jettison-"
"""How their names begin."""


@contextlib.contextmanager
def directory(parent: str) -> Iterator[str]:
    """A new directory in `parent`, for its owner only, gone at the end unless it was renamed. Raises `OSError`."""
    sweep(parent)
    with _locked(lambda: tempfile.mkdtemp(dir=parent, prefix=PREFIX)) as path:
        yield path


@contextlib.contextmanager
def file(parent: str) -> Iterator[str]:
    """A new, empty file in `parent`, for its owner only, gone at the end unless it was renamed. Raises `OSError`."""
    sweep(parent)
    with _locked(lambda: _file(parent)) as path:
        yield path


def _file(parent: str) -> str:
    descriptor, path = tempfile.mkstemp(dir=parent, prefix=PREFIX)
    os.close(descriptor)
    return path


@contextlib.contextmanager
def _locked(make: Callable[[], str]) -> Iterator[str]:
    path, descriptor = make(), -1
    while not _is_at(descriptor := _lock(path), path):  # somebody swept before the lock was there
        if descriptor >= 0:
            os.close(descriptor)
        path = make()
    try:
        yield path
    finally:
        _remove(path)
        os.close(descriptor)


def _lock(path: str) -> int:
    """A descriptor that holds the lock; where the file system knows no locks, nobody sweeps either."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except FileNotFoundError:
        return -1
    with contextlib.suppress(OSError):
        fcntl.flock(descriptor, fcntl.LOCK_EX)
    return descriptor


def _is_at(descriptor: int, path: str) -> bool:
    try:
        return descriptor >= 0 and os.path.samestat(os.fstat(descriptor), os.lstat(path))
    except FileNotFoundError:
        return False


def sweep(parent: str) -> None:
    """Remove from `parent` what dead writers of the same user left there. Never raises."""
    try:
        names = [name for name in os.listdir(parent) if name.startswith(PREFIX)]
    except OSError:
        return
    for name in names:
        path = os.path.join(parent, name)
        with contextlib.suppress(OSError):
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
            try:
                if os.fstat(descriptor).st_uid == os.geteuid():
                    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    _remove(path)
            finally:
                os.close(descriptor)


def _remove(path: str) -> None:
    with contextlib.suppress(OSError):
        if stat.S_ISDIR(os.lstat(path).st_mode):
            _remove_tree(path)
        else:
            os.unlink(path)


def _remove_tree(root: str) -> None:
    """Remove a directory however deep, also where its modes keep its owner out; links are not followed."""
    folders = [root]
    for folder in folders:  # grows while it is walked
        with contextlib.suppress(OSError):
            os.chmod(folder, 0o700)
            with os.scandir(folder) as children:
                for child in children:
                    if child.is_dir(follow_symlinks=False):
                        folders.append(child.path)
                    else:
                        os.unlink(child.path)
    for folder in reversed(folders):
        with contextlib.suppress(OSError):
            os.rmdir(folder)
