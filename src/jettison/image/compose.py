"""Composing an image from the tars of its layers: configuration and manifest are written to match."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from jettison.image import codec
from jettison.image.image import assemble
from jettison.image.source import BytesSource
from jettison.oci import media_types
from jettison.oci.descriptor import Descriptor
from jettison.oci.digest import Digest
from jettison.oci.manifest import Manifest
from jettison.oci.platform import Platform

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from jettison.image.image import Image

_MEDIA_TYPES = {
    None: media_types.OCI_LAYER,
    "gzip": media_types.OCI_LAYER_GZIP,
    "zstd": media_types.OCI_LAYER_ZSTD,
}
DEFAULT_PLATFORM = Platform(os="linux", architecture="amd64")


def compose(
    tars: Sequence[bytes],
    *,
    reference: str = "composed",
    names: Sequence[str] = (),
    created_by: Sequence[str | None] | None = None,
    container: Mapping[str, Any] | None = None,
    platform: Platform = DEFAULT_PLATFORM,
    compression: str | None = None,
) -> Image:
    """An image in memory whose layers are `tars`, from the base up, packed with `compression`.

    `created_by` gives the history: one text a layer, with None standing after a text for one more step that owns no
    layer. `container` is the configuration's `config` object, as the specification has it.
    """
    config = {
        "architecture": platform.architecture,
        "os": platform.os,
        **({"variant": platform.variant} if platform.variant else {}),
        "created": "1970-01-01T00:00:00Z",
        "config": dict(container or {}),
        "rootfs": {"type": "layers", "diff_ids": [str(Digest.of(tar)) for tar in tars]},
        "history": _history(created_by, len(tars)),
    }
    config_bytes = msgspec.json.encode(config)
    blobs = [tar if compression is None else b"".join(codec.compress([tar], compression)) for tar in tars]
    manifest = Manifest(
        media_type=media_types.OCI_MANIFEST,
        config=describe(config_bytes, media_types.OCI_CONFIG),
        layers=[describe(blob, _MEDIA_TYPES[compression]) for blob in blobs],
    )
    sources = [BytesSource(blob) for blob in blobs]
    return assemble(reference, encode(manifest), config_bytes, sources, names=names)


def describe(data: bytes, media_type: str) -> Descriptor:
    """The descriptor of a blob in memory."""
    return Descriptor(media_type=media_type, digest=str(Digest.of(data)), size=len(data))


def encode(document: Manifest | msgspec.Struct) -> bytes:
    """A document of ours as JSON, with the schema version that `omit_defaults` leaves out."""
    return msgspec.json.encode({"schemaVersion": 2, **msgspec.to_builtins(document)})


def _history(created_by: Sequence[str | None] | None, layers: int) -> list[dict[str, Any]]:
    steps: list[dict[str, Any]] = []
    for text in created_by if created_by is not None else [f"layer {number}" for number in range(layers)]:
        if text is None:
            steps.append({"created_by": "CMD", "empty_layer": True})
        else:
            steps.append({"created": "1970-01-01T00:00:00Z", "created_by": text})
    return steps
