"""Repacking: the same layers in another compression, with nothing else changed: same diff_ids, same configuration.

But for eStargz, whose table of contents counts in a layer's diff_id, and so changes the configuration.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import msgspec

from jettison.image import codec
from jettison.image.graph import stays_elsewhere
from jettison.image.layer import Layer
from jettison.oci.descriptor import Descriptor
from jettison.rewrite.documents import layer_type
from jettison.rewrite.finish import demand, described, is_lazy, unpacked, written
from jettison.rewrite.packing import Packing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from jettison.image.image import Image
    from jettison.rewrite.spool import Spool


def repack(
    image: Image,
    packing: Packing,
    spool: Spool,
    *,
    plain_only: bool = False,
    told: Callable[[int], None] | None = None,
) -> Image:
    """The image with its layers packed; the very same one where they all are already. New layers lie in the `spool`.

    Layers that are packed so, at whatever level, stay as they are; with `plain_only`, all that are packed do. So do
    those that may not be passed on. An image without a manifest gets one. `told` hears of stored bytes as they are
    read. Raises `DigestMismatch` for a layer that is not what its configuration says.
    """
    repacking = _Repacking(packing, spool, plain_only, image.reference, told or (lambda count: None))
    done: dict[str, Layer] = {}
    for layer in image.layers:
        if layer.diff_id not in done:
            done[layer.diff_id] = repacking.layer(layer)
    layers = [done[layer.diff_id] for layer in image.layers]
    if image.manifest is not None and all(new is old for new, old in zip(layers, image.layers, strict=True)):
        return image
    return described(image, layers, set(range(len(layers))), [])


@dataclass(frozen=True, slots=True)
class _Repacking:
    packing: Packing
    spool: Spool
    plain_only: bool
    where: str
    told: Callable[[int], None]

    def layer(self, layer: Layer) -> Layer:
        """The layer as it is to be."""
        if layer.descriptor is not None and stays_elsewhere(layer.descriptor):
            return layer
        packed = layer.compression()
        so = is_lazy(layer) if self.packing.lazy else packed == self.packing.name
        stays = so or (self.plain_only and packed in ("gzip", "zstd"))
        if not stays:
            return self._packed(layer)
        if layer.descriptor is not None:
            self.told(layer.descriptor.size)
            return layer
        blob = self.spool.write(self._heard(layer), Packing(None))  # its bytes are kept, and their digest is known
        descriptor = Descriptor(layer_type(packed), str(blob.digest), blob.stored)
        return Layer(layer.diff_id, blob.source, descriptor)

    def _packed(self, layer: Layer) -> Layer:
        pieces = unpacked(codec.unpacked(self._heard(layer)), layer.diff_id, self.packing, self.where)
        blob = self.spool.write(pieces, self.packing)
        demand(blob, layer.diff_id, self.packing, self.where)
        new = written(blob)
        return replace(new, descriptor=_named_as(layer, new.descriptor))

    def _heard(self, layer: Layer) -> Iterator[bytes]:
        for chunk in layer.source.chunks():
            self.told(len(chunk))
            yield chunk


_OF_ITS_FORM = ("containerd.io/snapshot/stargz", "io.containers.estargz", "io.github.containers.zstd-chunked")


def _named_as(layer: Layer, descriptor: Descriptor | None) -> Descriptor:
    """The new blob's descriptor; annotations that a builder gave the layer stay, those of its old form do not."""
    assert descriptor is not None
    old = (layer.descriptor.annotations if layer.descriptor else None) or {}
    kept = {key: text for key, text in old.items() if not key.startswith(_OF_ITS_FORM)}
    return msgspec.structs.replace(descriptor, annotations={**kept, **(descriptor.annotations or {})} or None)
