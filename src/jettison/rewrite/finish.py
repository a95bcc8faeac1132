"""Finishing a draft: the layers that differ are written, once, and the documents to go with them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from jettison.errors import DigestMismatch
from jettison.image import tar
from jettison.image.image import assemble
from jettison.image.layer import Layer
from jettison.oci.descriptor import Descriptor
from jettison.rewrite import documents
from jettison.rewrite.documents import Step
from jettison.rewrite.estargz import TABLE_DIGEST
from jettison.rewrite.packing import Packing
from jettison.rewrite.rope import RopeReader

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from jettison.image.image import Image
    from jettison.oci.digest import Digest
    from jettison.rewrite.draft import Draft, DraftLayer
    from jettison.rewrite.rope import Piece
    from jettison.rewrite.spool import Blob, Spool


PLAIN = Packing(None)


@dataclass(frozen=True, slots=True)
class Choice:
    """How layers are packed.

    `packing` is what was asked for, None for "as they were". A changed layer that was a plain tar is packed with
    `plain`, which stays None where the store takes plain tars as a matter of course. With a `packing`, layers nobody
    touched are packed anew, too, unless they are packed so already or that would make them larger.
    """

    packing: Packing | None = None
    plain: Packing = PLAIN

    def changed(self, stored_as: str | None) -> Packing:
        """For a layer that is written anew."""
        if self.packing is not None:
            return self.packing
        return Packing.parse(stored_as) if stored_as in ("gzip", "zstd") else self.plain

    def untouched(self, stored_as: str | None) -> Packing | None:
        """For a layer that stays as it is: what to try to pack it with, None for nothing."""
        wanted = self.packing if self.packing is not None else (self.plain if stored_as is None else None)
        return wanted if wanted is not None and wanted.name != stored_as else None


def finish(
    draft: Draft,
    spool: Spool,
    choice: Choice | None = None,
    *,
    name: str = "squeeze",
    comment: str = "",
    annotations: Mapping[str, str] | None = None,
    progress: Callable[[int], None] | None = None,
) -> Image:
    """The image that the draft is of; the very same one where nothing is to be changed. Raises `ImageError`.

    New layers lie in the `spool`, so the image is good as long as that is. `name` and the draft's steps go into the
    history, `progress` is told of bytes of tar as they are written.
    """
    choice = choice or Choice()
    reader = RopeReader(draft.image.layers, draft.image.reference)
    layers = [_layer(draft, number, reader, spool, choice, progress) for number in range(len(draft.layers))]
    if not annotations and _same(draft.image, layers):
        return draft.image
    standing = {layer.origin for layer in draft.layers if layer.origin is not None}
    new_layers = [layer for layer in draft.layers if layer.origin is None]
    steps = [Step(f"jettison {name}", "; ".join(filter(None, (*draft.steps, comment))))] if draft.steps else []
    steps += [Step(f"jettison {name}: layer", makes_layer=True) for _ in new_layers]
    return described(draft.image, layers, standing, steps, annotations=annotations)


def _same(image: Image, layers: Sequence[Layer]) -> bool:
    """True when the layers are the image's own, or came out the same."""
    if len(layers) != len(image.layers):
        return False
    return all(
        new is old or (new.diff_id == old.diff_id and new.digest == old.digest)
        for new, old in zip(layers, image.layers, strict=True)
    )


def described(
    image: Image,
    layers: Sequence[Layer],
    standing: set[int],
    steps: Sequence[Step],
    *,
    annotations: Mapping[str, str] | None = None,
    subject: Descriptor | None = None,
) -> Image:
    """`image` with other layers (each with a descriptor), its configuration and manifest written to match."""
    unchanged = [layer.diff_id for layer in layers] == [layer.diff_id for layer in image.layers] and not steps
    config_bytes = (
        image.config_bytes
        if unchanged
        else documents.configuration(image, [layer.diff_id for layer in layers], standing, steps)
    )
    descriptors = [layer.descriptor for layer in layers if layer.descriptor is not None]
    manifest_bytes = documents.manifest(image, config_bytes, descriptors, annotations=annotations, subject=subject)
    sources = [layer.source for layer in layers]
    return replace(assemble(image.reference, manifest_bytes, config_bytes, sources), names=image.names)


def _layer(
    draft: Draft,
    number: int,
    reader: RopeReader,
    spool: Spool,
    choice: Choice,
    progress: Callable[[int], None] | None,
) -> Layer:
    layer = draft.layers[number]
    old = draft.image.layers[layer.origin] if layer.origin is not None else None
    stored_as = draft.indexes[layer.origin].compression if layer.origin is not None else _usual(draft)
    if old is None or not layer.untouched:
        blob = spool.write(_told(reader.read(rope(layer)), progress), choice.changed(stored_as))
        return written(blob)
    packing = choice.untouched(stored_as) if number >= draft.base or stored_as is None else None
    if packing is not None:
        repacked = _repacked(draft, layer.origin or 0, spool, packing, progress)
        if repacked is not None:
            return repacked
    return old if old.descriptor is not None else _as_stored(draft, layer.origin or 0)


def _usual(draft: Draft) -> str | None:
    """What most of the image's layers are packed with."""
    kinds = [index.compression for index in draft.indexes if index.raw > len(tar.END)]
    return max(sorted(set(kinds), key=str), key=kinds.count) if kinds else None


def rope(layer: DraftLayer) -> Iterator[Piece]:
    """The bytes of a layer that is written anew. What followed the old archive's end is no part of the tree."""
    for member in layer.members:
        yield from member.rope()
    yield tar.END


def written(blob: Blob) -> Layer:
    """The layer that a blob in the spool is."""
    media_type = documents.layer_type(blob.packing)
    descriptor = Descriptor(media_type, str(blob.digest), blob.stored, annotations=blob.annotations)
    return Layer(blob.diff_id, blob.source, descriptor)


def _repacked(
    draft: Draft, number: int, spool: Spool, packing: Packing, progress: Callable[[int], None] | None
) -> Layer | None:
    """An untouched layer in another packing; None where that is no smaller, or it is eStargz and is to be."""
    layer, index = draft.image.layers[number], draft.indexes[number]
    where = f"{draft.image.reference}: layer {number}"
    if packing.lazy and is_lazy(layer):
        return None
    blob = spool.write(_told(unpacked(layer.uncompressed(), layer.diff_id, packing, where), progress), packing)
    demand(blob, layer.diff_id, packing, where)
    if packing.name is not None and index.compression is not None and not packing.lazy and blob.stored >= index.stored:
        spool.discard(blob)
        return None
    return written(blob)


def is_lazy(layer: Layer) -> bool:
    """Whether a manifest says that the layer is eStargz."""
    return TABLE_DIGEST in ((layer.descriptor.annotations if layer.descriptor else None) or {})


def unpacked(pieces: Iterator[bytes], diff_id: Digest, packing: Packing, where: str) -> Iterator[bytes]:
    """A layer's tar on its way to be packed.

    What becomes eStargz gets another diff_id, so it is held against its own here. Raises `DigestMismatch` at its end.
    """
    if not packing.lazy:
        return pieces
    return _verified(pieces, diff_id, where)


def _verified(pieces: Iterator[bytes], diff_id: Digest, where: str) -> Iterator[bytes]:
    hashing = hashlib.new(diff_id.algorithm)
    for piece in pieces:
        hashing.update(piece)
        yield piece
    if hashing.hexdigest() != diff_id.hex:
        actual = f"{diff_id.algorithm}:{hashing.hexdigest()}"
        raise DigestMismatch(f"it unpacks to {actual}; the configuration says {diff_id}", where=where)


def demand(blob: Blob, diff_id: Digest, packing: Packing, where: str) -> None:
    """Raises `DigestMismatch` where a layer was packed that is not what the configuration says."""
    if not packing.lazy and blob.diff_id != diff_id and diff_id.algorithm == "sha256":
        raise DigestMismatch(f"it unpacks to {blob.diff_id}; the configuration says {diff_id}", where=where)


def _as_stored(draft: Draft, number: int) -> Layer:
    """An untouched layer of a store that keeps no manifest, with the descriptor that its index knows."""
    layer, index = draft.image.layers[number], draft.indexes[number]
    media_type = documents.layer_type(index.compression if index.compression in ("gzip", "zstd") else None)
    return replace(layer, descriptor=Descriptor(media_type=media_type, digest=index.blob, size=index.stored))


def _told(
    parts: Iterator[bytes | memoryview] | Iterator[bytes], progress: Callable[[int], None] | None
) -> Iterator[bytes | memoryview]:
    for part in parts:
        if progress is not None:
            progress(len(part))
        yield part
