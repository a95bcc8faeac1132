"""`podman:NAME[:TAG]` or `podman:ID`: images in podman's engine, through its socket, which speaks Docker's API."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jettison.engines import endpoint
from jettison.engines.api import Api
from jettison.stores.docker_daemon import fetch_from, list_from, open_from, write_to
from jettison.stores.writing import KEEP

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jettison.image.image import Image
    from jettison.image.indexer import Indexer
    from jettison.oci.platform import Platform
    from jettison.oci.reference import Reference
    from jettison.stores import Listing


def open_image(reference: Reference, platform: Platform | None, indexer: Indexer) -> Image:
    """The image at `reference`, its layers indexed on the way. Raises `InputError`."""
    return open_from(Api(endpoint.podman()), reference, platform, indexer)


def fetch_image(reference: Reference, platform: Platform | None, indexer: Indexer, path: str) -> Image:
    """The image at `reference`, saved by the engine to a new file at `path`, and read there. Raises `InputError`."""
    return fetch_from(Api(endpoint.podman()), reference, platform, indexer, path)


def list_images(reference: Reference) -> Iterator[Listing]:
    """The engine's images; those of one name or pattern where the reference has one. Raises `InputError`."""
    return list_from(Api(endpoint.podman()), reference)


def write_image(image: Image, reference: Reference, *, compression: str = KEEP) -> None:
    """Load the image into the engine under the reference's name, which moves there. Raises `InputError`."""
    write_to(Api(endpoint.podman()), image, reference, compression=compression)
