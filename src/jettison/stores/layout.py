"""OCI image layouts: from `index.json` through nested indexes to one image, in a directory or an archive alike.

Source: OCI image specification 1.1, "OCI Image Layout Specification"; attestations as BuildKit stores them (an entry
of the image's index, annotated with the digest of the manifest that it speaks of).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import msgspec

from jettison.errors import DigestMismatch, ImageError, NotFound, UsageError
from jettison.image.image import Image, assemble
from jettison.oci import config as configs
from jettison.oci import index as indexes
from jettison.oci import manifest as manifests
from jettison.oci import media_types
from jettison.oci.digest import Digest
from jettison.oci.index import Index
from jettison.oci.platform import host
from jettison.oci.reference import parse_name
from jettison.stores import Listing
from jettison.stores.contents import located, read

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from jettison.image.source import Source
    from jettison.oci.descriptor import Descriptor
    from jettison.oci.manifest import Manifest
    from jettison.oci.platform import Platform
    from jettison.stores.contents import Contents

CONTAINERD_NAME = "io.containerd.image.name"
"""The annotation in which Docker 25+ and containerd keep an image's whole name."""
STATEMENT = "application/vnd.in-toto+json"

_MAX_DEPTH = 8
_MAX_INDEXES = 1000
_MAX_STATEMENTS = 32


class Place(NamedTuple):
    """An entry of an index, with the index it stands in."""

    entry: Descriptor
    within: Index


def open_layout(contents: Contents, reference: str, selector: str | None, platform: Platform | None) -> Image:
    """The image that `selector` and `platform` choose of a layout. Raises `InputError` naming the layout."""
    with located(contents.where):
        place = _descend(contents, _select(contents, root(contents), selector, platform), platform)
        manifest_bytes = blob(contents, place.entry, "manifest")
        manifest = manifests.parse(manifest_bytes)
        image = assemble(
            reference,
            manifest_bytes,
            blob(contents, manifest.config, "image configuration"),
            [_layer(contents, manifest, number) for number in range(len(manifest.layers))],
            names=_names(place.entry),
            attestations=attestations(contents, place),
        )
        return demand_platform(image, platform)


def list_layout(contents: Contents) -> Iterator[Listing]:
    """The images of a layout, one for each platform. What cannot be read whole is listed as far as it can."""
    with located(contents.where):
        for place in _walk(contents, root(contents)):
            if place.entry.is_attestation:
                continue
            try:
                yield _listing(contents, place)
            except NotFound:
                yield Listing(_names(place.entry), place.entry.digest, _platform_text(place.entry.platform))


def root(contents: Contents) -> Index:
    """The layout's own index. Raises `InputError`."""
    if not contents.has("index.json"):
        hint = "it holds a manifest.json: use docker-archive:" if contents.has("manifest.json") else None
        raise NotFound("this is no OCI layout: index.json is missing", where=contents.where, hint=hint)
    return indexes.parse(read(contents, "index.json", "index.json"), where=contents.where)


def path_of(digest: Digest) -> str:
    """Where a layout keeps the blob of this digest."""
    return f"blobs/{digest.algorithm}/{digest.hex}"


def blob(contents: Contents, descriptor: Descriptor, what: str) -> bytes:
    """A document that a descriptor names, checked against it. Raises `NotFound` or `DigestMismatch`."""
    digest = descriptor.checked_digest()
    data = read(contents, path_of(digest), what)
    if descriptor.size not in (-1, len(data)):
        raise DigestMismatch(f"the {what} {digest} has {len(data):,} bytes; its descriptor says {descriptor.size:,}")
    if not digest.matches(data):
        raise DigestMismatch(f"the {what} at {path_of(digest)} has not that digest: it was changed or damaged")
    return data


def find_manifest(contents: Contents, config: Digest) -> tuple[bytes, Place] | None:
    """The manifest whose configuration is `config`, where the layout holds it, and its place."""
    if not contents.has("index.json"):
        return None
    for place in _walk(contents, root(contents)):
        if place.entry.is_attestation or not contents.has(path_of(place.entry.checked_digest())):
            continue
        data = blob(contents, place.entry, "manifest")
        if manifests.parse(data).config.digest == config:
            return data, place
    return None


def attestations(contents: Contents, place: Place) -> list[bytes]:
    """The in-toto statements about the image at `place`. Those whose blobs were left out are not there."""
    found: list[bytes] = []
    for entry in place.within.manifests:
        if not entry.is_attestation or speaks_of(entry) != place.entry.digest:
            continue
        try:
            manifest = manifests.parse(blob(contents, entry, "attestation manifest"))
            statements = [layer for layer in manifest.layers if layer.media_type == STATEMENT]
            found += [blob(contents, layer, "attestation") for layer in statements[:_MAX_STATEMENTS]]
        except NotFound:
            continue
    return found[:_MAX_STATEMENTS]


def speaks_of(attestation: Descriptor) -> str | None:
    """The digest of the manifest that an attestation's entry is about."""
    return (attestation.annotations or {}).get("vnd.docker.reference.digest")


def demand_platform(image: Image, platform: Platform | None) -> Image:
    """The image, where it is for `platform` or nobody asked for one. Raises `NotFound`."""
    there = image.config.platform
    if platform is not None and there.known and not there.serves(platform):
        raise NotFound(f"no image for {platform}; there is: {there}", where=image.reference)
    return image


def _layer(contents: Contents, manifest: Manifest, number: int) -> Source:
    layer = manifest.layers[number]
    try:
        source = contents.source(path_of(layer.checked_digest()))
    except NotFound:
        hint = "it is a foreign layer, which stays with its vendor" if layer.urls else "fetch the image again"
        raise NotFound(f"layer {number} of {len(manifest.layers)} is missing: {layer.digest}", hint=hint) from None
    if source.size not in (None, layer.size):
        raise DigestMismatch(
            f"layer {number}, {layer.digest}, has {source.size:,} bytes; the manifest says {layer.size:,}",
            hint="it was cut off or damaged: fetch or save the image again",
        )
    return source


def name_of(entry: Descriptor) -> str | None:
    """The whole name that an index gives an image, else its tag."""
    return (entry.annotations or {}).get(CONTAINERD_NAME) or entry.name


def answers_to(entry: Descriptor, name: str | None) -> bool:
    """Whether an entry is chosen by `name`: its tag or its whole name; None chooses those without."""
    return name_of(entry) is None if name is None else _is_named(entry, name)


def _names(entry: Descriptor) -> tuple[str, ...]:
    name = name_of(entry)
    return (name,) if name else ()


def _walk(contents: Contents, index: Index) -> Iterator[Place]:
    """All entries that are no indexes, at any depth; an index that is met twice, or is not there, is passed over."""
    seen: set[str] = set()
    todo: list[tuple[Index, Descriptor, int]] = [(index, entry, 0) for entry in index.manifests]
    while todo:
        parent, entry, depth = todo.pop(0)
        nested = _nested(contents, entry) if not entry.is_attestation else None
        if nested is None:
            yield Place(entry, parent)
        elif entry.digest not in seen:
            seen.add(entry.digest)
            if depth == _MAX_DEPTH or len(seen) > _MAX_INDEXES:
                raise ImageError(f"indexes are nested deeper than {_MAX_DEPTH} or are more than {_MAX_INDEXES:,}")
            todo[:0] = [(nested, _named_as(child, entry), depth + 1) for child in nested.manifests]


def _nested(contents: Contents, entry: Descriptor) -> Index | None:
    """The index that `entry` names; None where it names something else, or nothing that is there."""
    if entry.media_type in media_types.MANIFESTS or not contents.has(path_of(entry.checked_digest())):
        return None
    data = blob(contents, entry, "manifest")
    return indexes.parse(data) if indexes.is_index(entry.media_type, data) else None


def _named_as(child: Descriptor, parent: Descriptor) -> Descriptor:
    """`child` under the name of the index that lists it, where it has none of its own."""
    if _names(child) or not _names(parent) or child.is_attestation:
        return child
    return msgspec.structs.replace(child, annotations={**(parent.annotations or {}), **(child.annotations or {})})


def _select(contents: Contents, index: Index, selector: str | None, platform: Platform | None) -> Place:
    if selector is not None and selector.startswith("@"):
        return _at(contents, index, selector[1:])
    entries = [entry for entry in index.images if selector is None or _is_named(entry, selector)]
    if not entries:
        named = ", ".join(name for entry in index.images for name in _names(entry)) or "no named image"
        raise NotFound(f"no image {selector!r}; there are: {named}" if selector else "the layout holds no image")
    if len({entry.digest for entry in entries}) == 1:
        return Place(entries[0], index)
    names = sorted({name for entry in entries for name in _names(entry)})
    if len(names) > 1:
        raise UsageError(
            f"the layout holds {len(names)} images: {', '.join(names[:20])}",
            hint="choose one, for example as oci:DIRECTORY:NAME, or by @ and its number or digest",
        )
    return Place(_choose(contents, entries, platform), index)


def _is_named(entry: Descriptor, selector: str) -> bool:
    names = {entry.name, (entry.annotations or {}).get(CONTAINERD_NAME)}
    if selector in names:
        return True
    try:
        return str(parse_name(selector)) in names
    except UsageError:
        return False


def _at(contents: Contents, index: Index, text: str) -> Place:
    """The entry of a number, or of a digest at any depth."""
    if text.isdecimal():
        if int(text) < len(index.images):
            return Place(index.images[int(text)], index)
        raise NotFound(f"no image @{text[:20]}; there are {len(index.images)}, counted from 0")
    digest = Digest.parse(text)
    for entry in index.manifests:
        if entry.digest == digest:
            return Place(entry, index)
    for place in _walk(contents, index):
        if place.entry.digest == digest:
            return place
    raise NotFound(f"no image {digest}")


def _choose(contents: Contents, entries: Sequence[Descriptor], platform: Platform | None) -> Descriptor:
    """The entry for the platform; entries that do not say theirs are asked, and those that are no images are left."""
    asked = [_described(contents, entry) for entry in entries[:100]]
    images = [entry for entry in asked if entry is not None]
    if len({entry.digest for entry in images}) == 1 and images[0].platform is None:
        return images[0]
    wanted = platform or host()
    serving = [entry for entry in images if entry.platform is not None and entry.platform.serves(wanted)]
    if len({entry.digest for entry in serving}) > 1:
        raise UsageError(
            f"{len(serving)} images for {wanted}: {', '.join(entry.digest for entry in serving[:10])}",
            hint="choose one by @ and its number or digest",
        )
    return indexes.choose(Index(manifests=images), wanted, exact=platform is not None)


def _described(contents: Contents, entry: Descriptor) -> Descriptor | None:
    if entry.platform is not None or not contents.has(path_of(entry.checked_digest())):
        return entry
    data = blob(contents, entry, "manifest")
    if indexes.is_index(entry.media_type, data):
        return entry
    manifest = manifests.parse(data)
    if not manifest.is_image:
        return None
    config = configs.parse(blob(contents, manifest.config, "image configuration"))
    return msgspec.structs.replace(entry, platform=config.platform)


def _descend(contents: Contents, place: Place, platform: Platform | None) -> Place:
    """From an entry through nested indexes to a manifest."""
    for _ in range(_MAX_DEPTH):
        nested = _nested(contents, place.entry)
        if nested is None:
            return place
        entry = _choose(contents, nested.images, platform)
        place = Place(_named_as(entry, place.entry), nested)
    raise ImageError(f"indexes are nested deeper than {_MAX_DEPTH}")


def _platform_text(platform: Platform | None) -> str | None:
    return str(platform) if platform is not None else None


def _listing(contents: Contents, place: Place) -> Listing:
    manifest = manifests.parse(blob(contents, place.entry, "manifest"))
    platform, created = place.entry.platform, None
    if manifest.is_image:
        config = configs.parse(blob(contents, manifest.config, "image configuration"))
        platform, created = config.platform, config.created
    stored = sum(layer.size for layer in manifest.layers)
    packed = {media_types.compression(layer.media_type) for layer in manifest.layers}
    return Listing(
        names=_names(place.entry),
        id=place.entry.digest,
        platform=_platform_text(platform),
        compressed=stored if "none" not in packed else None,
        raw=stored if packed == {"none"} else None,
        created=created,
    )
