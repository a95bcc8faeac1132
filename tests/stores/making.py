"""Archives and layouts by hand, for tests of what no writer of ours writes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from jettison.image import dialects, tar
from jettison.image.compose import compose, describe
from jettison.image.entry import FILE, Entry
from jettison.oci import media_types
from jettison.oci.digest import Digest
from jettison.stores.layout import path_of
from jettison.stores.writing import encode_index

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from jettison.image.image import Image
    from jettison.oci.descriptor import Descriptor


def entry(path: bytes, kind: int = FILE, size: int = 0, link: bytes = b"") -> Entry:
    """An entry of no special owner or time."""
    return Entry(path, kind, size, 0o644, 0, 0, 0, 0, 0, link=link)


def file(path: str, body: bytes) -> bytes:
    """A file as a tar member."""
    return dialects.member(entry(path.encode(), size=len(body)), body)


def link(path: str, target: str, kind: int) -> bytes:
    """A link as a tar member."""
    return dialects.member(entry(path.encode(), kind, link=target.encode()))


def layer(*members: bytes) -> bytes:
    """A layer's tar."""
    return b"".join([*members, tar.END])


def simple(text: str = "hello", **more: Any) -> Image:
    """An image of one layer with one file."""
    return compose([layer(file("hello.txt", text.encode()))], **more)


def write_tar(path: Path, *members: bytes) -> Path:
    """An archive of those members."""
    path.write_bytes(layer(*members))
    return path


def blobs(*documents: bytes) -> dict[str, bytes]:
    """Blobs by their paths in a layout."""
    return {path_of(Digest.of(data)): data for data in documents}


def blobs_of(image: Image) -> dict[str, bytes]:
    """All blobs of an image: layers, configuration, manifest."""
    layers = [b"".join(one.source.chunks()) for one in image.layers]
    return blobs(*layers, image.config_bytes, image.manifest_bytes or b"")


def entry_of(image: Image, **more: Any) -> Descriptor:
    """The descriptor of an image's manifest."""
    import msgspec

    described = describe(image.manifest_bytes or b"", media_types.OCI_MANIFEST)
    return msgspec.structs.replace(described, **more)


def index_of(*entries: Descriptor) -> bytes:
    """An image index."""
    return encode_index(entries)


def write_layout(folder: Path, files: Mapping[str, bytes]) -> Path:
    """A layout directory with those files; `oci-layout` is added."""
    for name, data in {"oci-layout": b'{"imageLayoutVersion":"1.0.0"}', **files}.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return folder


def saved(*images: tuple[str, list[str], list[str]]) -> bytes:
    """A `manifest.json`: configuration, layers, names of each image."""
    return json.dumps([{"Config": c, "Layers": ls, "RepoTags": names} for c, ls, names in images]).encode()
