"""Indexes on demand: images of several platforms, with BuildKit's attestations between them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import msgspec

from jettison.image.compose import compose, encode
from jettison.image.graph import Graph, Node, of_image
from jettison.image.random import random_image
from jettison.image.source import BytesSource
from jettison.oci.descriptor import Descriptor
from jettison.oci.digest import Digest
from jettison.oci.manifest import Manifest
from jettison.oci.platform import Platform
from jettison.stores.writing import encode_index

if TYPE_CHECKING:
    from jettison.image.image import Image

INDEX = "application/vnd.oci.image.index.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
STATEMENT = "application/vnd.in-toto+json"


def image_for(number: int, architecture: str) -> Image:
    """A random image that says what it runs on."""
    tars = [b"".join(layer.uncompressed()) for layer in random_image(number, layers=2).layers]
    platform = Platform(architecture=architecture, os="linux")
    return compose(tars, compression="gzip", platform=platform, container={"Cmd": [architecture]})


def attested(image: Image) -> tuple[Descriptor, Node, dict[str, bytes]]:
    """BuildKit's attestation of an image, as it stands in an index."""
    statement = json.dumps({"subject": [{"digest": {"sha256": str(image.digest)[7:]}}]}).encode()
    config = b"{}"
    parts = [(config, "application/vnd.oci.image.config.v1+json"), (statement, STATEMENT)]
    described = [Descriptor(kind, str(Digest.of(data)), len(data)) for data, kind in parts]
    manifest = Manifest(config=described[0], layers=described[1:], media_type=MANIFEST)
    data = encode(manifest)
    own = Descriptor(MANIFEST, str(Digest.of(data)), len(data))
    entry = msgspec.structs.replace(
        own,
        platform=Platform(),
        annotations={
            "vnd.docker.reference.type": "attestation-manifest",
            "vnd.docker.reference.digest": str(image.digest),
        },
    )
    return entry, Node(own, data, manifest), {str(Digest.of(body)): body for body, _ in parts}


def graph_of(*images: Image, attest: bool = True) -> Graph:
    """An index of images, with an attestation of each."""
    singles = [of_image(image) for image in images]
    rows = [
        (msgspec.structs.replace(single.root.descriptor, platform=image.config.platform), single.root)
        for single, image in zip(singles, images, strict=True)
    ]
    extra: dict[str, bytes] = {}
    for image in images if attest else ():
        entry, node, bodies = attested(image)
        rows.append((entry, node))
        extra |= bodies
    data = encode_index([entry for entry, _ in rows])
    root = Node(Descriptor(INDEX, str(Digest.of(data)), len(data)), data, None, tuple(rows))

    def blob(wanted: Descriptor) -> Any:
        if wanted.digest in extra:
            return BytesSource(extra[wanted.digest])
        for single in singles:
            layers, configs = single.blobs()
            if wanted.digest in {descriptor.digest for descriptor in (*layers, *configs)}:
                return single.blob(wanted)
        raise KeyError(wanted.digest)

    return Graph("made", root, blob)
