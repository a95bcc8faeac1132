"""Graphs: an index or a manifest with all that hangs on it, byte for byte: what a registry or an OCI layout holds.

An image of one platform is a manifest with its configuration and layers. An image of several is an index of such, with
BuildKit's attestations between them; indexes may stand in indexes. Whoever passes on these bytes passes on the digests.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from jettison.errors import DigestMismatch, ImageError
from jettison.image.image import assemble
from jettison.image.source import BytesSource, read_all
from jettison.oci import index as indexes
from jettison.oci import manifest as manifests
from jettison.oci import media_types
from jettison.oci.decode import MAX_BYTES
from jettison.oci.descriptor import Descriptor
from jettison.oci.digest import Digest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from jettison.image.image import Image
    from jettison.image.source import Source
    from jettison.oci.manifest import Manifest
    from jettison.oci.platform import Platform

MAX_DEPTH = 8
_MAX_STATEMENTS = 32
_STATEMENT = "application/vnd.in-toto+json"
MAX_DOCUMENTS = 5_000
"""Manifests and indexes of one graph: a hundred platforms have two hundred."""
MAX_TOTAL = 128 << 20
"""Bytes of all documents of one graph, which are kept in memory."""


@dataclass(frozen=True, slots=True)
class Node:
    """One document: a manifest, or an index with what its entries name. `descriptor` has what its bytes tell."""

    descriptor: Descriptor
    data: bytes
    manifest: Manifest | None = None
    children: tuple[tuple[Descriptor, Node], ...] = ()

    @property
    def digest(self) -> str:
        """The digest of the document."""
        return self.descriptor.digest

    @property
    def is_index(self) -> bool:
        """True for an index."""
        return self.manifest is None


@dataclass(frozen=True, slots=True)
class Graph:
    """A root document with everything below it. `blob` finds the bytes of configurations and layers.

    `reference` is how a person named it, `names` what the store calls it.
    """

    reference: str
    root: Node
    blob: Callable[[Descriptor], Source]
    names: tuple[str, ...] = ()

    def nodes(self) -> Iterator[Node]:
        """All documents, each once, what an index names before the index."""
        return _below(self.root, set())

    def images(self) -> list[tuple[Platform | None, Node]]:
        """The images, each manifest once, in the order of their index; the platform is the index's word."""
        found: dict[str, tuple[Platform | None, Node]] = {}
        _gather(self.root, None, found, set())
        return list(found.values())

    def blobs(self) -> tuple[list[Descriptor], list[Descriptor]]:
        """The layers and the configurations of all manifests, each blob once."""
        layers: dict[str, Descriptor] = {}
        configs: dict[str, Descriptor] = {}
        for node in self.nodes():
            if node.manifest is not None:
                layers.update((layer.digest, layer) for layer in node.manifest.layers)
                configs[node.manifest.config.digest] = node.manifest.config
        return [layer for digest, layer in layers.items() if digest not in configs], list(configs.values())

    def image(self, node: Node, *, attested: bool = False) -> Image:
        """The image of a manifest, with what is attested of it where that is asked for. Raises `InputError`."""
        manifest = node.manifest or manifests.parse(node.data, where=self.reference)
        config = read_all(self.blob(manifest.config), MAX_BYTES, "image configuration")
        sources = [self.blob(layer) for layer in manifest.layers]
        attestations = list(self._attestations(node)) if attested else ()
        image = assemble(self.reference, node.data, config, sources, names=self.names, attestations=attestations)
        if not Digest.parse(manifest.config.digest).matches(config):
            raise DigestMismatch(f"the configuration has not the digest {manifest.config.digest}", where=self.reference)
        return image

    def _attestations(self, about: Node) -> Iterator[bytes]:
        """The in-toto statements that an index attaches to an image."""
        for node in self.nodes():
            for entry, child in node.children:
                named = (entry.annotations or {}).get("vnd.docker.reference.digest")
                if named == about.digest and entry.is_attestation and child.manifest is not None:
                    for layer in child.manifest.layers[:_MAX_STATEMENTS]:
                        if layer.media_type == _STATEMENT:
                            yield read_all(self.blob(layer), MAX_BYTES, "attestation")


def _below(node: Node, seen: set[str]) -> Iterator[Node]:
    if node.digest in seen:
        return
    seen.add(node.digest)
    for _, child in node.children:
        yield from _below(child, seen)
    yield node


def _gather(
    node: Node, platform: Platform | None, found: dict[str, tuple[Platform | None, Node]], seen: set[str]
) -> None:
    if node.manifest is not None and node.manifest.is_image:
        found.setdefault(node.digest, (platform, node))
    for entry, child in node.children:
        if not entry.is_attestation and child.digest not in seen:
            seen.add(child.digest)
            _gather(child, entry.platform, found, seen)


def grow(root: Descriptor, data: bytes, fetch: Callable[[Descriptor], bytes], *, where: str, at_once: int = 1) -> Node:
    """The node of a document and of all that it names, each fetched once, `at_once` at a time. Raises `InputError`."""
    with ThreadPoolExecutor(at_once) as pool:
        growing = _Growing(fetch, where, pool)
        return growing.node(root, data, 0)


class _Growing:
    """Documents by their digest, so that an index that names another a thousand times costs no more than once."""

    def __init__(self, fetch: Callable[[Descriptor], bytes], where: str, pool: ThreadPoolExecutor) -> None:
        self._fetch = fetch
        self._where = where
        self._pool = pool
        self._known: dict[str, Node] = {}
        self._count = 1
        self._total = 0

    def node(self, descriptor: Descriptor, data: bytes, depth: int) -> Node:
        known = self._known.get(descriptor.digest)
        if known is None:
            known = self._known[descriptor.digest] = self._new(descriptor, data, depth)
        return known

    def _new(self, descriptor: Descriptor, data: bytes, depth: int) -> Node:
        stated = descriptor.media_type
        if not indexes.is_index(stated, data):
            manifest = manifests.parse(data, where=self._where)
            return Node(_described(descriptor, data, manifest.media_type or media_types.OCI_MANIFEST), data, manifest)
        if depth == MAX_DEPTH:
            raise ImageError(f"indexes are nested deeper than {MAX_DEPTH}", where=self._where)
        index = indexes.parse(data, where=self._where)
        own = _described(descriptor, data, index.media_type or media_types.OCI_INDEX)
        wanted = {entry.digest: entry for entry in index.manifests if entry.digest not in self._known}
        self._count += len(wanted)
        if self._count > MAX_DOCUMENTS:
            raise ImageError(f"an index of more than {MAX_DOCUMENTS:,} manifests", where=self._where)
        self._total += sum(entry.size if entry.size >= 0 else MAX_BYTES for entry in wanted.values())
        if self._total > MAX_TOTAL:
            raise ImageError(f"an index of manifests with more than {MAX_TOTAL:,} bytes", where=self._where)
        fetched = dict(zip(wanted, self._pool.map(self._checked, wanted.values()), strict=True))
        children = tuple((entry, self._child(entry, fetched, depth)) for entry in index.manifests)
        return Node(own, data, None, children)

    def _child(self, entry: Descriptor, fetched: dict[str, bytes], depth: int) -> Node:
        known = self._known.get(entry.digest)
        return known if known is not None else self.node(entry, fetched[entry.digest], depth + 1)

    def _checked(self, entry: Descriptor) -> bytes:
        data = self._fetch(entry)
        if entry.size not in (-1, len(data)) or not entry.checked_digest().matches(data):
            raise DigestMismatch(f"the manifest {entry.digest} has other bytes than its index says", where=self._where)
        return data


def _described(descriptor: Descriptor, data: bytes, media_type: str) -> Descriptor:
    """What is to be said of a document wherever it goes: no platform, no annotations of an index it stood in."""
    stated = descriptor.media_type
    known = stated in media_types.INDEXES or stated in media_types.MANIFESTS
    return Descriptor(media_type=stated if known else media_type, digest=descriptor.digest, size=len(data))


def of_image(image: Image) -> Graph:
    """The graph of one image that has a manifest. Raises `ImageError` where it has none."""
    if image.manifest is None or image.manifest_bytes is None:
        raise ImageError("the image has no manifest, so nobody knows the digests of its layers", where=image.reference)
    sources: dict[str, Source] = {
        layer.descriptor.digest: layer.source for layer in image.layers if layer.descriptor is not None
    }
    sources[image.manifest.config.digest] = BytesSource(image.config_bytes)
    media_type = image.manifest.media_type or media_types.OCI_MANIFEST
    descriptor = Descriptor(media_type=media_type, digest=str(image.digest), size=len(image.manifest_bytes))
    node = Node(descriptor, image.manifest_bytes, image.manifest)
    return Graph(image.reference, node, lambda wanted: sources[wanted.digest], image.names)


@dataclass(frozen=True, slots=True)
class Handed:
    """One blob that a store was given: `fate` is `sent`, `there` (it had it), `mounted` or `elsewhere` (never sent)."""

    descriptor: Descriptor
    fate: str


@dataclass(frozen=True, slots=True)
class Delivery:
    """What writing a graph came to: the blobs, and the root as the store has it now."""

    root: Descriptor
    blobs: tuple[Handed, ...]
    documents: int

    def bytes_of(self, fate: str) -> int:
        """The bytes of the blobs with this fate."""
        return sum(handed.descriptor.size for handed in self.blobs if handed.fate == fate)


def stays_elsewhere(layer: Descriptor) -> bool:
    """True for a layer that its vendor serves and that may not be passed on: it has addresses instead."""
    return bool(layer.urls) and ("nondistributable" in layer.media_type or "foreign" in layer.media_type)
