"""Unpacking an image into a directory: its final tree, as far as this user may make it.

Safe for hostile images by order: directories are made first, then files, each of them new (`O_EXCL`) in a directory
that was made here; symbolic links come after everything that could be led astray by one, and nothing is written
through them. Owners, attributes, modes and times are set last, those of directories from the inside out.
"""

from __future__ import annotations

import ctypes
import errno
import hashlib
import os
import stat
from collections import Counter
from typing import TYPE_CHECKING

from msgspec.structs import replace

from jettison.errors import DigestMismatch, ImageError
from jettison.image.archive import Reader, Stream
from jettison.image.entry import BLOCK, CHARACTER, FIFO, FILE, HARDLINK, SYMLINK, show
from jettison.stores.outputs import write_all

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from jettison.image.archive import Member
    from jettison.image.entry import Entry
    from jettison.image.image import Image
    from jettison.image.layer import Layer
    from jettison.image.tree import Node, Tree

_REFUSALS = (errno.EPERM, errno.EACCES, errno.EINVAL, errno.ENOTSUP, errno.ENOSYS)
"""What systems answer to an owner, a device or an attribute that this user may not give, or that cannot be kept."""


def unpack(image: Image, tree: Tree, root: str) -> tuple[str, ...]:
    """Write what `tree` shows of `image` into the empty directory `root`.

    Returns what could not be kept, in sentences. Raises `OSError`, `ImageError`, `DigestMismatch`.
    """
    return _Unpacking(image, tree, os.fsencode(root)).run()


class _Unpacking:
    def __init__(self, image: Image, tree: Tree, root: bytes) -> None:
        self._image = image
        self._root = root
        self._nodes = sorted(tree.nodes.items())
        self._inodes: dict[int, Node] = {}
        self._shown: dict[int, list[Node]] = {}
        """Each inode, by its object's id, and the nodes that show it: the first is made, the others are links to it."""
        self._lost: Counter[str] = Counter()
        self._examples: dict[str, bytes] = {}

    def run(self) -> tuple[str, ...]:
        for path, node in self._nodes:
            if node.children is None:
                self._inodes[id(node.inode)] = node.inode
                self._shown.setdefault(id(node.inode), []).append(node)
            elif path:
                os.mkdir(self._full(path), 0o700)
        self._write_files()
        self._make_others()
        self._link_and_dress()
        for path, node in reversed(self._nodes):
            if node.children is not None:
                self._dress(path, node.entry)
        _settle(self._root)
        return tuple(self._notes())

    def _full(self, path: bytes) -> bytes:
        return self._root + b"/" + path if path else self._root

    def _write_files(self) -> None:
        wanted: dict[int, dict[int, bytes]] = {}
        for key, inode in self._inodes.items():
            if inode.entry.kind == FILE:
                wanted.setdefault(inode.layer, {})[inode.number] = self._shown[key][0].entry.path
        entries = {(inode.layer, inode.number): inode.entry for inode in self._inodes.values()}
        for number, files in sorted(wanted.items()):
            _each(
                self._image.layers[number],
                files,
                lambda n, path, member, stream, layer=number: _write(  # type: ignore[misc]
                    self._full(path), entries[layer, n], member, stream
                ),
                f"{self._image.reference}: layer {number}",
            )

    def _make_others(self) -> None:
        for key, inode in self._inodes.items():
            entry, name = inode.entry, self._shown[key][0].entry.path
            path = self._full(name)
            if entry.kind == SYMLINK:
                os.symlink(entry.link, path)
            elif entry.kind == FIFO:
                os.mkfifo(path, 0o600)
            elif entry.kind in (CHARACTER, BLOCK):
                kind = stat.S_IFCHR if entry.kind == CHARACTER else stat.S_IFBLK
                device = os.makedev(*(entry.device or (0, 0)))
                self._try(name, "devices were left out", lambda: os.mknod(path, kind | 0o600, device))  # noqa: B023
            elif entry.kind == HARDLINK:
                self._lose("hard links to nothing were left out", name)

    def _link_and_dress(self) -> None:
        for key, inode in self._inodes.items():
            first, *others = self._shown[key]
            if not os.path.lexists(self._full(first.entry.path)):
                continue
            for node in others:
                os.link(self._full(first.entry.path), self._full(node.entry.path), follow_symlinks=False)
            self._dress(first.entry.path, _dressed(inode, self._shown[key]))

    def _dress(self, path: bytes, entry: Entry) -> None:
        """Owner, attributes, mode and time, in the order in which none undoes another."""
        full, mode = self._full(path), entry.mode
        status = os.lstat(full)
        if (status.st_uid, status.st_gid) != (entry.uid, entry.gid) and not self._try(
            path,
            "owners could not be given",
            lambda: os.chown(full, entry.uid, entry.gid, follow_symlinks=False),
        ):
            if mode & 0o6000:
                self._lose("setuid and setgid bits were left out, since the owner is another", path)
            mode &= ~0o6000
        for name, value in (entry.xattrs or {}).items():
            self._try(
                path,
                f"attributes {name.partition('.')[0]}.* could not be set",
                lambda name=name, value=value: os.setxattr(full, name, value, follow_symlinks=False),  # type: ignore[misc]
            )
        if not stat.S_ISLNK(status.st_mode):
            os.chmod(full, mode)
        os.utime(full, ns=(entry.mtime, entry.mtime), follow_symlinks=False)

    def _try(self, path: bytes, what: str, action: Callable[[], None]) -> bool:
        try:
            action()
        except OSError as error:
            if error.errno not in _REFUSALS:
                raise
            self._lose(what, path)
            return False
        return True

    def _lose(self, what: str, path: bytes) -> None:
        self._lost[what] += 1
        self._examples.setdefault(what, path)

    def _notes(self) -> Iterable[str]:
        for what, count in sorted(self._lost.items()):
            yield f"{what}: {count:,} paths, such as {show(self._examples[what]) or '.'}" + (
                "" if os.geteuid() == 0 else " (only root may)"
            )


def _dressed(inode: Node, shown: list[Node]) -> Entry:
    """What engines leave a file with: each hard link's header is put on it, in the order of the layers."""
    nodes = [inode, *sorted(shown, key=lambda node: (node.layer, node.number))]
    attributes = {name: value for node in nodes for name, value in (node.entry.xattrs or {}).items()}
    return replace(nodes[-1].entry, xattrs=attributes or None)


def _each(
    layer: Layer, wanted: dict[int, bytes], write: Callable[[int, bytes, Member, Stream], None], where: str
) -> None:
    """Call `write` for each wanted member of a layer, by its number. Raises `ImageError`."""
    stream, left = Stream(layer.uncompressed()), len(wanted)
    try:
        for number, member in enumerate(Reader(stream)):
            if number in wanted:
                write(number, wanted[number], member, stream)
                left -= 1
            if not left:
                return
            stream.skip(member.entry.end - stream.position)
    except ImageError as error:
        error.where = error.where or where
        raise
    raise ImageError("it has fewer members than when it was indexed", where=where, hint="it changed while it was read")


def _write(path: bytes, entry: Entry, member: Member, stream: Stream) -> None:
    """Write a file's content from the stream, verified against its digest where it has no holes."""
    if (member.entry.size, member.entry.kind) != (entry.size, FILE):
        raise DigestMismatch(f"{show(entry.path)} is another file than when the layer was indexed")
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        if member.holes is not None:
            for offset, length in member.holes:
                os.lseek(descriptor, offset, os.SEEK_SET)
                for part in stream.parts(length):
                    write_all(descriptor, part)
            os.ftruncate(descriptor, entry.size)
            return
        hashing = hashlib.sha256()
        for part in stream.parts(member.stored):
            hashing.update(part)
            write_all(descriptor, part)
    finally:
        os.close(descriptor)
    if hashing.digest() != entry.sha256:
        raise DigestMismatch(f"{show(entry.path)} has not the content that it had when the layer was indexed")


def _settle(root: bytes) -> None:
    """See to it that everything is on the disk: one call for the file system, not one a file."""
    descriptor = os.open(root, os.O_RDONLY | os.O_DIRECTORY)
    try:
        if ctypes.CDLL(None, use_errno=True).syncfs(descriptor) != 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))
    except AttributeError:  # not on Linux
        os.sync()
    finally:
        os.close(descriptor)
