"""`dir:DIRECTORY`: a root file system as an image of one layer, and any image's final tree as a root file system.

The layer is a tar of the directory, written while it is read: names in byte order, owners, modes, times, hard links,
devices and extended attributes as they are on disk, nothing followed. Other file systems mounted below are left out
(their mount points stay), so are sockets. The configuration is this machine's platform and nothing else.
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from jettison.errors import InputError, NotFound, UsageError
from jettison.image import tar
from jettison.image.entry import (
    BLOCK,
    CHARACTER,
    DIRECTORY,
    FIFO,
    FILE,
    HARDLINK,
    SYMLINK,
    WHITEOUT,
    Entry,
    show,
)
from jettison.image.image import Image
from jettison.image.indexer import Indexer
from jettison.image.layer import Layer
from jettison.image.source import CHUNK
from jettison.image.tree import stack
from jettison.oci import config as configs
from jettison.oci.digest import Digest
from jettison.oci.platform import host
from jettison.stores import Listing, outputs
from jettison.stores.unpacking import unpack
from jettison.stores.writing import KEEP

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jettison.oci.platform import Platform
    from jettison.oci.reference import Reference

_KINDS = {
    stat.S_IFREG: FILE,
    stat.S_IFDIR: DIRECTORY,
    stat.S_IFLNK: SYMLINK,
    stat.S_IFCHR: CHARACTER,
    stat.S_IFBLK: BLOCK,
    stat.S_IFIFO: FIFO,
}
_HOST_ATTRIBUTES = ("security.selinux", "trusted.overlay.", "user.overlay.")
"""Extended attributes that belong to this machine and not to the files."""


def open_image(reference: Reference, platform: Platform | None, indexer: Indexer) -> Image:
    """The directory as an image; reads it once, to know the layer's digest. Raises `InputError`."""
    root = _demand_directory(reference.location)
    source = RootFileSystem(os.fsencode(root))
    index = indexer.absorb(source, where=root)
    diff_id = Digest.parse(index.diff_id)
    there = platform or host()
    config_bytes = msgspec.json.encode(
        {
            "architecture": there.architecture,
            "os": there.os,
            **({"variant": there.variant} if there.variant else {}),
            "rootfs": {"type": "layers", "diff_ids": [str(diff_id)]},
        }
    )
    return Image(
        reference=str(reference),
        config=configs.parse(config_bytes),
        config_bytes=config_bytes,
        layers=(Layer(diff_id, source),),
    )


def list_images(reference: Reference) -> Iterator[Listing]:
    """The directory itself, unread. Raises `InputError`."""
    root = _demand_directory(reference.location)
    yield Listing(names=(os.path.basename(root.rstrip("/")),), id="", platform=str(host()))


def _demand_directory(path: str) -> str:
    if not os.path.isdir(path):
        raise NotFound("is not a directory" if os.path.exists(path) else "does not exist", where=path)
    if os.path.isfile(os.path.join(path, "version")) and os.path.isfile(os.path.join(path, "manifest.json")):
        raise InputError(
            "is an image in skopeo's own directory format, not a root file system",
            where=path,
            hint="copy it with skopeo to oci:DIRECTORY",
        )
    return path


@dataclass(frozen=True, slots=True)
class RootFileSystem:
    """The tar of the tree below `root`, made anew each time it is read."""

    root: bytes

    @property
    def size(self) -> None:
        """Unknown before it is read."""
        return None

    def chunks(self) -> Iterator[bytes]:
        """The tar. Raises `InputError` naming the file that cannot be read, or that changed meanwhile."""
        yield from tar.pack(_Walk(self.root).members())


class _Walk:
    """One walk over the tree, remembering which inodes it met."""

    def __init__(self, root: bytes) -> None:
        self._root = root
        self._met: dict[tuple[int, int], bytes] = {}

    def members(self) -> Iterator[tuple[Entry, Iterator[bytes]]]:
        todo: list[tuple[bytes, int | None]] = [(b"", None)]
        while todo:
            path, device = todo.pop()
            status = self._lstat(path)
            kind = _KINDS.get(stat.S_IFMT(status.st_mode))
            if kind is None:
                continue
            yield self._entry(path, kind, status), self._body(path, status.st_size)
            if kind == DIRECTORY and device in (None, status.st_dev):
                children = self._children(path)
                todo += [(path + b"/" + name if path else name, status.st_dev) for name in reversed(children)]

    def _full(self, path: bytes) -> bytes:
        return self._root + b"/" + path if path else self._root

    def _failure(self, path: bytes, error: OSError) -> InputError:
        hint = "read it as root, or from a copy that you own" if isinstance(error, PermissionError) else None
        return InputError(f"{show(path) or '.'} cannot be read: {error.strerror}", where=show(self._root), hint=hint)

    def _lstat(self, path: bytes) -> os.stat_result:
        try:
            return os.stat(self._root) if not path else os.lstat(self._full(path))
        except OSError as error:
            raise self._failure(path, error) from None

    def _children(self, path: bytes) -> list[bytes]:
        try:
            names = sorted(os.listdir(self._full(path)))
        except OSError as error:
            raise self._failure(path, error) from None
        for name in names:
            if name.startswith(WHITEOUT):
                full = show(path + b"/" + name)
                raise InputError(f"{full}: a layer cannot hold this name, it means a removal", where=show(self._root))
        return names

    def _entry(self, path: bytes, kind: int, status: os.stat_result) -> Entry:
        link = self._met.setdefault((status.st_dev, status.st_ino), path) if self._linked(kind, status) else path
        if link != path:
            kind = HARDLINK
        elif kind == SYMLINK:
            link = self._read_link(path)
        return Entry(
            path=path,
            kind=kind,
            size=status.st_size if kind == FILE else 0,
            mode=stat.S_IMODE(status.st_mode),
            uid=status.st_uid,
            gid=status.st_gid,
            mtime=status.st_mtime_ns,
            start=0,
            end=0,
            link=link if kind in (HARDLINK, SYMLINK) else b"",
            device=(os.major(status.st_rdev), os.minor(status.st_rdev)) if kind in (CHARACTER, BLOCK) else None,
            xattrs=self._attributes(path) if kind in (FILE, DIRECTORY) else None,
        )

    def _linked(self, kind: int, status: os.stat_result) -> bool:
        return kind != DIRECTORY and status.st_nlink > 1

    def _read_link(self, path: bytes) -> bytes:
        try:
            return os.readlink(self._full(path))
        except OSError as error:
            raise self._failure(path, error) from None

    def _attributes(self, path: bytes) -> dict[str, bytes] | None:
        """The extended attributes that can be read; a file system without any gives none."""
        full, found = self._full(path), {}
        try:
            for name in os.listxattr(full, follow_symlinks=False):
                if not name.startswith(_HOST_ATTRIBUTES):
                    found[name] = os.getxattr(full, name, follow_symlinks=False)
        except (OSError, AttributeError):
            return found or None
        return found or None

    def _body(self, path: bytes, size: int) -> Iterator[bytes]:
        """The file's first `size` bytes: a log that grows meanwhile is cut there, one that shrinks is an error."""
        try:
            descriptor = os.open(self._full(path), os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
        except OSError as error:
            raise self._failure(path, error) from None
        try:
            while size and (chunk := os.read(descriptor, min(CHUNK, size))):
                size -= len(chunk)
                yield chunk
        except OSError as error:
            raise self._failure(path, error) from None
        finally:
            os.close(descriptor)


def write_image(image: Image, reference: Reference, *, compression: str = KEEP) -> tuple[str, ...]:
    """Write what the image shows into a new directory; tells what this user could not make. Raises `InputError`.

    The directory is made beside and moved there when it is complete. Nothing but files is kept: no configuration.
    """
    if compression not in (KEEP, "none"):
        raise UsageError(f"{compression!r}: a root file system has no layers to pack", where=str(reference))
    tree = stack(Indexer().image(image))
    with outputs.new_directory(reference.location) as beside:
        return unpack(image, tree, beside)
