"""Stores: the places that images are read from. One module a transport, named as the transport is.

A store module has

    def open_image(reference: Reference, platform: Platform | None, indexer: Indexer) -> Image
    def list_images(reference: Reference) -> Iterator[Listing]

and, where images can be written there, `def write_image(image: Image, reference: Reference, *, compression: str)`,
which may return sentences that tell what the place could not keep.
Stores that pack an image each time somebody reads it also have

    def fetch_image(reference: Reference, platform: Platform | None, indexer: Indexer, path: str) -> Image

Stores that hold whatever hangs on an index, byte for byte, also have

    def open_graph(reference: Reference) -> Graph
    def write_graph(graph: Graph, reference: Reference, *, told: Callable[[int], None] | None) -> Delivery
    def list_referrers(reference: Reference, digest: Digest) -> Iterator[tuple[Reference, Descriptor]]

Nothing is registered: `docker-archive:x` is served by `stores/docker_archive.py`. Third parties add a transport
through the entry point group `jettison.stores`.
"""

from __future__ import annotations

import importlib
import pkgutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, cast

from jettison.errors import UsageError
from jettison.oci import reference as references

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from jettison.image.graph import Delivery, Graph
    from jettison.image.image import Image
    from jettison.image.indexer import Indexer
    from jettison.oci.descriptor import Descriptor
    from jettison.oci.digest import Digest
    from jettison.oci.platform import Platform
    from jettison.oci.reference import Reference


@dataclass(frozen=True, slots=True)
class Listing:
    """One image that a store holds: its names, digest or id, platform, and bytes as far as the store knows them."""

    names: tuple[str, ...]
    id: str
    platform: str | None = None
    compressed: int | None = None
    raw: int | None = None
    created: str | None = None


class Store(Protocol):
    """What a store module offers. See the package's text."""

    def open_image(self, reference: Reference, platform: Platform | None, indexer: Indexer) -> Image:
        """The image at `reference`. Raises `InputError`."""

    def list_images(self, reference: Reference) -> Iterator[Listing]:
        """The images that the place holds. Raises `InputError`."""


def store_for(transport: str) -> Store:
    """The module that serves a transport. Raises `UsageError` for an unknown one."""
    name = transport.replace("-", "_")
    if transport in references.TRANSPORTS and name in (module.name for module in pkgutil.iter_modules(__path__)):
        return cast("Store", importlib.import_module(f"{__name__}.{name}"))
    from importlib.metadata import entry_points

    for entry_point in entry_points(group="jettison.stores", name=transport):
        return cast("Store", entry_point.load())
    raise UsageError(f"unknown transport {transport!r}", hint=f"known are: {', '.join(references.TRANSPORTS)}")


def open_image(reference: str | Reference, platform: Platform | None = None, indexer: Indexer | None = None) -> Image:
    """The image at `reference`, for `platform` (default: this machine's, or the only one there is).

    A bare path is recognised by its content; a bare name asks Docker's engine, then podman's, then the registry.
    Layers that can be read only once (engines, compressed archives) are indexed by `indexer` on the way. Raises
    `InputError`, or `UsageError` for what is no reference.
    """
    from jettison.image.indexer import Indexer
    from jettison.stores import opening

    indexer = indexer or Indexer()
    resolved = _resolve(reference)
    if resolved.transport is not None:
        return store_for(resolved.transport).open_image(resolved, platform, indexer)
    return opening.open_bare(resolved, platform, indexer)


def fetch_image(
    reference: str | Reference, platform: Platform | None, indexer: Indexer, path: Callable[[], str]
) -> Image:
    """As `open_image`, for whoever is going to read all layers: an engine saves the image once, to a file at `path`.

    `reference` names its transport. Raises `InputError`.
    """
    resolved = _resolve(reference)
    fetch = getattr(store_for(resolved.transport or ""), "fetch_image", None)
    if fetch is None:
        return open_image(resolved, platform, indexer)
    image: Image = fetch(resolved, platform, indexer, path())
    return image


def write_image(image: Image, reference: str | Reference, *, compression: str = "keep") -> tuple[str, ...]:
    """Write an image to `reference`, which must name its transport; whole or not at all.

    Returns what the place could not keep, in sentences: owners, for one who is not root.

    `compression` is `keep` (layers as they are stored), `none`, `gzip` or `zstd`. Raises `UsageError` for a place that
    cannot be written to, `InputError` where writing fails or the image is not what it claims to be.
    """
    resolved = _resolve(reference)
    if resolved.transport is None:
        raise UsageError(f"{resolved}: say how to write it, for example oci:{resolved} or docker-archive:{resolved}")
    write = getattr(store_for(resolved.transport), "write_image", None)
    if write is None:
        raise UsageError(f"images cannot be written to {resolved.transport}")
    return tuple(write(image, resolved, compression=compression) or ())


def resolve(reference: str | Reference) -> Reference:
    """The reference with its transport: a path by its content, a name by who has it, the registry where nobody has.

    Raises `InputError` for a path that is nothing that can be read.
    """
    from jettison.stores import opening

    resolved = _resolve(reference)
    return resolved if resolved.transport is not None else opening.resolve(resolved)


def holds_graphs(transport: str | None) -> bool:
    """Whether a store keeps manifests and indexes byte for byte: registries, OCI layouts and their archives."""
    return transport is not None and hasattr(store_for(transport), "write_graph")


def open_graph(reference: str | Reference) -> Graph:
    """Everything that hangs on `reference`: all platforms, all attestations. Raises `InputError`.

    Raises `UsageError` for a store that keeps single images only, and for a reference without a transport.
    """
    resolved = _resolve(reference)
    if not holds_graphs(resolved.transport):
        raise UsageError(f"{resolved}: only registries, OCI layouts and their archives hold indexes")
    opened: Graph = store_for(resolved.transport or "").open_graph(resolved)  # type: ignore[attr-defined]
    return opened


def write_graph(graph: Graph, reference: str | Reference, *, told: Callable[[int], None] | None = None) -> Delivery:
    """Write a graph to `reference`, byte for byte; whole or not at all. Blobs that are there are not written again.

    `told` hears of bytes as they are done with, written or not. Raises `UsageError` for a store that keeps single
    images only, `InputError` where writing fails or a blob is not what it claims to be.
    """
    resolved = _resolve(reference)
    if not holds_graphs(resolved.transport):
        raise UsageError(f"{resolved}: only registries, OCI layouts and their archives hold indexes")
    delivery: Delivery = store_for(resolved.transport or "").write_graph(graph, resolved, told=told)  # type: ignore[attr-defined]
    return delivery


def list_referrers(reference: str | Reference, digest: Digest) -> list[tuple[Reference, Descriptor]]:
    """What is kept beside an image, in the same repository or layout, that names it as its subject: where, and what.

    Raises `UsageError` for a store that keeps single images only, else `InputError`.
    """
    resolved = _resolve(reference)
    if not holds_graphs(resolved.transport):
        raise UsageError(f"{resolved}: only registries, OCI layouts and their archives hold referrers")
    return list(store_for(resolved.transport or "").list_referrers(resolved, digest))  # type: ignore[attr-defined]


def list_images(reference: str | Reference) -> Iterator[Listing]:
    """The images at `reference`: of an archive, a layout, an engine, a registry's repository. Raises `InputError`."""
    from jettison.stores import opening

    resolved = _resolve(reference)
    if resolved.transport is not None:
        return store_for(resolved.transport).list_images(resolved)
    return opening.list_bare(resolved)


def _resolve(reference: str | Reference) -> Reference:
    return references.parse(reference) if isinstance(reference, str) else reference
