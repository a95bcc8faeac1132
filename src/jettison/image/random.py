"""Random images on demand: everything that layers are known to hold, from a seed.

Whiteouts, opaque directories, hard links, long names (pax and GNU), times and xattrs in pax, sparse files in all three
forms, devices, fifos, empty layers, changes of type, names that are not UTF-8, members twice in one layer. The same
seed gives the same bytes.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from jettison.image import dialects, tar
from jettison.image.compose import DEFAULT_PLATFORM, compose
from jettison.image.entry import BLOCK, CHARACTER, DIRECTORY, FIFO, FILE, HARDLINK, OPAQUE, SYMLINK, WHITEOUT, Entry

if TYPE_CHECKING:
    from collections.abc import Callable

    from jettison.image.image import Image
    from jettison.oci.platform import Platform

_PLAIN_NAMES = ("etc", "bin", "usr", "lib", "share", "doc", "cache", "a", "b", "c", "README.md", "data.bin", "lib.so.6")
_SHOWY_NAMES = ("with space", "ünïcödé", "日本語", "emoji-🚢", "new\nline", "tab\there", "quote'\"", "back\\slash", "*")
_NAMES = (*_PLAIN_NAMES, *_SHOWY_NAMES, "-dash", ".hidden", "wh.", ".wh", "wh.x.wh.", "semi;colon")
_ODD_NAMES = (b"\xff\xfe", b"caf\xe9", b"a" * 120, b"\xc3\xa9" * 60, b"z" * 255)
_TIMES = (0, 1, 1_700_000_000, -1, 2**33, 1_500_000_000)


def random_image(
    seed: int,
    *,
    layers: int | None = None,
    members: int = 24,
    compression: str | None = None,
    platform: Platform = DEFAULT_PLATFORM,
    names: tuple[str, ...] = ("docker.io/library/random:latest",),
) -> Image:
    """An image of `layers` layers (default: 1 to 5), each of some `members` members, in memory."""
    dice = random.Random(seed)
    disk = _Disk(dice)
    count = dice.randint(1, 5) if layers is None else layers
    tars = [disk.layer(members) for _ in range(count)]
    history: list[str | None] = []
    for number in range(count):
        history.append(f"RUN step {number}")
        if dice.random() < 0.3:
            history.append(None)
    return compose(
        tars,
        reference=f"random:{seed}",
        names=names,
        created_by=history,
        container={"Cmd": ["/bin/sh"], "Env": ["PATH=/bin"]},
        platform=platform,
        compression=compression,
    )


def random_layer(seed: int, members: int = 24) -> bytes:
    """The tar of one layer."""
    return _Disk(random.Random(seed)).layer(members)


class _Disk:
    """What the layers written so far have put where, so that later ones change, link and remove what is there."""

    def __init__(self, dice: random.Random) -> None:
        self._dice = dice
        self._directories: list[bytes] = [b""]
        self._files: list[bytes] = []

    def layer(self, members: int) -> bytes:
        """The tar of one more layer."""
        dice = self._dice
        if dice.random() < 0.08:
            return tar.END
        here: list[bytes] = []
        parts = [dialects.pax_global()] if dice.random() < 0.2 else []
        if dice.random() < 0.2:
            parts.append(dialects.member(self._entry(b"", DIRECTORY)))
        for _ in range(dice.randint(1, members)):
            step = dice.choices(_STEPS, _WEIGHTS)[0]
            parts.append(step(self, here))
        trailer = bytes(512 * dice.choice((0, 0, 0, 18))) + (b"after the end" if dice.random() < 0.1 else b"")
        return b"".join([*parts, tar.END, trailer])

    def _path(self, *, fresh: bool = True) -> bytes:
        dice = self._dice
        if not fresh and self._files and dice.random() < 0.8:
            return dice.choice(self._files)
        name = dice.choice(_ODD_NAMES) if dice.random() < 0.12 else dice.choice(_NAMES).encode()
        parent = dice.choice(self._directories)
        return (parent + b"/" + name if parent else name) if len(parent) < 600 else name

    def _entry(self, path: bytes, kind: int, size: int = 0, link: bytes = b"") -> Entry:
        dice = self._dice
        large = dice.random() < 0.1
        xattrs = {"user.note": bytes([dice.randrange(256), 10, 61]), "security.capability": b"\x01\0\0\x02"}
        return Entry(
            path=path,
            kind=kind,
            size=size,
            mode=dice.choice((0o644, 0o755, 0o4755, 0o1777, 0o600, 0)),
            uid=2_500_000_000 if large else dice.choice((0, 1000, 65534)),
            gid=2_500_000_001 if large else dice.choice((0, 1000, 65534)),
            mtime=dice.choice(_TIMES) * 10**9 + dice.choice((0, 0, 0, 123_456_789, 500_000_000)),
            start=0,
            end=0,
            link=link,
            device=(dice.randrange(300), dice.randrange(1 << 18)) if kind in (CHARACTER, BLOCK) else None,
            xattrs=xattrs if dice.random() < 0.1 else None,
        )

    def _body(self) -> bytes:
        dice = self._dice
        size = dice.choice((0, 1, 511, 512, 513, 3000, 20_000))
        return dice.randbytes(size) if dice.random() < 0.5 else b"text " * (size // 5)

    def _written(self, here: list[bytes], path: bytes) -> None:
        here.append(path)
        self._files.append(path)
        if path in self._directories and path:
            self._directories.remove(path)

    def directory(self, here: list[bytes]) -> bytes:
        path = self._path(fresh=self._dice.random() < 0.8)
        if path not in self._directories:
            self._directories.append(path)
        if path in here:
            here.remove(path)
        return dialects.member(self._entry(path, DIRECTORY))

    def file(self, here: list[bytes]) -> bytes:
        path, body = self._path(fresh=self._dice.random() < 0.6), self._body()
        self._written(here, path)
        return dialects.member(self._entry(path, FILE, len(body)), body)

    def gnu(self, here: list[bytes]) -> bytes:
        path, body = self._path(), self._body()
        self._written(here, path)
        plain = Entry(path, FILE, len(body), 0o644, 0, 0, 10**18, 0, 0)
        if len(path) < 100 and self._dice.random() < 0.3:
            return dialects.old_v7(plain, body) if path.isascii() else dialects.gnu_long(plain, body)
        return dialects.gnu_long(plain, body)

    def sparse(self, here: list[bytes]) -> bytes:
        dice, path = self._dice, self._path()
        self._written(here, path)
        extents, position = [], 0
        for _ in range(dice.choice((0, 1, 3, 5, 30))):
            position += dice.randrange(1, 9) * 512
            extents.append((position, dice.randbytes(512)))
            position += 512
        entry = Entry(path, FILE, position + dice.randrange(5000), 0o600, 0, 0, 10**18, 0, 0)
        form = dice.randrange(3)
        if form == 2 and len(path) < 100 and path.isascii():
            return dialects.sparse_old(entry, extents)
        return dialects.sparse_pax(entry, extents, version=form % 2)

    def symlink(self, here: list[bytes]) -> bytes:
        path = self._path()
        self._written(here, path)
        target = self._dice.choice((b"/etc/passwd", b"../../../../etc", b"a", b".", b"\xe9", b"t" * 150, path))
        return dialects.member(self._entry(path, SYMLINK, link=target))

    def hardlink(self, here: list[bytes]) -> bytes:
        if not here:
            return self.file(here)
        target, path = self._dice.choice(here), self._path()
        if path == target:
            return self.file(here)
        self._written(here, path)
        return dialects.member(self._entry(path, HARDLINK, link=target))

    def special(self, here: list[bytes]) -> bytes:
        path = self._path()
        self._written(here, path)
        return dialects.member(self._entry(path, self._dice.choice((CHARACTER, BLOCK, FIFO))))

    def whiteout(self, here: list[bytes]) -> bytes:
        head, slash, name = self._path(fresh=self._dice.random() < 0.2).rpartition(b"/")
        return dialects.member(self._entry(head + slash + WHITEOUT + name[:200], FILE))

    def opaque(self, here: list[bytes]) -> bytes:
        directory = self._dice.choice(self._directories)
        return dialects.member(self._entry(directory + b"/" + OPAQUE if directory else OPAQUE, FILE))


_STEPS: tuple[Callable[[_Disk, list[bytes]], bytes], ...] = (
    _Disk.directory,
    _Disk.file,
    _Disk.gnu,
    _Disk.sparse,
    _Disk.symlink,
    _Disk.hardlink,
    _Disk.special,
    _Disk.whiteout,
    _Disk.opaque,
)
_WEIGHTS = (6, 12, 2, 2, 3, 3, 1, 3, 1)
