"""Image manifests: the configuration and the layers of one image, for one platform."""

from __future__ import annotations

import msgspec

from jettison.errors import ImageError
from jettison.oci import media_types
from jettison.oci.decode import decode
from jettison.oci.descriptor import Descriptor


class Manifest(msgspec.Struct, frozen=True, omit_defaults=True, rename="camel"):
    """An OCI image manifest or Docker's schema 2; `layers` count from the base up."""

    config: Descriptor
    layers: list[Descriptor] = []
    schema_version: int = 2
    media_type: str = ""
    artifact_type: str | None = None
    subject: Descriptor | None = None
    annotations: dict[str, str] | None = None

    @property
    def is_image(self) -> bool:
        """False for artefacts: signatures, SBOMs, charts and attestations that use the manifest's form."""
        return self.config.media_type in media_types.CONFIGS


class _Version(msgspec.Struct):
    schemaVersion: int = 2


def parse(data: bytes, *, where: str | None = None) -> Manifest:
    """The manifest in `data`. Raises `ImageError` for anything else, naming what it is."""
    version = decode(data, _Version, what="manifest", where=where).schemaVersion
    if version != 2:
        raise ImageError(
            f"a manifest of schema {version}; only schema 2 and OCI manifests are read",
            where=where,
            hint="pull and push the image again with a current engine",
        )
    manifest = decode(data, Manifest, what="manifest", where=where)
    for descriptor in (manifest.config, *manifest.layers):
        descriptor.checked_digest()
        if descriptor.size < 0:
            raise ImageError(f"the descriptor of {descriptor.digest} has no valid size", where=where)
    return manifest
