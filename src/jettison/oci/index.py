"""Image indexes (Docker: manifest lists): one entry a platform, and which of them serves a wish."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from jettison.errors import NotFound
from jettison.oci import media_types
from jettison.oci.decode import decode
from jettison.oci.descriptor import Descriptor

if TYPE_CHECKING:
    from jettison.oci.platform import Platform


class Index(msgspec.Struct, frozen=True, omit_defaults=True, rename="camel"):
    """An OCI image index, an OCI layout's `index.json`, or Docker's manifest list."""

    manifests: list[Descriptor]
    schema_version: int = 2
    media_type: str = ""
    annotations: dict[str, str] | None = None

    @property
    def images(self) -> list[Descriptor]:
        """The entries that can be images: no attestations."""
        return [entry for entry in self.manifests if not entry.is_attestation]


def parse(data: bytes, *, where: str | None = None) -> Index:
    """The index in `data`. Raises `ImageError`."""
    index = decode(data, Index, what="image index", where=where)
    for descriptor in index.manifests:
        descriptor.checked_digest()
    return index


def is_index(media_type: str, data: bytes) -> bool:
    """True when the document is an index; decided by its content where the media type is missing or generic."""
    if media_type in media_types.INDEXES:
        return True
    if media_type in media_types.MANIFESTS:
        return False
    shape = decode(data, _Shape, what="manifest")
    return shape.mediaType in media_types.INDEXES or (shape.manifests is not None and shape.layers is None)


class _Shape(msgspec.Struct):
    mediaType: str = ""
    manifests: list[msgspec.Raw] | None = None
    layers: list[msgspec.Raw] | None = None


def choose(index: Index, wanted: Platform, *, where: str | None = None, exact: bool = False) -> Descriptor:
    """The entry of `index` that serves `wanted`; the only image there is, when nobody insisted (`exact` is False).

    Raises `NotFound` naming the platforms that there are.
    """
    for entry in index.images:
        if entry.platform is not None and entry.platform.serves(wanted):
            return entry
    images = index.images
    if len(images) == 1 and (not exact or images[0].platform is None):
        return images[0]
    there = ", ".join(str(entry.platform or "unnamed") for entry in images) or "none"
    raise NotFound(
        f"no image for {wanted}; there are: {there}", where=where, hint="choose one with --platform" if images else None
    )
