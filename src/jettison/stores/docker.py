"""`docker://registry/repository:tag`: images in a registry, read and written through the distribution protocol."""

from __future__ import annotations

import os
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING

from jettison.errors import ImageError, InputError
from jettison.image.graph import Graph, grow, of_image
from jettison.image.image import assemble
from jettison.oci import config as configs
from jettison.oci import index as indexes
from jettison.oci import manifest as manifests
from jettison.oci import media_types
from jettison.oci import platform as platforms
from jettison.oci.descriptor import Descriptor
from jettison.registry.push import push
from jettison.registry.repository import Document, Repository
from jettison.stores import Listing, outputs
from jettison.stores.contents import Directory, located
from jettison.stores.layout import STATEMENT, demand_platform, open_layout
from jettison.stores.writing import KEEP, write_layout

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from jettison.image.graph import Delivery
    from jettison.image.image import Image
    from jettison.image.indexer import Indexer
    from jettison.oci.digest import Digest
    from jettison.oci.index import Index
    from jettison.oci.platform import Platform
    from jettison.oci.reference import Reference

_MAX_DEPTH = 4
_MAX_STATEMENTS = 32
_AT_ONCE = 4


def open_image(reference: Reference, platform: Platform | None, indexer: Indexer) -> Image:
    """The image at `reference`: manifest and configuration are fetched, layers when they are read.

    Of several platforms, the wanted one is taken, else this machine's, else the only one. Raises `InputError`.
    """
    with located(str(reference)):
        return _open(reference, platform)


def _open(reference: Reference, platform: Platform | None) -> Image:
    name = reference.name
    repository = Repository(name)
    document = repository.manifest(name.selector)
    attestations: tuple[bytes, ...] = ()
    depth = 0
    while document.is_index:
        index = indexes.parse(document.data, where=str(reference))
        depth += 1
        if depth > _MAX_DEPTH:
            raise ImageError(f"an index in an index in an index, {depth} deep", where=str(reference))
        chosen = indexes.choose(index, platform or platforms.host(), exact=platform is not None)
        attestations += tuple(islice(_attestations(repository, index, chosen), _MAX_STATEMENTS))
        document = repository.manifest(chosen.checked_digest())
    manifest = manifests.parse(document.data, where=str(reference))
    if not manifest.is_image:
        kind = manifest.artifact_type or manifest.config.media_type or "unknown"
        raise ImageError(f"this is no image but an artefact of type {kind!r}", where=str(reference))
    image = assemble(
        str(reference),
        document.data,
        repository.small_blob(manifest.config, "configuration"),
        [repository.blob(layer) for layer in manifest.layers],
        names=(name.familiar,),
        attestations=attestations,
    )
    return demand_platform(image, platform)


def _attestations(repository: Repository, index: Index, chosen: Descriptor) -> Iterator[bytes]:
    """The in-toto statements that the index attaches to an image; those that cannot be had are left out."""
    about = [
        entry
        for entry in index.manifests
        if entry.is_attestation and (entry.annotations or {}).get("vnd.docker.reference.digest") == chosen.digest
    ]
    for entry in about[:_MAX_STATEMENTS]:
        try:
            document = repository.manifest(entry.checked_digest())
            for layer in manifests.parse(document.data).layers:
                if layer.media_type == STATEMENT:
                    yield repository.small_blob(layer, "attestation")
        except InputError:
            continue


def open_graph(reference: Reference) -> Graph:
    """All that hangs on the tag or digest, every platform and every attestation. Raises `InputError`.

    Manifests are fetched, configurations and layers when they are read.
    """
    with located(str(reference)):
        name = reference.name
        repository = Repository(name)
        document = repository.manifest(name.selector)
        root = Descriptor(media_type=document.media_type, digest=str(document.digest), size=len(document.data))

        def fetch(entry: Descriptor) -> bytes:
            return repository.manifest(entry.checked_digest()).data

        node = grow(root, document.data, fetch, where=str(reference), at_once=_AT_ONCE)
        return Graph(str(reference), node, repository.blob, (name.familiar,))


def write_graph(graph: Graph, reference: Reference, *, told: Callable[[int], None] | None = None) -> Delivery:
    """Put a graph under the reference's tag, which moves when all of it is there. Raises `InputError`.

    `told` hears of bytes as they are done with, sent or not.
    """
    with located(str(reference)):
        return push(Repository(reference.name), graph, told=told)


def write_image(image: Image, reference: Reference, *, compression: str = KEEP) -> None:
    """Put an image under the reference's tag, which moves when all of it is there. Raises `InputError`.

    An image that has no manifest, or is to be packed, becomes an OCI layout in a temporary directory first: a registry
    wants to know digests and sizes beforehand.
    """
    if compression == KEEP and image.manifest_bytes is not None:
        write_graph(of_image(image), reference)
        return
    with located(str(reference)), tempfile.TemporaryDirectory(prefix="jettison-") as folder:
        layout = os.path.join(folder, "layout")
        with outputs.directory(layout) as output:
            write_layout(output, image, compression=compression)
        write_graph(of_image(open_layout(Directory(layout), image.reference, None, None)), reference)


def list_referrers(reference: Reference, digest: Digest) -> Iterator[tuple[Reference, Descriptor]]:
    """What refers to a manifest of the repository, each with its reference by digest. Raises `InputError`."""
    with located(str(reference)):
        for entry in Repository(reference.name).referrers(digest).manifests:
            name = replace(reference.name, tag=None, digest=entry.checked_digest())
            yield replace(reference, location=str(name)), entry


def list_images(reference: Reference) -> Iterator[Listing]:
    """The tags of a repository with the compressed bytes of their images, one row a platform.

    Tags of one image share a row. A tag that cannot be read, or is no image, has a row without a size. Raises
    `InputError` where there is no such repository.
    """
    repository = Repository(reference.name)
    return _rows_of(repository, list(repository.tags()))


def _rows_of(repository: Repository, tags: list[str]) -> Iterator[Listing]:
    groups: dict[str, tuple[Document | None, list[str]]] = {}
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        for tag, document in zip(tags, pool.map(lambda tag: _document(repository, tag), tags), strict=True):
            key = document.digest if document else f"?{tag}"
            groups.setdefault(key, (document, []))[1].append(f"{repository.where}:{tag}")
        for rows in pool.map(lambda group: _rows(repository, group[0], tuple(group[1])), list(groups.values())):
            yield from rows


def _document(repository: Repository, tag: str) -> Document | None:
    try:
        return repository.manifest(tag)
    except InputError:
        return None


def _rows(repository: Repository, document: Document | None, names: tuple[str, ...]) -> list[Listing]:
    if document is None:
        return [Listing(names, "")]
    try:
        if not document.is_index:
            return [_row(repository, document, names)]
        images = indexes.parse(document.data).images
        return [
            _row(repository, repository.manifest(entry.checked_digest()), names, entry.platform) for entry in images
        ] or [Listing(names, document.digest)]
    except InputError:
        return [Listing(names, document.digest)]


def _row(
    repository: Repository, document: Document, names: tuple[str, ...], platform: Platform | None = None
) -> Listing:
    """One image's row: its configuration tells platform and date."""
    manifest = manifests.parse(document.data)
    compressed = sum(layer.size for layer in manifest.layers if media_types.is_layer(layer.media_type))
    if not manifest.is_image:
        return Listing(names, document.digest, compressed=sum(layer.size for layer in manifest.layers))
    config = configs.parse(repository.small_blob(manifest.config, "configuration"))
    return Listing(
        names, document.digest, str(platform or config.platform), compressed=compressed, created=config.created
    )
