"""Images from a few words: layers as dicts, written by the standard library's tarfile, read by Jettison.

A layer maps paths to what is there: bytes make a file; `directory()`, `link(target)`, `hard(target)`, `device()` and
`file(data, mode=…)` the rest; `GONE` a whiteout of the path; `OPAQUE` an opaque directory.
"""

from __future__ import annotations

import io
import tarfile
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from jettison.analysis import Analysis, analyze, probes
from jettison.image.cache import Cache
from jettison.image.compose import compose
from jettison.image.indexer import Indexer

if TYPE_CHECKING:
    from jettison.image.image import Image
    from jettison.image.index import LayerIndex

Member = bytes | tarfile.TarInfo | tuple[tarfile.TarInfo, bytes]
Layer = Mapping[str, Member] | Sequence[tuple[str, Member]]

GONE = tarfile.TarInfo(".wh.")
OPAQUE = tarfile.TarInfo(".wh..wh..opq")


def file(
    data: bytes, *, mode: int = 0o644, uid: int = 0, gid: int = 0, mtime: int = 0
) -> tuple[tarfile.TarInfo, bytes]:
    """A file with attributes."""
    info = tarfile.TarInfo()
    info.mode, info.uid, info.gid, info.mtime = mode, uid, gid, mtime
    return info, data


def _special(kind: bytes, target: str = "", mode: int = 0o755) -> tarfile.TarInfo:
    info = tarfile.TarInfo()
    info.type, info.linkname, info.mode = kind, target, mode
    return info


def directory(mode: int = 0o755) -> tarfile.TarInfo:
    """A directory."""
    return _special(tarfile.DIRTYPE, mode=mode)


def link(target: str) -> tarfile.TarInfo:
    """A symbolic link."""
    return _special(tarfile.SYMTYPE, target)


def hard(target: str) -> tarfile.TarInfo:
    """A hard link."""
    return _special(tarfile.LNKTYPE, target)


def fifo() -> tarfile.TarInfo:
    """A fifo."""
    return _special(tarfile.FIFOTYPE)


def tar(layer: Layer, *, format: int = tarfile.PAX_FORMAT, headers: dict[str, str] | None = None) -> bytes:
    """The layer's tar, its members in the order given."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=format, pax_headers=headers or {}) as archive:
        for path, member in layer.items() if isinstance(layer, Mapping) else layer:
            info, body = _member(path, member)
            archive.addfile(info, io.BytesIO(body))
    return out.getvalue()


def _member(path: str, member: Member) -> tuple[tarfile.TarInfo, bytes]:
    body = b""
    if isinstance(member, bytes):
        info, body = tarfile.TarInfo(), member
    elif isinstance(member, tuple):
        info, body = tarfile.TarInfo(), member[1]
        for name in ("mode", "uid", "gid", "mtime", "type", "linkname", "pax_headers"):
            setattr(info, name, getattr(member[0], name))
    else:
        info = tarfile.TarInfo()
        for name in ("mode", "uid", "gid", "mtime", "type", "linkname"):
            setattr(info, name, getattr(member, name))
    head, slash, last = path.rpartition("/")
    if member is GONE:
        path = head + slash + ".wh." + last
    elif member is OPAQUE:
        path += "/.wh..wh..opq"
    info.name, info.size = path, len(body)
    return info, body


def image(*layers: Layer | bytes, commands: Sequence[str | None] | None = None, **options: Any) -> Image:
    """An image of these layers, from the base up; `commands` is the history (None: a step without a layer)."""
    return compose(
        [layer if isinstance(layer, bytes) else tar(layer) for layer in layers], created_by=commands, **options
    )


def indexes(*layers: Layer | bytes) -> list[LayerIndex]:
    """The indexes of such layers."""
    return Indexer(probes(), Cache(None)).image(image(*layers))


def analysis(*layers: Layer | bytes, **options: Any) -> Analysis:
    """The analysis of an image of these layers."""
    return analyze(image(*layers, **options), indexer=Indexer(probes(), Cache(None)))


def booked(found: Analysis) -> dict[str, tuple[str, int]]:
    """Path → (kind, raw bytes) of all that is waste; a path that is waste twice is written with its layer."""
    out: dict[str, tuple[str, int]] = {}
    for waste in found.waste:
        for item in waste.items:
            path = item.path.decode()
            out[f"{path}@{item.layer}" if path in out else path] = (waste.kind.name, item.raw)
    return out


def kinds(*layers: Layer | bytes, **options: Any) -> dict[str, str]:
    """Path → kind of all that is waste in such an image."""
    return {path: kind for path, (kind, _) in booked(analysis(*layers, **options)).items()}
