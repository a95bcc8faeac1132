"""Images: manifest, configuration and layers of one platform, read lazily and never changed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from jettison.errors import ImageError
from jettison.oci import config as configs
from jettison.oci import manifest as manifests
from jettison.oci import media_types
from jettison.oci.config import Config, History
from jettison.oci.digest import Digest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jettison.image.layer import Layer
    from jettison.image.source import Source
    from jettison.oci.manifest import Manifest


@dataclass(frozen=True, slots=True)
class Image:
    """One image for one platform.

    `reference` is how a person named it, `names` the tags that the store knows it by. `config_bytes` and
    `manifest_bytes` are the documents byte for byte; there is no manifest in a docker-archive, an engine or a root
    file system. `layers` count from the base up and match `config.diff_ids`. `attestations` are the raw in-toto
    statements that belong to the image (BuildKit's provenance), where the store holds any.
    """

    reference: str
    config: Config
    config_bytes: bytes
    layers: tuple[Layer, ...]
    manifest: Manifest | None = None
    manifest_bytes: bytes | None = None
    names: tuple[str, ...] = ()
    attestations: tuple[bytes, ...] = ()

    @property
    def id(self) -> Digest:
        """The digest of the configuration, which engines show as the image's id."""
        return Digest.of(self.config_bytes)

    @property
    def digest(self) -> Digest | None:
        """The digest of the manifest, by which a registry knows the image."""
        return Digest.of(self.manifest_bytes) if self.manifest_bytes is not None else None

    def steps(self) -> list[tuple[History, Layer | None]]:
        """The history, oldest first, each step with the layer that it made. See `align_history`."""
        return align_history(self.config.steps, self.layers)


def align_history(steps: Sequence[History], layers: Sequence[Layer]) -> list[tuple[History, Layer | None]]:
    """Give each layer its step: the n-th step that is not marked empty made the n-th layer.

    A history that is missing or too short (squashed and imported images) leaves the layers that nobody tells of at
    the front, where such tools put them, with an empty step each; surplus steps own no layer.
    """
    full = sum(1 for step in steps if not step.empty_layer)
    untold = max(0, len(layers) - full)
    rows: list[tuple[History, Layer | None]] = [(History(), layer) for layer in layers[:untold]]
    rest = iter(layers[untold:])
    return rows + [(step, None if step.empty_layer else next(rest, None)) for step in steps]


def assemble(
    reference: str,
    manifest_bytes: bytes,
    config_bytes: bytes,
    sources: Sequence[Source],
    *,
    names: Sequence[str] = (),
    attestations: Sequence[bytes] = (),
) -> Image:
    """An image from its two documents and the sources of its layers, in the manifest's order. Raises `ImageError`."""
    from jettison.image.layer import Layer

    manifest = manifests.parse(manifest_bytes, where=reference)
    if not manifest.is_image and manifest.config.media_type:
        kind = manifest.artifact_type or manifest.config.media_type
        raise ImageError(f"this is no image but an artefact of type {kind}", where=reference)
    for number, layer in enumerate(manifest.layers):
        _demand_layer(number, layer.media_type, reference)
    config = configs.parse(config_bytes, where=reference)
    diff_ids = config.diff_ids
    if len(diff_ids) != len(manifest.layers):
        raise ImageError(
            f"the manifest has {len(manifest.layers)} layers, the configuration {len(diff_ids)}", where=reference
        )
    layers = tuple(
        Layer(diff_id, source, descriptor)
        for diff_id, source, descriptor in zip(diff_ids, sources, manifest.layers, strict=True)
    )
    return Image(
        reference=reference,
        config=config,
        config_bytes=config_bytes,
        layers=layers,
        manifest=manifest,
        manifest_bytes=manifest_bytes,
        names=tuple(names),
        attestations=tuple(attestations),
    )


def _demand_layer(number: int, media_type: str, reference: str) -> None:
    if media_types.is_layer(media_type) or not media_type:
        return
    if media_type.endswith("+encrypted"):
        problem, hint = "is encrypted", "decrypt the image first, for example with skopeo copy --decryption-key"
    else:
        problem, hint = f"is of media type {media_type!r}, which is no tar layer", None
    raise ImageError(f"layer {number} {problem}", where=reference, hint=hint)
