"""Small images from a few words, and traces of runs that never were: what the closure makes of one path."""

from __future__ import annotations

import io
import tarfile
from typing import TYPE_CHECKING, Any

from jettison import slim
from jettison.analysis import probes
from jettison.image.cache import Cache
from jettison.image.compose import compose
from jettison.image.indexer import Indexer
from jettison.trace import Executed, Trace

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from jettison.image.image import Image
    from jettison.slim import Plan

Content = bytes | str | tuple[bytes, dict[str, int]] | None
"""A file's bytes, a link's target as text, bytes with `mode`, `uid` and `gid`, or None for a directory."""


def indexer() -> Indexer:
    """One that keeps nothing on disk."""
    return Indexer(probes(), Cache(None))


def layer(files: Mapping[str, Content]) -> bytes:
    """A layer's tar; parents are not added."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for path, content in files.items():
            info = tarfile.TarInfo(path)
            info.mtime = 1_700_000_000
            info.mode = 0o755
            if isinstance(content, str):
                info.type, info.linkname = tarfile.SYMTYPE, content
                archive.addfile(info)
                continue
            body, special = content if isinstance(content, tuple) else (content, {})
            for name, value in special.items():
                setattr(info, name, value)
            if body is None:
                info.type = tarfile.DIRTYPE
                archive.addfile(info)
            else:
                info.size = len(body)
                archive.addfile(info, io.BytesIO(body))
    return buffer.getvalue()


def image(*layers: Mapping[str, Content], history: Sequence[str] = (), **container: Any) -> Image:
    """An image of these layers; `container` is the configuration's `config` (`Cmd`, `Env`, …)."""
    told = list(history) or [f"RUN step {number}" for number in range(len(layers))]
    return compose([layer(files) for files in layers], created_by=told, container=container)


def trace(*read: str, executed: Sequence[str] = (), stat: Sequence[str] = (), listed: Sequence[str] = ()) -> Trace:
    """A trace in which these paths were read, run, looked up, listed."""
    paths: dict[str, frozenset[str]] = {}
    for names, access in ((read, "read"), (executed, "exec"), (stat, "stat"), (listed, "dir")):
        for name in names:
            paths[name] = paths.get(name, frozenset()) | {access}
    return Trace(paths=paths, executed=tuple(Executed(name, name) for name in executed))


def planned(of: Image, touched: Trace, **wishes: Any) -> Plan:
    """The plan for an image."""
    return slim.plan(of, touched, indexer=indexer(), **wishes)


def staying(plan: Plan) -> set[str]:
    """The paths that stay, directories left out."""
    nodes = plan.tree.nodes.items()
    return {path.decode() for path, node in nodes if path not in plan.gone and node.children is None}
