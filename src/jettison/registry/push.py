"""Pushing: a whole graph into a repository, blobs first, the tag last.

As long as the last request has not been answered, the tag shows what it showed before; whatever happens on the way
leaves at most blobs and manifests that nobody refers to, which registries clear away, and which are not sent again.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from jettison.errors import DigestMismatch, RemoteError
from jettison.image.graph import Delivery, Handed, stays_elsewhere
from jettison.image.together import Told, together
from jettison.oci.digest import Digest
from jettison.registry import referrers
from jettison.registry.blob import BlobSource
from jettison.registry.upload import PUSH, SENT, upload

if TYPE_CHECKING:
    from collections.abc import Callable

    from jettison.image.graph import Graph, Node
    from jettison.image.source import Source
    from jettison.oci.descriptor import Descriptor
    from jettison.oci.reference import Name
    from jettison.registry.repository import Repository

AT_ONCE = 4
"""Blobs under way at a time; each keeps at most a few megabytes in memory."""
_SUBJECT = "oci-subject"


def push(repository: Repository, graph: Graph, *, told: Callable[[int], None] | None = None) -> Delivery:
    """Put a graph into a repository, under the tag or digest of the repository's name.

    `told` hears of bytes as they are done with, sent or not. Raises `DigestMismatch` where a blob is not what its
    manifest says, else `InputError`; the tag is then where it was.
    """
    return _Push(repository, told).run(graph)


class _Push:
    def __init__(self, repository: Repository, told: Callable[[int], None] | None) -> None:
        self._repository = repository
        self._client = repository.clients[-1]
        self._told = Told(told)

    def run(self, graph: Graph) -> Delivery:
        name = self._repository.name
        if name.digest is not None and name.digest != graph.root.digest:
            raise DigestMismatch(
                f"this is {graph.root.digest}, which cannot be had under another digest", where=str(name)
            )
        layers, configs = graph.blobs()
        handed = [
            handed
            for blobs in (layers, configs)
            for handed in together(partial(self._blob, graph.blob), blobs, self._told, AT_ONCE)
        ]
        *others, root = graph.nodes()
        for node in others:
            self._put(node, node.digest)
        self._put(root, name.tag or root.digest)
        return Delivery(root.descriptor, tuple(handed), len(others) + 1)

    def _blob(self, find: Callable[[Descriptor], Source], descriptor: Descriptor) -> Handed:
        if stays_elsewhere(descriptor):
            self._told(descriptor.size)
            return Handed(descriptor, "elsewhere")
        source = find(descriptor)
        fate = upload(
            self._client,
            descriptor,
            source,
            self._repository.transport.patience,
            mount=_mountable(source, self._repository.name),
            told=self._told,
        )
        if fate != SENT:
            self._told(descriptor.size)
        return Handed(descriptor, fate)

    def _put(self, node: Node, selector: str) -> None:
        put_manifest(self._repository, node.descriptor.media_type, node.data, selector, subject=_subject(node))


def _subject(node: Node) -> Descriptor | None:
    return node.manifest.subject if node.manifest is not None else None


def _mountable(source: Source, target: Name) -> str | None:
    """The other repository of the same registry that a blob is read from."""
    home = source.home if isinstance(source, BlobSource) else None
    same = home is not None and home.registry == target.registry and home.repository != target.repository
    return home.repository if home is not None and same else None


def put_manifest(
    repository: Repository, media_type: str, data: bytes, selector: str, *, subject: Descriptor | None = None
) -> None:
    """Put a manifest or an index under a tag or its digest. Raises `InputError`.

    One with a `subject` is listed among that one's referrers, also in a registry that does not do so itself.
    """
    client = repository.clients[-1]
    where = f"{repository.where}{'@' if ':' in selector else ':'}{selector}"
    url = client.url(f"manifests/{selector}")
    headers = {"Content-Type": media_type}
    expect = (200, 201, 202, 404)
    response = client.call(
        "PUT", url, what=f"manifest of {selector}", expect=expect, headers=headers, body=data, actions=PUSH
    )
    said = response.read(2048, decode_content=False) if response.status == 404 else b""
    response.close()
    if response.status == 404:
        text = " ".join(said.decode("utf-8", "replace").split())[:300]
        raise RemoteError(f"the registry does not take the manifest: {text}", where=where, status=404)
    stated = response.headers.get("docker-content-digest", "")
    if stated.startswith("sha256:") and stated != Digest.of(data):
        raise DigestMismatch(f"the registry holds {stated} now; {Digest.of(data)} was sent", where=where)
    if subject is not None and response.headers.get(_SUBJECT) != subject.digest:
        referrers.enlist(repository, subject, media_type, data)
