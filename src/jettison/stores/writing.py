"""Writing images: as an OCI layout, or as what `docker load` takes, into any `Output`.

Layers are written as they are stored, or packed anew; each is verified while it is written, and an image whose layers
all stay keeps its manifest byte for byte, so its digest.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import msgspec

from jettison.errors import DigestMismatch, UsageError
from jettison.image import codec
from jettison.image.compose import describe, encode
from jettison.image.source import OwnSource
from jettison.oci import media_types
from jettison.oci.decode import decode
from jettison.oci.descriptor import REFERENCE_NAME, Descriptor
from jettison.oci.digest import Digest
from jettison.oci.manifest import Manifest
from jettison.oci.reference import parse_name
from jettison.stores.layout import CONTAINERD_NAME, answers_to, name_of, path_of, speaks_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from jettison.image.image import Image
    from jettison.image.layer import Layer
    from jettison.oci.reference import Reference
    from jettison.stores.outputs import Output

KEEP = "keep"
COMPRESSIONS = (KEEP, "none", "gzip", "zstd")
"""What can be asked for: layers as they are stored, plain, or packed anew."""

OCI_LAYOUT = b'{"imageLayoutVersion":"1.0.0"}'
"""The file that makes a directory a layout."""

_LAYERS = {
    None: media_types.OCI_LAYER,
    "none": media_types.OCI_LAYER,
    "gzip": media_types.OCI_LAYER_GZIP,
    "zstd": media_types.OCI_LAYER_ZSTD,
}


def write_layout(output: Output, image: Image, *, name: str | None = None, compression: str = KEEP) -> Manifest:
    """Write an OCI layout of one image; `name` is its tag or its whole name there. Returns the manifest written.

    Raises `DigestMismatch` where a layer is not what it claims to be.
    """
    if compression not in COMPRESSIONS:
        raise UsageError(f"{compression!r} is no compression", hint=f"choose one of {', '.join(COMPRESSIONS)}")
    output.add("oci-layout", OCI_LAYOUT)
    manifest, data = manifest_of(image, _write_layers(output, image.layers, compression))
    output.add(path_of(image.id), image.config_bytes)
    output.add(path_of(Digest.of(data)), data)
    entry = entry_of(image, manifest, data, name)
    output.amend("index.json", lambda there: indexed(there, entry))
    return manifest


def demand_tag(reference: Reference) -> None:
    """Raises `UsageError` where the reference selects by number or digest, which cannot be written to."""
    if reference.selector is not None and reference.selector.startswith("@"):
        raise UsageError("an image is written under a name or a tag", where=str(reference))


def entry_of(image: Image, manifest: Manifest, data: bytes, name: str | None) -> Descriptor:
    """What an index says of an image whose manifest is `data`."""
    return msgspec.structs.replace(
        describe(data, manifest.media_type or media_types.OCI_MANIFEST),
        platform=image.config.platform if image.config.platform.known else None,
        annotations=naming(name),
    )


def indexed(there: bytes | None, entry: Descriptor) -> bytes:
    """A layout's index with one more entry, which takes the place of those of its name; all else stays as it is.

    `there` is the index that there is, or None. What speaks of an image that is replaced goes with it. Raises
    `ImageError` for what is no index, `UsageError` where several images answer to the name.
    """
    if there is None:
        return encode_index([entry])
    fields = decode(there, dict[str, msgspec.Raw], what="image index")
    raws = decode(bytes(fields.get("manifests", b"[]")), list[msgspec.Raw], what="image index")
    rows = [(raw, decode(bytes(raw), Descriptor, what="image index")) for raw in raws]
    name = name_of(entry)
    going = [old for _, old in rows if not old.is_attestation and answers_to(old, name)]
    names = {name_of(old) or "" for old in going}
    if len(names) > 1:
        raise UsageError(
            f"{len(names)} images answer to {name!r}: {', '.join(sorted(names))}",
            hint="give the new one a whole name, or a tag that is not there",
        )
    gone = {old.digest for old in going} - {old.digest for _, old in rows if old not in going}
    kept = [raw for raw, old in rows if old not in going and not (old.is_attestation and speaks_of(old) in gone)]
    fields["manifests"] = msgspec.Raw(msgspec.json.encode([*kept, msgspec.Raw(msgspec.json.encode(entry))]))
    return msgspec.json.encode(fields)


def encode_index(entries: Sequence[Descriptor]) -> bytes:
    """An OCI image index as JSON."""
    manifests = [msgspec.to_builtins(entry) for entry in entries]
    return msgspec.json.encode({"schemaVersion": 2, "mediaType": media_types.OCI_INDEX, "manifests": manifests})


def write_saved(output: Output, image: Image, *, names: Sequence[str] = (), compression: str = KEEP) -> None:
    """Write what Docker 25 and later save, which all engines load: an OCI layout with a `manifest.json` beside."""
    manifest = write_layout(output, image, name=names[0] if names else None, compression=compression)
    paths = [path_of(layer.checked_digest()) for layer in manifest.layers]
    output.add("manifest.json", manifest_json(path_of(image.id), paths, names))


def write_legacy(output: Output, image: Image, *, names: Sequence[str] = ()) -> None:
    """Write what Docker before 25 saves: plain layers in folders. A layer that an image has twice is written once."""
    paths: dict[str, str] = {}
    for layer in image.layers:
        path = f"{layer.diff_id.hex}/layer.tar"
        if layer.diff_id not in paths:
            output.add_blob(_plain(layer), _named(path))
            paths[layer.diff_id] = path
    output.add(f"{image.id.hex}.json", image.config_bytes)
    layers = [paths[layer.diff_id] for layer in image.layers]
    output.add("manifest.json", manifest_json(f"{image.id.hex}.json", layers, names))


def _named(path: str) -> Callable[[Digest], str]:
    return lambda _: path


def manifest_json(config: str, layers: Sequence[str], names: Sequence[str]) -> bytes:
    """What `docker load` reads: the paths of the configuration and of the layers, and the image's names."""
    tags = [parse_name(name).familiar for name in names if is_whole(name)]
    return msgspec.json.encode([{"Config": config, "RepoTags": tags, "Layers": layers}])


def _write_layers(output: Output, layers: Sequence[Layer], compression: str) -> list[Descriptor]:
    """Write each layer once; a layer that an image has twice has the same descriptor twice."""
    written: dict[Digest, Descriptor] = {}
    for layer in layers:
        if layer.diff_id not in written:
            written[layer.diff_id] = _write_layer(output, layer, compression)
    return [written[layer.diff_id] for layer in layers]


def _write_layer(output: Output, layer: Layer, compression: str) -> Descriptor:
    if compression in ("gzip", "zstd"):
        digest, size = output.add_blob(codec.compress(_plain(layer), compression), path_of)
        return Descriptor(media_type=layer_type(compression), digest=str(digest), size=size)
    stored = layer.compression() if compression == KEEP else "none"
    claimed = layer.descriptor if compression == KEEP else None
    expected = claimed.checked_digest() if claimed else layer.diff_id if stored in (None, "none") else None
    own = layer.source if isinstance(layer.source, OwnSource) else None
    if own and claimed and own.digest == expected and output.link(own, path_of(own.digest)):
        return claimed
    chunks = layer.source.chunks() if stored != "none" else _plain(layer)
    digest, size = output.add_blob(chunks, path_of, expected)
    if expected is not None and digest != expected:
        raise DigestMismatch(f"a layer's digest is {digest}; it should be {expected}")
    return claimed or Descriptor(media_type=layer_type(stored), digest=str(digest), size=size)


def layer_type(packed: str | None) -> str:
    """The media type of a layer that is packed with `gzip`, `zstd`, or not at all (`none`, None)."""
    return _LAYERS[packed]


def _plain(layer: Layer) -> Iterator[bytes]:
    """The layer's tar, verified at its end against the diff_id."""
    hashing = hashlib.new(layer.diff_id.algorithm)
    for piece in layer.uncompressed():
        hashing.update(piece)
        yield piece
    if hashing.hexdigest() != layer.diff_id.hex:
        actual = f"{layer.diff_id.algorithm}:{hashing.hexdigest()}"
        raise DigestMismatch(f"a layer's diff_id is {actual}; the configuration says {layer.diff_id}")


def manifest_of(image: Image, layers: list[Descriptor]) -> tuple[Manifest, bytes]:
    """The image's own manifest where the layers are its own, else a new one for them."""
    if image.manifest is not None and image.manifest_bytes is not None and image.manifest.layers == layers:
        return image.manifest, image.manifest_bytes
    manifest = Manifest(
        media_type=media_types.OCI_MANIFEST,
        config=describe(image.config_bytes, media_types.OCI_CONFIG),
        layers=layers,
        annotations=image.manifest.annotations if image.manifest else None,
    )
    return manifest, encode(manifest)


def is_whole(name: str) -> bool:
    """True for an image's whole name (`app:1`), False for a mere tag."""
    return any(mark in name for mark in "/:@")


def naming(name: str | None) -> dict[str, str] | None:
    """The annotations that name an image in an index: the tag, or the whole name in containerd's form and its tag."""
    if name is None:
        return None
    if not is_whole(name):
        return {REFERENCE_NAME: name}
    parsed = parse_name(name)
    return {CONTAINERD_NAME: str(parsed), REFERENCE_NAME: parsed.tag or "latest"}
