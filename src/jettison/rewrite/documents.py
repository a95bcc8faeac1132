"""Configuration and manifest of a rewritten image: what changed is changed, all else stays byte for byte.

Fields are kept as they stand in the JSON (numbers, escapes, fields that no specification knows), so that a HEALTHCHECK
or an engine's own additions come through untouched.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from jettison.oci import media_types
from jettison.oci.digest import Digest
from jettison.rewrite.estargz import TABLE_DIGEST

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from jettison.image.image import Image
    from jettison.oci.descriptor import Descriptor

Fields = dict[str, msgspec.Raw]

_AS_OCI = {
    media_types.DOCKER_LAYER: media_types.OCI_LAYER,
    media_types.DOCKER_LAYER_GZIP: media_types.OCI_LAYER_GZIP,
    media_types.DOCKER_LAYER_ZSTD: media_types.OCI_LAYER_ZSTD,
    media_types.DOCKER_FOREIGN_LAYER: "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
    media_types.DOCKER_CONFIG: media_types.OCI_CONFIG,
}
_LAYERS = {None: media_types.OCI_LAYER, "gzip": media_types.OCI_LAYER_GZIP, "zstd": media_types.OCI_LAYER_ZSTD}


@dataclass(frozen=True, slots=True)
class Step:
    """A step for the history: what was done, and whether it made a layer."""

    text: str
    comment: str = ""
    makes_layer: bool = False


def layer_type(packing: str | None) -> str:
    """The OCI media type of a layer that is packed so."""
    return _LAYERS[packing]


def raw(value: Any) -> msgspec.Raw:
    """A value as JSON."""
    return msgspec.Raw(msgspec.json.encode(value))


def configuration(image: Image, diff_ids: Sequence[str], standing: set[int], steps: Sequence[Step]) -> bytes:
    """The image's configuration with other layers.

    `standing` are the numbers of the image's layers that are still there, changed or not; steps that made one of the
    others are marked as empty. `steps` come after all others.
    """
    fields = msgspec.json.decode(image.config_bytes, type=Fields)
    rootfs = msgspec.json.decode(fields["rootfs"], type=Fields) if "rootfs" in fields else {"type": raw("layers")}
    rootfs["diff_ids"] = raw([str(diff_id) for diff_id in diff_ids])
    fields["rootfs"] = raw(rootfs)
    history = msgspec.json.decode(fields["history"], type=list[Fields] | None) if "history" in fields else None
    created = fields.get("created")
    told = _still_true(history or [], len(image.layers), standing)
    fields["history"] = raw(told + [_told(step, created) for step in steps])
    return msgspec.json.encode(fields)


def _still_true(history: list[Fields], layers: int, standing: set[int]) -> list[Fields]:
    """The history, with steps whose layer is gone marked as empty; aligned as `image.align_history` does."""
    full = sum(1 for step in history if not _is_empty(step))
    number = max(0, layers - full)
    told = []
    for step in history:
        if not _is_empty(step):
            if number not in standing:
                step = {**step, "empty_layer": raw(True)}
            number += 1
        told.append(step)
    return told


def _is_empty(step: Fields) -> bool:
    return bytes(step.get("empty_layer", b"")) == b"true"


def _told(step: Step, created: msgspec.Raw | None) -> Fields:
    fields: Fields = {"created": created} if created is not None else {}
    fields["created_by"] = raw(step.text)
    if step.comment:
        fields["comment"] = raw(step.comment)
    if not step.makes_layer:
        fields["empty_layer"] = raw(True)
    return fields


def manifest(
    image: Image,
    config_bytes: bytes,
    layers: Sequence[Descriptor],
    *,
    annotations: Mapping[str, str] | None = None,
    subject: Descriptor | None = None,
) -> bytes:
    """The manifest to go with `config_bytes` and `layers`; the image's own, changed, where it has one.

    It stays Docker's schema 2 where it was and all layers are packed as that knows them; else it is an OCI manifest.
    """
    fields = msgspec.json.decode(image.manifest_bytes, type=Fields) if image.manifest_bytes else {}
    docker = subject is None and _stays_docker(image, layers)
    fields["schemaVersion"] = raw(2)
    fields["mediaType"] = raw(media_types.DOCKER_MANIFEST if docker else media_types.OCI_MANIFEST)
    config = {
        "mediaType": media_types.DOCKER_CONFIG if docker else media_types.OCI_CONFIG,
        "digest": str(Digest.of(config_bytes)),
        "size": len(config_bytes),
    }
    fields["config"] = raw(config)
    fields["layers"] = raw([msgspec.structs.replace(layer, media_type=_typed(layer, docker)) for layer in layers])
    fields.pop("subject", None)
    if subject is not None:
        fields["subject"] = raw(subject)
    if annotations:
        there = msgspec.json.decode(fields["annotations"], type=Fields) if "annotations" in fields else {}
        fields["annotations"] = raw(there | {key: raw(value) for key, value in annotations.items()})
    return msgspec.json.encode(fields)


_DOCKERS = {media_types.OCI_LAYER_GZIP: media_types.DOCKER_LAYER_GZIP}


def _stays_docker(image: Image, layers: Sequence[Descriptor]) -> bool:
    if image.manifest is None or image.manifest.config.media_type != media_types.DOCKER_CONFIG:
        return False
    if any(TABLE_DIGEST in (layer.annotations or {}) for layer in layers):
        return False  # Docker's schema knows no annotations, and eStargz is nothing without
    known = {*_DOCKERS, media_types.DOCKER_LAYER_GZIP, media_types.DOCKER_FOREIGN_LAYER}
    return all(layer.media_type in known for layer in layers)


def _typed(layer: Descriptor, docker: bool) -> str:
    types = _DOCKERS if docker else _AS_OCI
    return types.get(layer.media_type, layer.media_type)
