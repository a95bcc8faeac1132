"""Graphs of hostile and of odd indexes: bounded, whatever they claim."""

from __future__ import annotations

import json

import pytest

from jettison.errors import DigestMismatch, ImageError
from jettison.image import graph as graphs
from jettison.image.compose import compose
from jettison.image.graph import Graph, grow, of_image
from jettison.oci.descriptor import Descriptor
from jettison.oci.digest import Digest

INDEX = "application/vnd.oci.image.index.v1+json"
IMAGE = compose([b"\0" * 1024])


def described(data: bytes, media_type: str = INDEX) -> dict[str, object]:
    return {"mediaType": media_type, "digest": str(Digest.of(data)), "size": len(data)}


def index(*entries: dict[str, object]) -> bytes:
    return json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": entries}).encode()


def grown(root: bytes, *documents: bytes) -> Graph:
    held = {str(Digest.of(data)): data for data in documents}
    top = Descriptor(INDEX, str(Digest.of(root)), len(root))
    node = grow(top, root, lambda entry: held[entry.digest], where="here", at_once=4)
    return Graph("here", node, of_image(IMAGE).blob)


def test_an_index_that_doubles_at_every_level_costs_no_more_than_once() -> None:
    assert IMAGE.manifest_bytes is not None
    documents = [IMAGE.manifest_bytes]
    kind = "application/vnd.oci.image.manifest.v1+json"
    for _ in range(graphs.MAX_DEPTH):
        documents.append(index(*[described(documents[-1], kind)] * 500))
        kind = INDEX
    graph = grown(documents[-1], *documents)
    assert len(list(graph.nodes())) == graphs.MAX_DEPTH + 1
    assert len(graph.images()) == 1
    assert graph.image(graph.images()[0][1], attested=True).id == IMAGE.id
    deeper = index(described(documents[-1]))
    with pytest.raises(ImageError, match="nested deeper"):
        grown(deeper, *documents)


def test_an_index_of_too_many_is_refused_before_it_is_fetched() -> None:
    many = [described(str(number).encode()) for number in range(graphs.MAX_DOCUMENTS)]
    with pytest.raises(ImageError, match="an index of more than 5,000 manifests"):
        grown(index(*many))


def test_an_index_of_too_much_is_refused_before_it_is_fetched() -> None:
    large = [{**described(str(number).encode()), "size": 16 << 20} for number in range(9)]
    with pytest.raises(ImageError, match="more than 134,217,728 bytes"):
        grown(index(*large))


def test_a_manifest_is_what_its_index_says() -> None:
    assert IMAGE.manifest_bytes is not None
    entry = described(IMAGE.manifest_bytes)
    other = IMAGE.manifest_bytes + b" "
    held = {str(Digest.of(IMAGE.manifest_bytes)): other}
    root = index(entry)
    with pytest.raises(DigestMismatch, match="other bytes than its index says"):
        grow(
            Descriptor(INDEX, str(Digest.of(root)), len(root)),
            root,
            lambda wanted: held[wanted.digest],
            where="here",
        )


def test_an_image_without_a_manifest_has_no_graph() -> None:
    from dataclasses import replace

    with pytest.raises(ImageError, match="no manifest"):
        of_image(replace(IMAGE, manifest=None, manifest_bytes=None))
