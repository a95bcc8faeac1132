"""`docker-daemon:NAME[:TAG]` or `docker-daemon:ID`: images in Docker's engine, through its API socket.

The engine packs an image as `docker save` does, and the stream is indexed as it comes by: nothing is copied to disk
here. Docker up to 28 packs the whole image into a directory of its own before it sends the first byte, which takes most
of the time; an image whose layers and documents are remembered is not asked for again. Writing is `docker load`,
streamed the same way. Podman's engine speaks the same API; `podman` reads and writes through this.
"""

from __future__ import annotations

import json
import re
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import chain
from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode

import msgspec

from jettison.engines import endpoint
from jettison.engines.api import Api
from jettison.errors import DigestMismatch, JettisonError, NotFound, RemoteError
from jettison.image.image import Image, assemble
from jettison.image.layer import Layer
from jettison.oci import config as configs
from jettison.oci.digest import Digest
from jettison.oci.platform import Platform
from jettison.stores import Listing, layout, outputs, sending
from jettison.stores.contents import Archive
from jettison.stores.docker_archive import open_saved
from jettison.stores.streamed import StreamedArchive
from jettison.stores.writing import KEEP

if TYPE_CHECKING:
    from collections.abc import Iterator

    from urllib3 import BaseHTTPResponse

    from jettison.image.indexer import Indexer
    from jettison.oci.reference import Reference
    from jettison.stores.contents import Contents

_TAIL = 2048
_FAILED = re.compile(
    rb'(?:\{"errorDetail":.{0,1000}"error":"(.{1,500}?)"\}|\{"cause":.{0,1000}"message":"(.{1,500}?)",.{0,100}\})\s*\Z',
    re.DOTALL,
)
"""What Docker and podman append to a tar when they fail halfway."""
_PLATFORM_OF_SAVE, _PLATFORM_OF_INSPECT = (1, 48), (1, 49)


_ZSTD_LOADS = (1, 42)
"""Docker 23, the first that unpacks zstd. Podman does, but up to 4.3 at least it cannot save such an image again."""
_LONGEST_LINE = 1 << 20
_LOADING_SECONDS = 3600.0
"""The longest silence while an engine unpacks what it was sent."""


class _RootFS(msgspec.Struct):
    layers: list[str] | None = msgspec.field(default=None, name="Layers")


class _Inspected(msgspec.Struct, rename="pascal"):
    """What the engine says of an image; `id` is the configuration's digest, or the manifest's or index's in a
    containerd store."""

    id: str
    repo_tags: list[str] | None = None
    root: _RootFS | None = msgspec.field(default=None, name="RootFS")
    os: str = ""
    architecture: str = ""
    variant: str = ""

    @property
    def platform(self) -> Platform | None:
        """The platform that the engine speaks of: its own, of an image of several."""
        if not self.os or not self.architecture:
            return None
        return Platform(os=self.os, architecture=self.architecture, variant=self.variant or None)


class _Documents(msgspec.Struct):
    """What is remembered of an image that was streamed, besides its layers."""

    config: bytes
    manifest: bytes | None
    attestations: list[bytes]


def open_image(reference: Reference, platform: Platform | None, indexer: Indexer) -> Image:
    """The image at `reference`, its layers indexed on the way. Raises `InputError`."""
    return open_from(Api(endpoint.docker()), reference, platform, indexer)


def fetch_image(reference: Reference, platform: Platform | None, indexer: Indexer, path: str) -> Image:
    """The image at `reference`, saved by the engine to a new file at `path`, and read there. Raises `InputError`."""
    return fetch_from(Api(endpoint.docker()), reference, platform, indexer, path)


def list_images(reference: Reference) -> Iterator[Listing]:
    """The engine's images; those of one name or pattern (`team/*`) where the reference has one. Raises `InputError`."""
    return list_from(Api(endpoint.docker()), reference)


def write_image(image: Image, reference: Reference, *, compression: str = KEEP) -> None:
    """Load the image into the engine under the reference's name, which moves there. Raises `InputError`."""
    write_to(Api(endpoint.docker()), image, reference, compression=compression)


def open_from(api: Api, reference: Reference, platform: Platform | None, indexer: Indexer) -> Image:
    """The image at `reference` in the engine behind `api`. Raises `InputError`."""
    inspected = _inspect(api, reference, platform)
    source = _SavedImage(api, inspected, str(reference), platform, indexer)
    image = source.remembered() or source.streamed()
    return layout.demand_platform(replace(image, names=tuple(inspected.repo_tags or ())), platform)


def fetch_from(api: Api, reference: Reference, platform: Platform | None, indexer: Indexer, path: str) -> Image:
    """The image in the engine behind `api`, saved once to a file at `path`, for whoever reads all its layers."""
    inspected = _inspect(api, reference, platform)
    saved = _SavedImage(api, inspected, str(reference), platform, indexer)
    return layout.demand_platform(replace(saved.kept(path), names=tuple(inspected.repo_tags or ())), platform)


def _inspect(api: Api, reference: Reference, platform: Platform | None) -> _Inspected:
    path = f"/images/{quote(reference.location, safe='/:@')}/json"
    if platform is not None and api.version >= _PLATFORM_OF_INSPECT:
        path += "?" + urlencode({"platform": _platform_json(platform)})
    inspected = api.get(path, _Inspected, what=f"image {reference.location}")
    identity = inspected.id if ":" in inspected.id else f"sha256:{inspected.id}"
    return msgspec.structs.replace(inspected, id=Digest.parse(identity))


def _platform_json(platform: Platform) -> str:
    fields = {"os": platform.os, "architecture": platform.architecture, "variant": platform.variant}
    return json.dumps({key: value for key, value in fields.items() if value})


class _SavedImage:
    """One image as the engine saves it: streamed when that must be, and again when somebody wants a layer's bytes."""

    def __init__(
        self, api: Api, inspected: _Inspected, reference: str, platform: Platform | None, indexer: Indexer
    ) -> None:
        self._api = api
        self._inspected = inspected
        self._reference = reference
        self._platform = platform
        self._indexer = indexer
        self._image: Image | None = None
        self._failure: JettisonError | None = None
        self._question = "saved-" + (str(platform).replace("/", "-") if platform else "default")

    def remembered(self) -> Image | None:
        """The image out of the cache, where all of it is there in the form that the engine keeps."""
        documents = self._indexer.cache.get(self._inspected.id, self._question, _Documents)
        if documents is None:
            return None
        known = [self._indexer.known(diff_id) for diff_id in configs.parse(documents.config).diff_ids]
        sources = [_Unread(self, number, index.stored) for number, index in enumerate(known) if index is not None]
        if len(sources) < len(known):
            return None
        image = _image(self._reference, documents, sources)
        for layer, index in zip(image.layers, known, strict=True):
            if index is None or (index.blob != layer.digest if layer.digest else index.compression):
                return None
        return image

    def streamed(self) -> Image:
        """The image out of the engine's stream, read to its end. Raises `InputError`."""
        if self._image is not None:
            return self._image
        self._failure = None
        try:
            contents = StreamedArchive(self._reference, self._pieces, self._indexer)
            image = open_saved(contents, self._reference, None, self._platform or self._inspected.platform)
        except JettisonError as error:
            raise (self._failure or error) from None
        self._check(contents, image)
        documents = _Documents(image.config_bytes, image.manifest_bytes, list(image.attestations))
        self._indexer.cache.put(self._inspected.id, self._question, documents)
        self._image = image
        return image

    def kept(self, path: str) -> Image:
        """The image out of a file that the engine's stream is written to. Raises `InputError`."""
        with outputs.failures(path), open(path, "wb") as file:
            for piece in self._pieces():
                file.write(piece)
        contents = Archive(path)
        image = open_saved(contents, self._reference, None, self._platform or self._inspected.platform)
        self._check(contents, image)
        return image

    def _check(self, contents: Contents, image: Image) -> None:
        """The engine must send what it was asked for: the configuration or manifest of the id, and the layers."""
        identities: set[str | None] = {image.id, image.digest}
        if contents.has("index.json"):
            identities.update(entry.digest for entry in layout.root(contents).manifests)
        stated = self._inspected.root.layers if self._inspected.root else None
        if self._platform is not None and self._api.version < _PLATFORM_OF_INSPECT:
            stated = None  # these are another platform's
        if self._inspected.id not in identities or (stated and stated != image.config.diff_ids):
            raise DigestMismatch(
                f"the engine was asked for {self._inspected.id} and sent another image, {image.id}",
                where=self._reference,
            )

    def _pieces(self) -> Iterator[bytes]:
        """The engine's stream. A failure is kept besides being raised: in the middle of a layer it means the engine."""
        path = f"/images/{quote(self._inspected.id, safe=':')}/get"
        if self._platform is not None and self._api.version >= _PLATFORM_OF_SAVE:
            path += "?" + urlencode({"platform": _platform_json(self._platform)})
        try:
            tail = b""
            for piece in self._api.pieces(self._api.open(path, what=f"image {self._reference}")):
                tail = (tail + piece[-_TAIL:])[-_TAIL:]
                yield piece
            failed = _FAILED.search(tail)
            if failed is not None:
                said = (failed[1] or failed[2]).decode("utf-8", "replace")
                raise RemoteError(f"the engine gave up: {said}", where=self._reference, hint="see the engine's own log")
        except JettisonError as error:
            self._failure = error
            raise


@dataclass(frozen=True, slots=True)
class _Unread:
    """A layer of a remembered image: the engine is asked only if somebody reads it."""

    saved: _SavedImage
    number: int
    size: int

    def chunks(self) -> Iterator[bytes]:
        return self.saved.streamed().layers[self.number].source.chunks()


def _image(reference: str, documents: _Documents, sources: list[_Unread]) -> Image:
    if documents.manifest is not None:
        return assemble(reference, documents.manifest, documents.config, sources, attestations=documents.attestations)
    config = configs.parse(documents.config, where=reference)
    layers = tuple(Layer(diff_id, source) for diff_id, source in zip(config.diff_ids, sources, strict=True))
    return Image(reference, config, documents.config, layers, attestations=tuple(documents.attestations))


class _Said(msgspec.Struct):
    """One line of what an engine tells while it loads."""

    stream: str = ""
    error: str = ""


def write_to(api: Api, image: Image, reference: Reference, *, compression: str) -> None:
    """Load the image into the engine behind `api`, and see that the name is its. Raises `InputError`."""
    sending.demand_compression(compression)
    name = sending.name_of(reference)
    knows_zstd = api.endpoint.engine == "docker" and api.version >= _ZSTD_LOADS
    packed = () if compression == "none" else ("gzip", "zstd") if knows_zstd else ("gzip",)
    parcel = sending.parcel(image, name, packed=packed)
    response = api.send("/images/load?quiet=1", parcel.pieces(), what=f"image {name}", idle=_LOADING_SECONDS)
    for said in _told(api, response):
        if said.error:
            raise RemoteError(f"the engine did not take the image: {said.error}", where=str(reference))
    loaded = _inspect(api, reference, None).id
    if loaded not in (image.id, parcel.digest):
        raise RemoteError(
            f"the engine was given {image.id} and now has {loaded} under that name",
            where=str(reference),
            hint="somebody else moved the name meanwhile, or the engine rewrites what it loads",
        )


def _told(api: Api, response: BaseHTTPResponse) -> Iterator[_Said]:
    """The lines of an engine's answer; those that are no JSON tell nothing."""
    rest = b""
    for piece in chain(api.pieces(response), (b"\n",)):
        *lines, rest = (rest + piece).split(b"\n")
        for line in lines:
            with suppress(msgspec.MsgspecError):
                yield msgspec.json.decode(line, type=_Said)
        if len(rest) > _LONGEST_LINE:
            raise RemoteError("the engine's answer has no end", where=str(api.endpoint))


class _Size(msgspec.Struct, rename="pascal"):
    content: int = 0
    unpacked: int = 0


class _ImageData(msgspec.Struct):
    platform: dict[str, object] | None = msgspec.field(default=None, name="Platform")
    size: _Size | None = msgspec.field(default=None, name="Size")


class _Manifest(msgspec.Struct):
    """One platform of an image in a containerd store."""

    kind: str = msgspec.field(default="", name="Kind")
    available: bool = msgspec.field(default=False, name="Available")
    size: _Size | None = msgspec.field(default=None, name="Size")
    data: _ImageData | None = msgspec.field(default=None, name="ImageData")


class _Summary(msgspec.Struct, rename="pascal"):
    id: str
    repo_tags: list[str] | None = None
    repo_digests: list[str] | None = None
    created: int = 0
    size: int = 0
    manifests: list[_Manifest] | None = None


def list_from(api: Api, reference: Reference) -> Iterator[Listing]:
    """The images of the engine behind `api`; a name or pattern in the reference chooses. Raises `InputError`."""
    query = {"manifests": "1"} if api.version >= (1, 47) else {}
    pattern = reference.location.strip()
    if pattern not in ("", "*"):
        query["filters"] = json.dumps({"reference": [pattern]})
    path = "/images/json" + (f"?{urlencode(query)}" if query else "")
    summaries = api.get(path, list[_Summary], what="list of images")
    if not summaries and "filters" in query:
        raise NotFound(f"{api.endpoint.engine} has no image {pattern}", where=str(api.endpoint))
    return (listing for summary in summaries for listing in _listings(summary))


def _listings(summary: _Summary) -> Iterator[Listing]:
    """The rows of an image: one, or one a platform that is there."""
    names = tuple(name for name in summary.repo_tags or () if name != "<none>:<none>")
    created = datetime.fromtimestamp(summary.created, UTC).isoformat() if summary.created > 0 else None
    there = [entry for entry in summary.manifests or () if entry.kind == "image" and entry.available and entry.data]
    for entry in there:
        fields = (entry.data.platform if entry.data else None) or {}
        platform = "/".join(str(fields[key]) for key in ("os", "architecture", "variant") if fields.get(key))
        unpacked = entry.data.size.unpacked if entry.data and entry.data.size else 0
        content = entry.size.content if entry.size else 0
        yield Listing(names, summary.id, platform or None, content or None, unpacked or None, created)
    if not there:
        # A containerd store's id is a manifest's digest, and its size counts blobs and unpacked files together.
        both = any(digest.endswith(f"@{summary.id}") for digest in summary.repo_digests or ())
        raw = summary.size if summary.size > 0 and summary.manifests is None and not both else None
        yield Listing(names, summary.id, raw=raw, created=created)
