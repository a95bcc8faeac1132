"""Images on demand for the laws of rewriting: random ones, also with hard links that agree as real tools write them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from jettison.image import tar
from jettison.image.archive import Reader, Stream
from jettison.image.cache import Cache
from jettison.image.compose import compose
from jettison.image.entry import FILE, HARDLINK, Entry
from jettison.image.indexer import Indexer
from jettison.image.random import random_image

if TYPE_CHECKING:
    from jettison.image.image import Image


def indexer() -> Indexer:
    """One that keeps nothing on disk."""
    return Indexer(cache=Cache(None))


def agreeing_image(seed: int, *, layers: int | None = None, compression: str | None = None) -> Image:
    """A random image in which each hard link's header says what its target's does."""
    image = random_image(seed, layers=layers)
    return compose(
        [_agreeing(b"".join(layer.uncompressed())) for layer in image.layers],
        reference=f"agreeing:{seed}",
        created_by=[step.created_by or "x" for step in image.config.steps if not step.empty_layer],
        container={"Cmd": ["/bin/sh"]},
        compression=compression,
    )


def _agreeing(data: bytes) -> bytes:
    stream = Stream(iter([data]))
    now: dict[bytes, Entry] = {}
    parts = []
    for member in Reader(stream):
        entry = member.entry
        stream.skip(entry.end - stream.position)
        target = now.get(entry.link) if entry.kind == HARDLINK else None
        if target is not None:
            entry = msgspec.structs.replace(
                entry, mode=target.mode, uid=target.uid, gid=target.gid, mtime=target.mtime, xattrs=None
            )
            parts.append(tar.header(entry))
            now[entry.path] = target
        else:
            parts.append(data[entry.start : entry.end])
            now[entry.path] = entry
    return b"".join([*parts, tar.END])


def image_of(*layers: list[tuple[Entry, bytes]], compression: str | None = None) -> Image:
    """An image of these members."""
    return compose(
        [b"".join(tar.pack((entry, [body]) for entry, body in members)) for members in layers], compression=compression
    )


def file(path: str, body: bytes = b"", **fields: object) -> tuple[Entry, bytes]:
    """A file."""
    return _entry(path, FILE, len(body), **fields), body


def other(path: str, kind: int, **fields: object) -> tuple[Entry, bytes]:
    """Anything else."""
    return _entry(path, kind, 0, **fields), b""


def _entry(path: str, kind: int, size: int, **fields: object) -> Entry:
    plain = Entry(path.encode(), kind, size, 0o755 if kind == 5 else 0o644, 0, 0, 10**18, 0, 0)
    return msgspec.structs.replace(plain, **fields)
