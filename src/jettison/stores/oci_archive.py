"""`oci-archive:FILE[:tag]`: an OCI image layout in a tar, which may be compressed as a whole."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jettison.stores import outputs
from jettison.stores.archives import demand_alone, open_archive
from jettison.stores.layout import list_layout, open_layout, path_of
from jettison.stores.layout_graph import open_layout_graph, referrers_in, write_archive
from jettison.stores.writing import KEEP, demand_tag, manifest_json, write_saved

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from jettison.image.graph import Delivery, Graph
    from jettison.image.image import Image
    from jettison.image.indexer import Indexer
    from jettison.oci.descriptor import Descriptor
    from jettison.oci.digest import Digest
    from jettison.oci.platform import Platform
    from jettison.oci.reference import Reference
    from jettison.stores import Listing


def open_image(reference: Reference, platform: Platform | None, indexer: Indexer) -> Image:
    """The image at `reference`; the layout's only one where no tag or digest chooses. Raises `InputError`."""
    contents = open_archive(reference.location, indexer)
    return open_layout(contents, str(reference), reference.selector, platform)


def list_images(reference: Reference) -> Iterator[Listing]:
    """The layout's images, one a platform. Raises `InputError`."""
    return list_layout(open_archive(reference.location))


def write_image(image: Image, reference: Reference, *, compression: str = KEEP) -> None:
    """Write the image as an archive, under the reference's tag or whole name. Raises `InputError` or `UsageError`.

    A `manifest.json` goes beside the layout, since `docker load` reads no archive without one up to Docker 26.
    """
    demand_tag(reference)
    demand_alone(reference.location)
    names = [reference.selector] if reference.selector else []
    with outputs.archive(reference.location) as output:
        write_saved(output, image, names=names, compression=compression)


def open_graph(reference: Reference) -> Graph:
    """All that hangs on the tag or digest, every platform and every attestation. Raises `InputError`."""
    return open_layout_graph(open_archive(reference.location), str(reference), reference.selector)


def write_graph(graph: Graph, reference: Reference, *, told: Callable[[int], None] | None = None) -> Delivery:
    """Write a graph as an archive, under the reference's tag or whole name. Raises `InputError` or `UsageError`."""
    demand_tag(reference)
    demand_alone(reference.location)
    with outputs.archive(reference.location) as output:
        manifest = graph.root.manifest
        if manifest is not None and manifest.is_image:  # as `write_image` does; it speaks of one image only
            paths = [path_of(layer.checked_digest()) for layer in manifest.layers]
            names = [reference.selector] if reference.selector else []
            output.add("manifest.json", manifest_json(path_of(manifest.config.checked_digest()), paths, names))
        return write_archive(output, graph, name=reference.selector, told=told)


def list_referrers(reference: Reference, digest: Digest) -> Iterator[tuple[Reference, Descriptor]]:
    """What the layout holds that names a manifest as its subject. Raises `InputError`."""
    return referrers_in(open_archive(reference.location), reference, digest)
