"""Indexes whose images were rewritten: each entry that changed names the new image, all else stays byte for byte.

Attestations speak of one manifest by its digest. Those of an image that was rewritten would be about something else,
so they go with the old one; those of images that stayed are kept.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from jettison.image.graph import Graph, Node, of_image
from jettison.oci import media_types
from jettison.oci.descriptor import Descriptor
from jettison.oci.digest import Digest
from jettison.rewrite.documents import Fields, raw

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from jettison.image.image import Image
    from jettison.image.source import Source


@dataclass(frozen=True, slots=True)
class Replaced:
    """The graph that came out, and how many attestations could not go with it."""

    graph: Graph
    attestations: int


def with_images(graph: Graph, images: Mapping[str, Image]) -> Replaced:
    """The graph with other images in the place of those with these manifest digests. Each image has a manifest."""
    new = {digest: of_image(image) for digest, image in images.items()}
    changed = {digest: made for digest, made in new.items() if made.root.digest != digest}
    if not changed:
        return Replaced(graph, 0)
    replacing = _Replacing({digest: made.root for digest, made in changed.items()})
    root = replacing.node(graph.root)
    return Replaced(Graph(graph.reference, root, _finder(graph, changed), graph.names), len(replacing.gone))


def _finder(graph: Graph, changed: Mapping[str, Graph]) -> Callable[[Descriptor], Source]:
    """Where blobs are: with the image that brought them, else where the graph had them."""
    homes: dict[str, Graph] = {}
    for made in changed.values():
        layers, configs = made.blobs()
        homes.update((descriptor.digest, made) for descriptor in (*layers, *configs))
    return lambda wanted: homes.get(wanted.digest, graph).blob(wanted)


class _Replacing:
    def __init__(self, images: Mapping[str, Node]) -> None:
        self._images = images
        self._made: dict[str, Node] = {}
        self.gone: set[str] = set()

    def node(self, old: Node) -> Node:
        """What stands in the place of a document."""
        if old.digest in self._images:
            return self._images[old.digest]
        if not old.is_index:
            return old
        if old.digest not in self._made:
            self._made[old.digest] = self._index(old)
        return self._made[old.digest]

    def _index(self, old: Node) -> Node:
        fields = msgspec.json.decode(old.data, type=Fields)
        rows = msgspec.json.decode(fields["manifests"], type=list[Fields])
        kept: list[Fields] = []
        children: list[tuple[Descriptor, Node]] = []
        for row, (entry, child) in zip(rows, old.children, strict=True):
            if entry.is_attestation and _about(entry) in self._images:
                self.gone.add(child.digest)
                continue
            new = self.node(child)
            told = _naming(row, new) if new is not child else row
            kept.append(told)
            children.append((msgspec.json.decode(msgspec.json.encode(told), type=Descriptor), new))
        if [new for _, new in children] == [child for _, child in old.children]:
            return old
        docker = old.descriptor.media_type == media_types.DOCKER_INDEX and all(
            new.descriptor.media_type == media_types.DOCKER_MANIFEST for _, new in children
        )
        kind = media_types.DOCKER_INDEX if docker else media_types.OCI_INDEX
        fields["manifests"] = raw(kept)
        fields["mediaType"] = raw(kind)
        data = msgspec.json.encode(fields)
        return Node(Descriptor(kind, str(Digest.of(data)), len(data)), data, None, tuple(children))


def _about(entry: Descriptor) -> str | None:
    return (entry.annotations or {}).get("vnd.docker.reference.digest")


def _naming(row: Fields, new: Node) -> Fields:
    """An index's row, about another document: platform and annotations are still true."""
    told = new.descriptor
    row = {key: value for key, value in row.items() if key not in ("data", "artifactType")}
    return row | {"mediaType": raw(told.media_type), "digest": raw(told.digest), "size": raw(told.size)}
