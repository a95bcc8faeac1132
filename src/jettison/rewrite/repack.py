"""Repacking: the same layers in another compression, with nothing else changed: same diff_ids, same configuration."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from jettison.errors import DigestMismatch
from jettison.image import codec
from jettison.image.graph import stays_elsewhere
from jettison.oci.descriptor import Descriptor
from jettison.rewrite.documents import layer_type
from jettison.rewrite.finish import described, written

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from jettison.image.image import Image
    from jettison.image.layer import Layer
    from jettison.rewrite.packing import Packing
    from jettison.rewrite.spool import Spool


def repack(image: Image, packing: Packing, spool: Spool, *, told: Callable[[int], None] | None = None) -> Image:
    """The image with its layers packed; the very same one where they all are already. New layers lie in the `spool`.

    Layers that are packed so, at whatever level, stay as they are; so do those that may not be passed on. An image
    without a manifest gets one. `told` hears of stored bytes as they are read. Raises `DigestMismatch` for a layer
    that is not what its configuration says.
    """
    done: dict[str, Layer] = {}
    for layer in image.layers:
        if layer.diff_id not in done:
            done[layer.diff_id] = _repacked(layer, packing, spool, image.reference, told or (lambda count: None))
    layers = [done[layer.diff_id] for layer in image.layers]
    if image.manifest is not None and all(new is old for new, old in zip(layers, image.layers, strict=True)):
        return image
    return described(image, layers, set(range(len(layers))), [])


def _repacked(layer: Layer, packing: Packing, spool: Spool, where: str, told: Callable[[int], None]) -> Layer:
    if layer.descriptor is not None and (stays_elsewhere(layer.descriptor) or layer.compression() == packing.name):
        told(layer.descriptor.size)
        return layer
    pieces = codec.unpacked(_heard(layer.source.chunks(), told))
    blob = spool.write(pieces, packing)
    if layer.diff_id.algorithm == "sha256" and blob.diff_id != layer.diff_id:
        raise DigestMismatch(f"a layer unpacks to {blob.diff_id}; the configuration says {layer.diff_id}", where=where)
    new = written(blob)
    return replace(new, descriptor=_named_as(layer, new.descriptor, packing))


def _named_as(layer: Layer, descriptor: Descriptor | None, packing: Packing) -> Descriptor:
    """The new blob's descriptor; annotations that a builder gave the layer stay, those of its old form do not."""
    assert descriptor is not None
    old = (layer.descriptor.annotations if layer.descriptor else None) or {}
    kept = {
        key: text
        for key, text in old.items()
        if not key.startswith(("containerd.io/snapshot/stargz", "io.github.containers.zstd-chunked"))
    }
    return Descriptor(layer_type(packing.name), descriptor.digest, descriptor.size, annotations=kept or None)


def _heard(chunks: Iterator[bytes], told: Callable[[int], None]) -> Iterator[bytes]:
    for chunk in chunks:
        told(len(chunk))
        yield chunk
