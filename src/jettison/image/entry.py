"""Entries: the members of a layer, as its index keeps them."""

from __future__ import annotations

import msgspec

FILE, HARDLINK, SYMLINK, CHARACTER, BLOCK, DIRECTORY, FIFO = range(7)
"""Kinds of entries, numbered as tar numbers them."""

KIND_NAMES = ("file", "hard link", "symbolic link", "character device", "block device", "directory", "fifo")

WHITEOUT = b".wh."
OPAQUE = b".wh..wh..opq"


class Entry(msgspec.Struct, array_like=True, gc=False, frozen=True):
    """One member of a layer. Paths are bytes without leading or trailing `/`; the root is b"".

    `size` counts the file's bytes as a reader sees them (holes of a sparse file included), `mode` the permission bits
    with setuid, setgid and sticky, `mtime` nanoseconds. `sha256` is the content's digest (32 bytes; empty for all but
    files). `start` is where the member's first header stands in the uncompressed layer, `end` where the next one can:
    their difference is what the member weighs there.
    """

    path: bytes
    kind: int
    size: int
    mode: int
    uid: int
    gid: int
    mtime: int
    start: int
    end: int
    link: bytes = b""
    sha256: bytes = b""
    device: tuple[int, int] | None = None
    xattrs: dict[str, bytes] | None = None

    @property
    def name(self) -> bytes:
        """The last component of the path."""
        return self.path.rpartition(b"/")[2]

    @property
    def parent(self) -> bytes:
        """The path without its last component."""
        return self.path.rpartition(b"/")[0]

    @property
    def whiteout(self) -> bytes | None:
        """The path that this entry removes from lower layers; None for anything but a plain whiteout."""
        head, slash, name = self.path.rpartition(b"/")
        if not name.startswith(WHITEOUT) or name == OPAQUE or self.path.startswith(WHITEOUT + WHITEOUT):
            return None
        return head + slash + name[len(WHITEOUT) :]

    @property
    def opaque(self) -> bytes | None:
        """The directory whose lower content this entry hides; None for anything but an opaque marker."""
        head, _, name = self.path.rpartition(b"/")
        return head if name == OPAQUE else None

    @property
    def metadata(self) -> tuple[object, ...]:
        """All that a reader can see of the entry but its content, name and time."""
        return (self.kind, self.mode, self.uid, self.gid, self.link, self.device, self.xattrs)


def show(path: bytes) -> str:
    """A path for people: undecodable bytes and control characters written as \\xNN."""
    text = path.decode("utf-8", "backslashreplace")
    return text if text.isprintable() else "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in text)
