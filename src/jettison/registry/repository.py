"""One repository of a registry, on whatever sites serve it: manifests, blobs, tags, referrers."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import msgspec

from jettison.errors import DigestMismatch, ImageError, InputError, NotFound, RemoteError
from jettison.image.source import BytesSource, read_all
from jettison.oci import index as indexes
from jettison.oci import media_types
from jettison.oci.decode import MAX_BYTES, decode
from jettison.oci.digest import Digest
from jettison.registry import names, sites
from jettison.registry.blob import BlobSource
from jettison.registry.client import Client
from jettison.registry.transport import Transport

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from urllib3 import BaseHTTPResponse

    from jettison.image.source import Source
    from jettison.oci.descriptor import Descriptor
    from jettison.oci.index import Index
    from jettison.oci.reference import Name
    from jettison.registry.failure import RateLimit

PAGE = 1000
"""Tags asked for at once."""
_MAX_PAGES = 10_000
_NEXT = re.compile(r'<([^>]*)>\s*;[^,]*\brel="?next"?')
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Document:
    """A manifest or an index, byte for byte, with the digest of these bytes."""

    media_type: str
    data: bytes
    digest: Digest

    @property
    def is_index(self) -> bool:
        """True for an index of several images. Raises `ImageError` for bytes that are no JSON."""
        return indexes.is_index(self.media_type, self.data)


class _Tags(msgspec.Struct):
    tags: list[str] | None = None


class Repository:
    """A repository by its name. Threads may share it."""

    def __init__(self, name: Name, transport: Transport | None = None) -> None:
        self.name = name
        self.where = f"{name.registry}/{name.repository}"
        self.transport = transport or Transport()
        self.clients = [Client(site, self.transport) for site in sites.sites(name)]

    @property
    def limit(self) -> RateLimit | None:
        """What the registry last said of its rate limit."""
        return next((client.limit for client in self.clients if client.limit), None)

    def manifest(self, selector: str) -> Document:
        """The manifest or index that a tag or digest names. Raises `InputError`."""
        by_digest = ":" in selector
        return self._first(lambda client: self._manifest(client, selector), by_digest=by_digest)

    def own_manifest(self, selector: str) -> Document:
        """As `manifest`, of the registry itself and no mirror of it."""
        return self._manifest(self.clients[-1], selector)

    def _manifest(self, client: Client, selector: str) -> Document:
        url = client.url(f"manifests/{selector}")
        what = f"manifest of {selector}"
        accept = {"Accept": ", ".join(media_types.ACCEPT)}
        response, data = client.fetch(url, what=what, limit=MAX_BYTES, headers=accept)
        media_type = response.headers.get("content-type", "").partition(";")[0].strip().lower()
        stated = response.headers.get("docker-content-digest", "")
        where = f"{self.where}{'@' if ':' in selector else ':'}{selector}"
        refuse_schema1(media_type, data, where)
        digest = _verified(data, selector if ":" in selector else stated, where)
        return Document(media_type, data, digest)

    def blob(self, descriptor: Descriptor) -> Source:
        """The blob that a descriptor names, verified while it is read. Nothing is asked for before."""
        embedded = _embedded(descriptor)
        if embedded is not None:
            return embedded
        where = f"{self.where}@{descriptor.digest}"
        return BlobSource(descriptor, self._open_blob, self.transport.patience, where, self.name)

    def small_blob(self, descriptor: Descriptor, what: str) -> bytes:
        """All bytes of a small blob, such as a configuration. Raises `InputError`."""
        return read_all(self.blob(descriptor), MAX_BYTES, what)

    def _open_blob(self, descriptor: Descriptor, start: int) -> BaseHTTPResponse:
        def ask(client: Client) -> BaseHTTPResponse:
            return client.call(
                "GET",
                client.url(f"blobs/{descriptor.checked_digest()}"),
                what=f"blob {descriptor.digest}",
                expect=(200, 206, 416) if start else (200,),
                headers={"Range": f"bytes={start}-"} if start else None,
            )

        try:
            return self._first(ask, by_digest=True)
        except NotFound:
            if not descriptor.urls:
                raise
        from jettison.registry.foreign import open_foreign

        return open_foreign(descriptor, start, self.transport.patience, f"{self.where}@{descriptor.digest}")

    def tags(self) -> Iterator[str]:
        """All tags, page by page. Raises `InputError`."""
        client = self.clients[-1]
        url = client.url("tags/list", n=str(PAGE))
        seen: set[str] = set()
        while url and url not in seen and len(seen) < _MAX_PAGES:
            seen.add(url)
            response, data = client.fetch(url, what="list of tags", limit=MAX_BYTES)
            link = _NEXT.search(response.headers.get("link", ""))
            yield from decode(data, _Tags, what="list of tags", where=self.where).tags or []
            following = names.joined(url, link[1]) if link else ""
            if following and names.origin(following) != names.origin(url):
                raise RemoteError(f"the list of tags goes on elsewhere, at {following[:100]!r}", where=self.where)
            url = following

    def referrers(self, digest: Digest) -> Index:
        """What refers to a manifest: signatures, SBOMs, cargo. Empty where there is nothing. Raises `InputError`.

        Registries that know no referrers keep them under the tag `sha256-HEX` (distribution specification 1.1).
        """
        client = self.clients[-1]
        url = client.url(f"referrers/{digest}")
        answers = (200, 400, 404, 405)
        response, data = client.fetch(url, what="list of referrers", limit=MAX_BYTES, expect=answers)
        kind = response.headers.get("content-type", "").partition(";")[0]
        if response.status == 200 and kind == media_types.OCI_INDEX:
            return indexes.parse(data, where=self.where)
        try:
            document = self._manifest(client, f"{digest.algorithm}-{digest.hex}")
        except NotFound:
            return indexes.Index(manifests=[])
        return indexes.parse(document.data, where=self.where) if document.is_index else indexes.Index(manifests=[])

    def _first(self, ask: Callable[[Client], T], *, by_digest: bool) -> T:
        """The first answer of the sites that may be asked; the registry's own error where no site has one."""
        for client in self.clients[:-1]:
            if client.site.by_digest if by_digest else client.site.by_tag:
                try:
                    return ask(client)
                except InputError:
                    continue
        return ask(self.clients[-1])


def refuse_schema1(media_type: str, data: bytes, where: str) -> None:
    """Raises `ImageError` for a manifest of schema 1, which has no configuration and no layers to speak of."""
    old = media_type in media_types.DOCKER_SCHEMA1
    if not old and b'"schemaVersion"' in data[:4096] and b'"fsLayers"' in data:
        old = True
    if old:
        raise ImageError(
            "the registry has this image only as a manifest of schema 1, which was given up in 2017",
            where=where,
            hint="pull and push the image again with a current engine",
        )


def _verified(data: bytes, wanted: str, where: str) -> Digest:
    """The sha256 digest of a document, or the wanted one of another algorithm. Raises `DigestMismatch`."""
    digest = Digest.of(data)
    if not wanted:
        return digest
    expected = Digest.parse(wanted)
    if expected.algorithm != "sha256":
        import hashlib

        digest = Digest.parse(f"{expected.algorithm}:{hashlib.new(expected.algorithm, data).hexdigest()}")
    if digest != expected:
        raise DigestMismatch(
            f"the registry sends another manifest than it says: its digest is {digest}, not {expected}", where=where
        )
    return digest


def _embedded(descriptor: Descriptor) -> BytesSource | None:
    """The blob out of the descriptor's own `data`, where that is what the digest says."""
    if not descriptor.data or len(descriptor.data) > MAX_BYTES:
        return None
    import base64
    import binascii

    try:
        data = base64.b64decode(descriptor.data, validate=True)
    except binascii.Error:
        return None
    return BytesSource(data) if len(data) == descriptor.size and Digest.of(data) == descriptor.digest else None
