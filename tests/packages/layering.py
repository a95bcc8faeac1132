"""Inventories from a few words: layers as dicts of paths, or as directories of real files, written by `tarfile`."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from jettison.image import index
from jettison.image.layer import Layer
from jettison.image.probe import ProbeSet
from jettison.image.source import BytesSource
from jettison.image.tree import Tree, stack
from jettison.oci.digest import Digest
from jettison.packages import Inventory, Package, inventory, probes

if TYPE_CHECKING:
    from collections.abc import Mapping

PROBES = ProbeSet(probes())


class Link(NamedTuple):
    """A symbolic link to `target`; a hard link where `hard`."""

    target: str
    hard: bool = False


Content = bytes | Link | None
"""A file's bytes, a link, or None for a directory. `.wh.NAME` with b"" is a whiteout."""


def tar(files: Mapping[str, Content] | Path) -> bytes:
    """A layer's tar."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as archive:
        if isinstance(files, Path):
            archive.add(files, arcname=".")
            return buffer.getvalue()
        for path, content in files.items():
            info = tarfile.TarInfo(path)
            if isinstance(content, bytes):
                info.size = len(content)
                archive.addfile(info, io.BytesIO(content))
                continue
            info.type = tarfile.DIRTYPE
            if content is not None:
                info.type, info.linkname = tarfile.LNKTYPE if content.hard else tarfile.SYMTYPE, content.target
            archive.addfile(info)
    return buffer.getvalue()


def indexes(*layers: Mapping[str, Content] | Path | bytes) -> list[index.LayerIndex]:
    """The indexes of layers, given from the base up."""
    tars = [layer if isinstance(layer, bytes) else tar(layer) for layer in layers]
    return [index.build(Layer(Digest(""), BytesSource(data)), PROBES) for data in tars]


def take(*layers: Mapping[str, Content] | Path | bytes, base_layers: int = 1) -> tuple[Tree, Inventory]:
    """The tree of the layers, and what is installed in it."""
    read = indexes(*layers)
    tree = stack(read)
    return tree, inventory(tree, read, base_layers)


def installed(*layers: Mapping[str, Content] | Path | bytes, base_layers: int = 1) -> dict[str, Package]:
    """What is installed, by name."""
    return {package.name: package for package in take(*layers, base_layers=base_layers)[1].packages}
