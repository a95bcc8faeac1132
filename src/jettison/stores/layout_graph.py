"""Graphs in OCI layouts: everything that hangs on one name, read from a directory or an archive, and written to one."""

from __future__ import annotations

import hashlib
import os
import shutil
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import msgspec

from jettison.errors import DigestMismatch, ImageError, JettisonError, NotFound, RemoteError, UsageError
from jettison.image.graph import Delivery, Graph, Handed, grow, stays_elsewhere
from jettison.image.source import FileSource, OwnSource
from jettison.image.together import Told, together
from jettison.oci import index as indexes
from jettison.oci import manifest as manifests
from jettison.oci import media_types
from jettison.oci.descriptor import Descriptor
from jettison.oci.digest import Digest
from jettison.registry.referrers import described
from jettison.stores import outputs
from jettison.stores.contents import located
from jettison.stores.layout import answers_to, blob, name_of, path_of, root, speaks_of
from jettison.stores.writing import OCI_LAYOUT, encode_index, indexed, naming

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from jettison.image.source import Source
    from jettison.oci.index import Index
    from jettison.oci.platform import Platform
    from jettison.oci.reference import Reference
    from jettison.stores.contents import Contents
    from jettison.stores.outputs import Output


AT_ONCE = 4
"""Blobs under way at a time, into a directory."""


def open_layout_graph(contents: Contents, reference: str, selector: str | None) -> Graph:
    """All that hangs on what `selector` chooses, or on the layout's only image. Raises `InputError`.

    Images of several platforms that stand in the layout's own index under one name count as an index of them.
    """
    with located(contents.where):
        entries = _chosen(root(contents), selector)
        if len({entry.digest for entry in entries}) == 1:
            top, data = entries[0], blob(contents, entries[0], "manifest")
        else:
            data = encode_index([_unnamed(entry) for entry in entries])
            top = Descriptor(media_type=media_types.OCI_INDEX, digest=str(Digest.of(data)), size=len(data))

        def fetch(entry: Descriptor) -> bytes:
            try:
                return blob(contents, entry, "manifest")
            except NotFound as error:
                hint = "the layout holds only some of the index's images: choose one with --platform"
                raise NotFound(error.message, where=contents.where, hint=hint) from None

        node = grow(top, data, fetch, where=contents.where)
        name = name_of(entries[0])
        return Graph(reference, node, lambda wanted: _source(contents, wanted), (name,) if name else ())


def _chosen(index: Index, selector: str | None) -> list[Descriptor]:
    if selector is not None and selector.startswith("@"):
        text = selector[1:]
        if not text.isdecimal():
            return [Descriptor(digest=str(Digest.parse(text)))]
        if int(text) >= len(index.images):
            raise NotFound(f"no image @{text[:20]}; there are {len(index.images)}, counted from 0")
        return [index.images[int(text)]]
    images = [entry for entry in index.images if selector is None or answers_to(entry, selector)]
    names = sorted({name_of(entry) or "an image without a name" for entry in images})
    if not images:
        known = ", ".join(name for entry in index.images if (name := name_of(entry))) or "no named image"
        raise NotFound(f"no image {selector!r}; there are: {known}" if selector else "the layout holds no image")
    if len(names) > 1:
        raise UsageError(
            f"the layout holds {len(names)} images: {', '.join(names[:20])}",
            hint="choose one, for example as oci:DIRECTORY:NAME, or by @ and its number or digest",
        )
    digests = {entry.digest for entry in images}
    return [*images, *(entry for entry in index.manifests if entry.is_attestation and speaks_of(entry) in digests)]


def _unnamed(entry: Descriptor) -> Descriptor:
    """The entry as it stands in an index of one image's platforms: what it says of attestations stays."""
    kept = {key: text for key, text in (entry.annotations or {}).items() if key.startswith("vnd.docker.")}
    return msgspec.structs.replace(entry, annotations=kept or None)


def _source(contents: Contents, wanted: Descriptor) -> Source:
    source = contents.source(path_of(wanted.checked_digest()))
    if source.size not in (None, wanted.size):
        raise DigestMismatch(
            f"the blob {wanted.digest} has {source.size:,} bytes; its manifest says {wanted.size:,}",
            where=contents.where,
            hint="it was cut off or damaged: fetch or save the image again",
        )
    return source


def referrers_in(contents: Contents, reference: Reference, digest: Digest) -> Iterator[tuple[Reference, Descriptor]]:
    """The manifests in the layout's own index that name `digest` as their subject. Raises `InputError`."""
    with located(contents.where):
        for entry in root(contents).manifests:
            if entry.media_type in media_types.INDEXES or not contents.has(path_of(entry.checked_digest())):
                continue
            data = blob(contents, entry, "manifest")
            if indexes.is_index(entry.media_type, data):
                continue
            manifest = manifests.parse(data)
            if manifest.subject is not None and manifest.subject.digest == digest:
                kind = entry.media_type or media_types.OCI_MANIFEST
                yield replace(reference, selector=f"@{entry.digest}"), described(kind, data)


def write_archive(
    output: Output, graph: Graph, *, name: str | None = None, told: Callable[[int], None] | None = None
) -> Delivery:
    """Write a graph as a layout of its own, under a tag or whole name. Raises `DigestMismatch`."""
    heard = Told(told)
    layers, configs = graph.blobs()
    handed = [_written(output, graph, descriptor, heard) for descriptor in (*layers, *configs)]
    return _described(output, graph, name, handed)


def write_directory(
    folder: str, graph: Graph, *, name: str | None = None, told: Callable[[int], None] | None = None
) -> Delivery:
    """Write a graph into the layout at `folder`, new or there already, under a tag or whole name.

    Each blob is in the layout as soon as it is complete, so that a copy that the network broke off can go on; the
    index names the image last. Blobs that are there are not read from the graph, as long as they are what they should
    be. Raises `DigestMismatch` where a blob is not what its manifest says.
    """
    heard = Told(told)

    def put(descriptor: Descriptor) -> Handed:
        if _is_there(os.path.join(folder, path_of(descriptor.checked_digest())), descriptor):
            heard(descriptor.size)
            return Handed(descriptor, "there")
        with outputs.layout(folder) as output:
            return _written(output, graph, descriptor, heard)

    with _at_least_empty(folder):
        layers, configs = graph.blobs()
        handed = together(put, (*layers, *configs), heard, AT_ONCE)
        with outputs.layout(folder) as output:
            return _described(output, graph, name, handed)


@contextmanager
def _at_least_empty(folder: str) -> Iterator[None]:
    """A layout at `folder`, without any image if need be.

    One that is new stays after a failure only where going on makes sense: when the network failed, or the user left.
    """
    new = not os.path.isfile(os.path.join(folder, "index.json"))
    if new:
        with outputs.directory(folder) as output:
            output.add("oci-layout", OCI_LAYOUT)
            output.amend("index.json", lambda there: encode_index([]))
    try:
        yield
    except JettisonError as error:
        if new and not isinstance(error, RemoteError):
            shutil.rmtree(folder, ignore_errors=True)
        raise


def _described(output: Output, graph: Graph, name: str | None, handed: Iterable[Handed]) -> Delivery:
    """Write the documents, and the index that names the root."""
    output.add("oci-layout", OCI_LAYOUT)
    nodes = list(graph.nodes())
    for node in nodes:
        output.add(path_of(Digest.parse(node.digest)), node.data)
    entry = msgspec.structs.replace(graph.root.descriptor, platform=_platform(graph), annotations=naming(name))
    output.amend("index.json", lambda there: indexed(there, entry))
    return Delivery(graph.root.descriptor, tuple(handed), len(nodes))


def _platform(graph: Graph) -> Platform | None:
    """What an index says of a single image."""
    if graph.root.manifest is None or not graph.root.manifest.is_image:
        return None
    platform = graph.image(graph.root).config.platform
    return platform if platform.known else None


def _written(output: Output, graph: Graph, descriptor: Descriptor, told: Told) -> Handed:
    digest = descriptor.checked_digest()
    if stays_elsewhere(descriptor):
        told(descriptor.size)
        return Handed(descriptor, "elsewhere")
    source, path = graph.blob(descriptor), path_of(digest)
    if isinstance(source, OwnSource) and source.digest == digest and output.link(source, path):
        told(descriptor.size)
    elif digest.algorithm == "sha256":  # which the output computes anyhow
        found, size = output.add_blob(_heard(source, told), lambda _: path)
        _demand_same(found, size, descriptor, graph.reference)
    else:
        output.add_blob(_verified(source, descriptor, graph.reference, told), lambda _: path)
    return Handed(descriptor, "sent")


def _heard(source: Source, told: Callable[[int], None]) -> Iterator[bytes]:
    for chunk in source.chunks():
        told(len(chunk))
        yield chunk


def _verified(source: Source, descriptor: Descriptor, where: str, told: Callable[[int], None]) -> Iterator[bytes]:
    """The blob's bytes; at their end it is known that they are the right ones."""
    algorithm, size = descriptor.checked_digest().algorithm, 0
    hasher = hashlib.new(algorithm)
    for chunk in _heard(source, told):
        hasher.update(chunk)
        size += len(chunk)
        yield chunk
    _demand_same(f"{algorithm}:{hasher.hexdigest()}", size, descriptor, where)


def _demand_same(found: str, size: int, descriptor: Descriptor, where: str) -> None:
    if size != descriptor.size or found != descriptor.digest:
        raise DigestMismatch(
            f"a blob has {size:,} bytes and the digest {found}; its manifest says {descriptor.size:,} and "
            f"{descriptor.digest}",
            where=where,
        )


def _is_there(path: str, descriptor: Descriptor) -> bool:
    """True for a blob that is whole: a damaged one is written again."""
    try:
        if os.path.getsize(path) != descriptor.size:
            return False
        for _ in _verified(FileSource(path, 0, descriptor.size), descriptor, path, lambda count: None):
            pass
    except (OSError, ImageError):
        return False
    return True
