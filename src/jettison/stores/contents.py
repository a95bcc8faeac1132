"""Contents: the named files of a directory or of an archive, which is all that an image layout needs to know of either.

An OCI layout is the same in a directory, in a tar, and in a compressed tar; `layout` and `docker_archive` read them
through this.
"""

from __future__ import annotations

import os
import posixpath
import stat
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

from jettison.errors import ImageError, InputError, JettisonError, NotFound
from jettison.image.archive import normalise
from jettison.image.entry import FILE, HARDLINK, KIND_NAMES, SYMLINK, show
from jettison.image.members import walk
from jettison.image.source import FileSource, read_all
from jettison.oci.decode import MAX_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jettison.image.archive import Member
    from jettison.image.source import Source

CONTROL = (b"manifest.json", b"index.json", b"oci-layout")
"""Documents of which an archive may hold one each: with two, every tool would choose its own."""

_MAX_LINKS = 8


class Contents(Protocol):
    """Files by their path, with `/` between components."""

    @property
    def where(self) -> str:
        """The directory's or the archive's path, for messages."""

    def has(self, path: str) -> bool:
        """True when there is something at `path`."""

    def source(self, path: str) -> Source:
        """The file at `path`. Raises `NotFound`, or `ImageError` for anything but a file."""


def read(contents: Contents, path: str, what: str) -> bytes:
    """A small document. Raises `InputError` naming the place."""
    with located(contents.where):
        return read_all(contents.source(path), MAX_BYTES, what)


@contextmanager
def located(where: str) -> Iterator[None]:
    """Give errors that name no place the place `where`."""
    try:
        yield
    except JettisonError as error:
        error.where = error.where or where
        raise


class Directory:
    """The files below a directory. Links inside it are followed, links that lead out of it are refused."""

    def __init__(self, path: str) -> None:
        self.where = path
        self._root = os.path.realpath(path)

    def has(self, path: str) -> bool:
        """True when there is something at `path`."""
        return os.path.lexists(os.path.join(self._root, path))

    def source(self, path: str) -> FileSource:
        """The file at `path`. Raises `NotFound` or `ImageError`."""
        full = os.path.realpath(os.path.join(self._root, path))
        if not full.startswith(self._root.rstrip("/") + "/"):
            raise ImageError(f"{path} is a link that leads out of the layout", where=self.where)
        try:
            status = os.stat(full)
        except FileNotFoundError:
            raise NotFound(f"{path} is missing", where=self.where) from None
        except OSError as error:
            raise InputError(f"{path} cannot be read: {error.strerror}", where=self.where) from None
        if not stat.S_ISREG(status.st_mode):
            raise ImageError(f"{path} is not a regular file", where=self.where)
        return FileSource(full, 0, status.st_size)


class Links:
    """The links of an archive, and the kinds of what is no file; finds the member that a path leads to."""

    def __init__(self, where: str) -> None:
        self._where = where
        self._links: dict[bytes, tuple[int, bytes]] = {}
        self._others: dict[bytes, int] = {}
        self._control: set[bytes] = set()

    def note(self, member: Member) -> bool:
        """Take notice of a member; True for files, which the caller keeps. Raises `ImageError`."""
        entry = member.entry
        self._links.pop(entry.path, None)
        self._others.pop(entry.path, None)
        if entry.path in CONTROL:
            if entry.path in self._control:
                raise ImageError(f"two members are named {show(entry.path)}; tools would differ over which counts")
            self._control.add(entry.path)
        if entry.kind in (SYMLINK, HARDLINK):
            self._links[entry.path] = (entry.kind, entry.link)
        elif entry.kind != FILE:
            self._others[entry.path] = entry.kind
        elif member.holes is not None:
            raise ImageError(f"member {show(entry.path)} is stored sparse, which no engine reads")
        return entry.kind == FILE

    def lead(self, path: str) -> bytes:
        """The member that `path` leads to, links followed. Raises `ImageError`."""
        with located(self._where):
            name = normalise(os.fsencode(path), -1) if ".." not in path else os.fsencode(path)
            for _ in range(_MAX_LINKS):
                if name in self._others:
                    raise ImageError(f"{show(name)} is a {KIND_NAMES[self._others[name]]}, not a file")
                if name not in self._links:
                    return name
                kind, target = self._links[name]
                base = posixpath.dirname(name) if kind == SYMLINK else b""
                target = posixpath.normpath(posixpath.join(base, target))
                if target.startswith((b"/", b"../")) or target == b"..":
                    raise ImageError(f"{show(name)} is a link that leads out of the archive")
                name = target
            raise ImageError(f"{path} is a link through more than {_MAX_LINKS} others")


class Archive:
    """The members of an uncompressed tar, found by its headers; bodies are ranges of the file."""

    def __init__(self, path: str) -> None:
        self.where = path
        self._links = Links(path)
        self._files: dict[bytes, tuple[int, int]] = {}
        with located(path):
            for member in walk(path):
                if self._links.note(member):
                    self._files[member.entry.path] = (member.body, member.stored)
                else:
                    self._files.pop(member.entry.path, None)

    def has(self, path: str) -> bool:
        """True when there is a file at `path`, or a link to one."""
        return self._links.lead(path) in self._files

    def source(self, path: str) -> FileSource:
        """The file at `path`. Raises `NotFound` or `ImageError`."""
        found = self._files.get(self._links.lead(path))
        if found is None:
            raise NotFound(f"{path[:200]} is missing", where=self.where)
        return FileSource(self.where, *found)
