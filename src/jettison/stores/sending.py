"""Sending an image to an engine: what `docker save` writes, made while it is sent, with no copy on disk.

Docker 20 to 29, podman and containerd load it: an OCI layout with a `manifest.json` beside. A tar's header comes before
its body, so each layer's bytes and digest must be known before it is sent: the manifest says them, or the layer is read
twice. Every layer is verified while it is sent; a lie ends the stream before its end, and engines then load nothing.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, NamedTuple

from jettison.errors import DigestMismatch, UsageError
from jettison.image import tar
from jettison.oci.descriptor import Descriptor
from jettison.oci.digest import Digest
from jettison.oci.reference import parse_name
from jettison.stores.layout import path_of
from jettison.stores.writing import KEEP, OCI_LAYOUT, encode_index, entry_of, layer_type, manifest_json, manifest_of

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator

    from jettison.image.image import Image
    from jettison.image.layer import Layer
    from jettison.oci.reference import Reference

SENT_AS = (KEEP, "none")
"""What can be asked for of layers on their way to an engine, which unpacks them anyway."""


class Parcel(NamedTuple):
    """An image to send: the digest of its manifest, and its bytes, from the start each time they are asked for."""

    digest: Digest
    pieces: Callable[[], Iterator[bytes]]


def name_of(reference: Reference) -> str:
    """The name that an engine is to give the image: `app:1`. Raises `UsageError` for an id, a digest or a pattern."""
    name = parse_name(reference.location)
    if name.digest is not None or reference.location.startswith("sha256:"):
        raise UsageError(
            "an image is written under a name and a tag; its digest follows from its content", where=str(reference)
        )
    return name.familiar


def parcel(image: Image, name: str, *, packed: Collection[str]) -> Parcel:
    """The image as a stream that loads it under `name`.

    Layers that are packed with something that is not in `packed` are sent plain. Raises `DigestMismatch` where a layer
    that must be read beforehand is not what it claims to be.
    """
    sent: dict[Digest, tuple[Descriptor, bool]] = {}
    for layer in image.layers:
        if layer.diff_id not in sent:
            unpacked = layer.compression() not in (None, *packed)
            sent[layer.diff_id] = (_plain(layer) if unpacked else _stored(layer), unpacked)
    descriptors = [sent[layer.diff_id][0] for layer in image.layers]
    manifest, data = manifest_of(image, descriptors)
    paths = [path_of(descriptor.checked_digest()) for descriptor in descriptors]
    documents = {
        path_of(image.id): image.config_bytes,
        path_of(Digest.of(data)): data,
        "oci-layout": OCI_LAYOUT,
        "index.json": encode_index([entry_of(image, manifest, data, name)]),
        "manifest.json": manifest_json(path_of(image.id), paths, [name]),
    }

    def pieces() -> Iterator[bytes]:
        for diff_id, (descriptor, unpacked) in sent.items():
            layer = next(layer for layer in image.layers if layer.diff_id == diff_id)
            chunks = layer.uncompressed() if unpacked else layer.source.chunks()
            yield from _member(descriptor, chunks, image.reference)
        for path, document in documents.items():
            yield tar.file_header(path.encode(), len(document)) + document + tar.padding(len(document))
        yield tar.END

    return Parcel(Digest.of(data), pieces)


def _member(descriptor: Descriptor, chunks: Iterable[bytes], where: str) -> Iterator[bytes]:
    """A blob as a tar member, verified before its last byte is sent."""
    yield tar.file_header(path_of(descriptor.checked_digest()).encode(), descriptor.size)
    hashing, sent, last = hashlib.sha256(), 0, b""
    for chunk in chunks:
        if last:
            yield last
        last = chunk
        hashing.update(chunk)
        sent += len(chunk)
        if sent > descriptor.size:
            break
    digest = f"sha256:{hashing.hexdigest()}"
    if (digest, sent) != (descriptor.digest, descriptor.size):
        raise DigestMismatch(
            f"a layer is {digest} of {sent:,} bytes; it should be {descriptor.digest} of {descriptor.size:,}",
            where=where,
            hint="it was damaged, or changed while it was read",
        )
    yield last + tar.padding(sent)


def _stored(layer: Layer) -> Descriptor:
    if layer.descriptor is not None:
        return layer.descriptor
    packed = layer.compression()
    if packed is None and layer.source.size is not None and layer.diff_id.algorithm == "sha256":
        return Descriptor(media_type=layer_type(None), digest=str(layer.diff_id), size=layer.source.size)
    return _measured(layer.source.chunks(), packed)


def _plain(layer: Layer) -> Descriptor:
    descriptor = _measured(layer.uncompressed(), None)
    if layer.diff_id.algorithm == "sha256" and descriptor.digest != layer.diff_id:
        raise DigestMismatch(f"a layer's diff_id is {descriptor.digest}; the configuration says {layer.diff_id}")
    return descriptor


def _measured(chunks: Iterable[bytes], packed: str | None) -> Descriptor:
    hashing, size = hashlib.sha256(), 0
    for chunk in chunks:
        hashing.update(chunk)
        size += len(chunk)
    return Descriptor(media_type=layer_type(packed), digest=f"sha256:{hashing.hexdigest()}", size=size)


def demand_compression(compression: str) -> None:
    """Raises `UsageError` for what makes no sense on the way to an engine."""
    if compression not in SENT_AS:
        raise UsageError(
            f"{compression!r}: an engine unpacks what it loads",
            hint=f"choose {' or '.join(SENT_AS)}; a registry, an oci: or an oci-archive: keeps packed layers",
        )
