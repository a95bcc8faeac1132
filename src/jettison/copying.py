"""Copying: an image from any store to any other, with all its platforms where the target holds more than one.

Where nothing is asked for, documents and blobs are passed on byte for byte, so that every digest stays. Engines, docker
archives and root file systems hold plain layers and no digests worth passing on: what comes from there is packed with
gzip where it is to travel, and gets a manifest.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from jettison import stores
from jettison.errors import UsageError
from jettison.image.graph import of_image
from jettison.rewrite.packing import Packing
from jettison.rewrite.platforms import with_images
from jettison.rewrite.repack import repack

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from jettison.image.graph import Graph, Handed
    from jettison.image.image import Image
    from jettison.image.indexer import Indexer
    from jettison.image.source import Source
    from jettison.oci.platform import Platform
    from jettison.oci.reference import Reference
    from jettison.rewrite.spool import Spool

    Told = Callable[[int], None]
    Expect = Callable[[int | None], None]


@dataclass(frozen=True, slots=True)
class Wish:
    """What to copy, and how: the image of one `platform`, or all (default: all that the target can hold); `packing`
    is what layers are to be packed with, None for as they are."""

    platform: Platform | None = None
    all_platforms: bool = False
    packing: Packing | None = None
    threads: int | None = None


@dataclass(frozen=True, slots=True)
class CopiedImage:
    """One image: digests of its manifest in source and target (None where the store keeps none), and its layers.

    `stored` is the bytes of the layers' blobs, None where they are not known.
    """

    platform: str
    before: str | None
    after: str | None
    layers: int
    stored: int | None


@dataclass(frozen=True, slots=True)
class Copied:
    """What a copy came to.

    `before` and `after` are the digests of the root document in source and target, `kind` is what that is: `index` or
    `manifest`; they are None where the store keeps no such thing. `blobs` tells of each blob what became of it, None
    where the target does not say. `documents` counts manifests and indexes, `attestations` those that were left
    behind, since they speak of a manifest that was changed.
    """

    source: str
    target: str
    before: str | None
    after: str | None
    kind: str
    images: tuple[CopiedImage, ...]
    blobs: tuple[Handed, ...] | None
    documents: int
    attestations: int = 0

    def bytes_of(self, *fates: str) -> int | None:
        """The bytes of the blobs with one of these fates."""
        if self.blobs is None:
            return None
        return sum(handed.descriptor.size for handed in self.blobs if handed.fate in fates)

    def count_of(self, *fates: str) -> int:
        """How many blobs have one of these fates."""
        return sum(1 for handed in self.blobs or () if handed.fate in fates)


def copy(
    source: str | Reference,
    target: Reference,
    wish: Wish,
    spool: Spool,
    indexer: Indexer,
    *,
    told: Told | None = None,
    expect: Expect | None = None,
) -> Copied:
    """Copy what `source` names to `target`, whole or not at all.

    Layers that are packed anew lie in the `spool`. `told` hears of bytes as they are done with, `expect` of how many
    there will be. Raises `UsageError` for what the target cannot hold, else `InputError`.
    """
    found = stores.resolve(source)
    told, expect = told or (lambda count: None), expect or (lambda total: None)
    holds = stores.holds_graphs(target.transport)
    if wish.all_platforms and not holds:
        raise UsageError(
            f"{target.transport} holds images of one platform",
            where=str(target),
            hint="choose one with --platform, or copy to docker://, oci: or oci-archive:",
        )
    if holds and wish.platform is None and stores.holds_graphs(found.transport):
        return _copy_graph(stores.open_graph(found), target, wish, spool, told, expect)
    image = stores.fetch_image(found, wish.platform, indexer, lambda: spool.file("saved"))
    expect(_sum([layer.stored_size for layer in image.layers]))
    packed = image
    if wish.packing is not None:
        packed = repack(image, wish.packing, spool, told=told)
    elif holds and not stores.holds_graphs(found.transport):
        packed = repack(image, Packing.parse("gzip", wish.threads), spool, plain_only=True, told=told)
    if holds:
        return _write(of_image(packed), target, [(image, packed)], str(found), told if packed is image else None)
    stores.write_image(_heard(packed, told) if packed is image else packed, target)
    row = _row(image, packed)
    before, after = _text(image.digest), None
    return Copied(str(found), str(target), before, after, "manifest", (row,), None, 0)


def _copy_graph(graph: Graph, target: Reference, wish: Wish, spool: Spool, told: Told, expect: Expect) -> Copied:
    """Copy all of a graph, its images packed anew where that is asked for."""
    layers, configs = graph.blobs()
    expect(sum(blob.size for blob in (*layers, *configs)))
    images = [graph.image(node) for _, node in graph.images()]
    if wish.packing is None:
        return _write(graph, target, [(image, image) for image in images], graph.reference, told)
    packed = {str(image.digest): repack(image, wish.packing, spool, told=told) for image in images}
    replaced = with_images(graph, packed)
    pairs = [(image, packed[str(image.digest)]) for image in images]
    done = _write(replaced.graph, target, pairs, graph.reference, None)
    return replace(done, before=graph.root.digest, attestations=replaced.attestations)


def _write(graph: Graph, target: Reference, pairs: list[tuple[Image, Image]], source: str, told: Told | None) -> Copied:
    delivery = stores.write_graph(graph, target, told=told)
    root, kind = delivery.root.digest, "index" if graph.root.is_index else "manifest"
    before = root if kind == "index" or not pairs else _text(pairs[0][0].digest)
    rows = tuple(_row(image, packed) for image, packed in pairs)
    return Copied(source, str(target), before, root, kind, rows, delivery.blobs, delivery.documents)


def _row(image: Image, packed: Image) -> CopiedImage:
    return CopiedImage(
        platform=str(image.config.platform),
        before=_text(image.digest),
        after=_text(packed.digest),
        layers=len(packed.layers),
        stored=_sum([layer.stored_size for layer in packed.layers]),
    )


def _sum(sizes: list[int | None]) -> int | None:
    known = [size for size in sizes if size is not None]
    return sum(known) if len(known) == len(sizes) else None


def _text(digest: str | None) -> str | None:
    return str(digest) if digest is not None else None


def _heard(image: Image, told: Told) -> Image:
    """The image, with somebody who hears of the bytes of its layers as they are read."""
    layers = tuple(replace(layer, source=_Heard(layer.source, told)) for layer in image.layers)
    return replace(image, layers=layers)


@dataclass(frozen=True, slots=True)
class _Heard:
    source: Source
    told: Told

    @property
    def size(self) -> int | None:
        return self.source.size

    def chunks(self) -> Iterator[bytes]:
        for chunk in self.source.chunks():
            self.told(len(chunk))
            yield chunk
