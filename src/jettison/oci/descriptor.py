"""Descriptors: what a manifest or an index says of a blob."""

from __future__ import annotations

import msgspec

from jettison.oci.digest import Digest
from jettison.oci.platform import Platform

REFERENCE_NAME = "org.opencontainers.image.ref.name"
"""The annotation under which an OCI layout's index names its images."""


class Descriptor(msgspec.Struct, frozen=True, omit_defaults=True, rename="camel"):
    """A blob's media type, digest and size in bytes, with what else is said of it."""

    media_type: str = ""
    digest: str = ""
    size: int = -1
    urls: list[str] | None = None
    annotations: dict[str, str] | None = None
    platform: Platform | None = None
    artifact_type: str | None = None
    data: str | None = None

    @property
    def name(self) -> str | None:
        """The image's name or tag in an OCI layout's index, where it has one."""
        return (self.annotations or {}).get(REFERENCE_NAME)

    @property
    def is_attestation(self) -> bool:
        """True for BuildKit's attestation manifests, which hold provenance and SBOMs, not an image."""
        kind = (self.annotations or {}).get("vnd.docker.reference.type")
        return kind == "attestation-manifest" or (self.platform is not None and not self.platform.known)

    def checked_digest(self) -> Digest:
        """The digest, known to be well formed. Raises `ImageError`."""
        return Digest.parse(self.digest)
