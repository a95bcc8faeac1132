"""`docker-archive:FILE[:name:tag]`: what `docker save` writes, in all its ages.

Legacy (layers as `ID/layer.tar`, some of them links to others), Docker 25 and later (layers as blobs, an OCI layout
beside), kaniko (packed layers, a configuration named by digest), several images in one file, the file packed as a
whole. `manifest.json` says which layers an image has, in which order.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from jettison.errors import DigestMismatch, ImageError, NotFound, UsageError
from jettison.image.image import Image, assemble
from jettison.image.layer import Layer
from jettison.oci import config as configs
from jettison.oci import manifest as manifests
from jettison.oci.decode import decode
from jettison.oci.digest import Digest
from jettison.oci.platform import host
from jettison.oci.reference import parse_name
from jettison.stores import Listing, outputs
from jettison.stores.archives import demand_alone, open_archive
from jettison.stores.contents import located, read
from jettison.stores.layout import attestations, demand_platform, find_manifest, path_of
from jettison.stores.writing import KEEP, demand_tag, write_saved

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from jettison.image.indexer import Indexer
    from jettison.image.source import Source
    from jettison.oci.config import Config
    from jettison.oci.platform import Platform
    from jettison.oci.reference import Reference
    from jettison.stores.contents import Contents

_HEX = re.compile(r"(?:.*/|sha256:)?([0-9a-f]{64})(?:\.json)?")
_MAX_LAYERS = 10_000


class Saved(msgspec.Struct, frozen=True, rename="pascal"):
    """One image in `manifest.json`: paths in the archive, and names."""

    config: str
    layers: list[str] | None = None
    repo_tags: list[str] | None = None


class _Candidate(NamedTuple):
    saved: Saved
    config_bytes: bytes
    config: Config


def open_image(reference: Reference, platform: Platform | None, indexer: Indexer) -> Image:
    """The image at `reference`; the archive's only one where no name chooses. Raises `InputError`."""
    contents = open_archive(reference.location, indexer)
    return open_saved(contents, str(reference), reference.selector, platform)


def list_images(reference: Reference) -> Iterator[Listing]:
    """The archive's images. Raises `InputError`."""
    contents = open_archive(reference.location)
    with located(contents.where):
        for saved in _saved(contents):
            candidate = _load(contents, saved)
            layers = _layers(contents, candidate)
            plain = all(layer.compression() is None for layer in layers)
            stored = sum(layer.stored_size or 0 for layer in layers)
            yield Listing(
                names=tuple(saved.repo_tags or ()),
                id=str(Digest.of(candidate.config_bytes)),
                platform=str(candidate.config.platform),
                raw=stored if plain else None,
                compressed=None if plain else stored,
                created=candidate.config.created,
            )


def open_saved(contents: Contents, reference: str, selector: str | None, platform: Platform | None) -> Image:
    """The image that `selector` and `platform` choose, from whatever holds the archive's members."""
    with located(contents.where):
        chosen = _choose(contents, _saved(contents), selector, platform)
        image = _with_manifest(contents, reference, chosen) or Image(
            reference=reference,
            config=chosen.config,
            config_bytes=chosen.config_bytes,
            layers=_layers(contents, chosen),
            names=tuple(chosen.saved.repo_tags or ()),
        )
        return demand_platform(image, platform)


def holds(contents: Contents, selector: str | None) -> bool:
    """Whether the archive's `manifest.json` has what `selector` chooses; a layout beside it may have more names."""
    if not contents.has("manifest.json"):
        return False
    try:
        return selector is None or bool(_selected(_saved(contents), selector))
    except NotFound:
        return not contents.has("index.json")


def _saved(contents: Contents) -> list[Saved]:
    if not contents.has("manifest.json"):
        hint = None
        if contents.has("index.json"):
            hint = "it holds an OCI layout: use oci-archive:"
        elif contents.has("repositories"):
            hint = "it was saved by an engine older than Docker 1.10: load and save it with a current one"
        raise NotFound("this is no docker archive: manifest.json is missing", where=contents.where, hint=hint)
    saved = decode(read(contents, "manifest.json", "manifest.json"), list[Saved], what="manifest.json")
    if not saved:
        raise NotFound("the archive holds no image: manifest.json is an empty list")
    return saved


def _choose(contents: Contents, saved: list[Saved], selector: str | None, platform: Platform | None) -> _Candidate:
    found = saved if selector is None else _selected(saved, selector)
    if len({image.config for image in found}) == 1:
        return _load(contents, found[0])
    if len({tuple(image.repo_tags or ()) for image in found}) == 1 and len(found) <= 100:
        wanted = platform or host()
        candidates = [_load(contents, image) for image in found]
        serving = [candidate for candidate in candidates if candidate.config.platform.serves(wanted)]
        if len(serving) == 1:
            return serving[0]
    raise UsageError(
        f"the archive holds {len(found)} images: {_describe(found)}",
        where=contents.where,
        hint="choose one, as docker-archive:FILE:NAME:TAG or docker-archive:FILE@NUMBER, counted from 0",
    )


def _selected(saved: list[Saved], selector: str) -> list[Saved]:
    if selector[0] == "@" and selector[1:].isdecimal():
        found = saved[int(selector[1:]) :][:1]
    elif selector[0] == "@":
        digest = Digest.parse(selector[1:])
        found = [image for image in saved if digest.hex in image.config]
    else:
        found = [image for image in saved if any(_same_name(tag, selector) for tag in image.repo_tags or ())]
    if not found:
        raise NotFound(f"no image {selector!r}; there are: {_describe(saved)}")
    return found


def _same_name(tag: str, selector: str) -> bool:
    if tag == selector:
        return True
    try:
        return parse_name(tag) == parse_name(selector)
    except UsageError:
        return False


def _describe(saved: Sequence[Saved]) -> str:
    texts = [" ".join(image.repo_tags or ()) or f"unnamed @{number}" for number, image in enumerate(saved[:20])]
    return ", ".join(texts) + (", …" if len(saved) > 20 else "")


def _load(contents: Contents, saved: Saved) -> _Candidate:
    config_bytes = read(contents, saved.config, "image configuration")
    named = _HEX.fullmatch(saved.config)
    if named is not None and Digest.of(config_bytes).hex != named[1]:
        raise DigestMismatch(f"the configuration {saved.config} has not the digest that it is named by")
    config = configs.parse(config_bytes)
    stated, listed = len(config.diff_ids), len(saved.layers or ())
    if stated != listed or listed > _MAX_LAYERS:
        raise ImageError(
            f"manifest.json lists {listed:,} layers, the configuration {stated:,} (at most {_MAX_LAYERS:,})"
        )
    return _Candidate(saved, config_bytes, config)


def _sources(contents: Contents, candidate: _Candidate) -> list[Source]:
    paths = candidate.saved.layers or []
    sources = []
    for number, path in enumerate(paths):
        try:
            sources.append(contents.source(path))
        except NotFound:
            raise NotFound(f"layer {number} of {len(paths)} is missing: {path[:200]}") from None
    return sources


def _layers(contents: Contents, candidate: _Candidate) -> tuple[Layer, ...]:
    sources = _sources(contents, candidate)
    return tuple(Layer(diff_id, source) for diff_id, source in zip(candidate.config.diff_ids, sources, strict=True))


def _with_manifest(contents: Contents, reference: str, candidate: _Candidate) -> Image | None:
    """The image with the OCI manifest that Docker 25+ saves beside, where that speaks of the same blobs."""
    found = find_manifest(contents, Digest.of(candidate.config_bytes))
    if found is None:
        return None
    manifest_bytes, place = found
    listed = [layer.checked_digest() for layer in manifests.parse(manifest_bytes).layers]
    if [path_of(digest) for digest in listed] != candidate.saved.layers:
        return None
    return assemble(
        reference,
        manifest_bytes,
        candidate.config_bytes,
        _sources(contents, candidate),
        names=candidate.saved.repo_tags or (),
        attestations=attestations(contents, place),
    )


def write_image(image: Image, reference: Reference, *, compression: str = KEEP) -> None:
    """Write the image as an archive, under the reference's name or its own. Raises `InputError` or `UsageError`."""
    demand_tag(reference)
    demand_alone(reference.location)
    names = [reference.selector] if reference.selector else [name for name in image.names if ":" in name]
    with outputs.archive(reference.location) as output:
        write_saved(output, image, names=names, compression=compression)
