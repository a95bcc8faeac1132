"""`oci:DIRECTORY[:tag]`: an OCI image layout in a directory."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from jettison.errors import NotFound
from jettison.stores import outputs
from jettison.stores.contents import Directory, located
from jettison.stores.layout import list_layout, open_layout
from jettison.stores.layout_graph import open_layout_graph, referrers_in, write_directory
from jettison.stores.writing import KEEP, demand_tag, write_layout

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
    return open_layout(_contents(reference), str(reference), reference.selector, platform)


def list_images(reference: Reference) -> Iterator[Listing]:
    """The layout's images, one a platform. Raises `InputError`."""
    return list_layout(_contents(reference))


def _contents(reference: Reference) -> Directory:
    if not os.path.isdir(reference.location):
        problem = "is not a directory" if os.path.exists(reference.location) else "does not exist"
        raise NotFound(problem, where=reference.location, hint="an archive is read as oci-archive:FILE")
    return Directory(reference.location)


def write_image(image: Image, reference: Reference, *, compression: str = KEEP) -> None:
    """Write the image under the reference's tag, as a new layout or into the one that is there.

    There, it takes the place of the image of that tag (without one, of the image without); others are not touched.
    Blobs that nothing names any more stay: others may be reading them. Raises `InputError` or `UsageError`.
    """
    demand_tag(reference)
    with located(reference.location), outputs.layout(reference.location) as output:
        write_layout(output, image, name=reference.selector, compression=compression)


def open_graph(reference: Reference) -> Graph:
    """All that hangs on the tag or digest, every platform and every attestation. Raises `InputError`."""
    return open_layout_graph(_contents(reference), str(reference), reference.selector)


def write_graph(graph: Graph, reference: Reference, *, told: Callable[[int], None] | None = None) -> Delivery:
    """Write a graph under the reference's tag, as `write_image` does. Blobs that are there are not written again."""
    demand_tag(reference)
    with located(reference.location):
        return write_directory(reference.location, graph, name=reference.selector, told=told)


def list_referrers(reference: Reference, digest: Digest) -> Iterator[tuple[Reference, Descriptor]]:
    """What the layout holds that names a manifest as its subject. Raises `InputError`."""
    return referrers_in(_contents(reference), reference, digest)
