"""The indexer: one place that knows the probes and the cache, and hands out each layer's index and weights once."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from jettison.errors import DigestMismatch
from jettison.image import weight
from jettison.image.cache import Cache, default_directory
from jettison.image.index import LayerIndex, build
from jettison.image.layer import Layer
from jettison.image.probe import NO_PROBES, ProbeSet
from jettison.image.source import FileSource
from jettison.image.weight import Sampler, Weights
from jettison.oci.digest import Digest

if TYPE_CHECKING:
    from collections.abc import Callable

    from jettison.image.image import Image
    from jettison.image.source import Source


class Form(msgspec.Struct, array_like=True, frozen=True):
    """How one blob stores a layer: what `LayerIndex` says of it, less what is the same in every form."""

    compression: str | None
    stored: int
    blob: str
    curve: list[tuple[int, int]]


class Indexer:
    """Indexes layers with one set of probes, remembering what it did, on disk as far as `cache` allows.

    `progress` is called with the bytes of each layer that was dealt with. Safe to use from several threads.
    """

    def __init__(
        self,
        probes: ProbeSet = NO_PROBES,
        cache: Cache | None = None,
        progress: Callable[[Layer], None] | None = None,
    ) -> None:
        self.probes = probes
        self.cache = cache if cache is not None else Cache(default_directory())
        self._progress = progress
        self._known: dict[str, LayerIndex] = {}
        self._forms: dict[str, Form] = {}
        self._weights: dict[str, Weights] = {}
        self._lock = threading.Lock()

    def known(self, diff_id: str) -> LayerIndex | None:
        """The index of a layer, where it is remembered in any stored form; nothing is read but the cache."""
        index = self._known.get(diff_id)
        if index is None:
            index = self.cache.get(diff_id, f"index-{self.probes.key}", LayerIndex)
            if index is not None:
                self._known[diff_id] = index
        return index

    def index(self, layer: Layer, *, where: str | None = None) -> LayerIndex:
        """The layer's index. Raises `LayerError` or `DigestMismatch`, naming `where`.

        An index that was made of the same tar in another stored form serves where that form is known too.
        """
        known = self.known(layer.diff_id) if layer.diff_id else None
        index = self._as_stored(known, layer) if known is not None else None
        if index is None:
            index = build(layer, self.probes, where=where)
            self._remember(index)
        if self._progress is not None:
            self._progress(layer)
        return index

    def absorb(self, source: Source, *, where: str | None = None) -> LayerIndex:
        """Index a stream that can be read but once (an engine's export), weighing it on the way."""
        sampler = Sampler()
        index = build(Layer(Digest(""), source), self.probes, where=where, sampler=sampler)
        self._remember(index)
        if not index.compression:
            self._keep_weights(index, sampler.weights())
        return index

    def weights(self, layer: Layer, index: LayerIndex) -> Weights:
        """What the layer's ranges weigh, compressed: read off its blob, or sampled."""
        return self._known_weights(index) or self._sample(layer, index)

    def _known_weights(self, index: LayerIndex) -> Weights | None:
        return (
            weight.read_off(index)
            or self._weights.get(index.diff_id)
            or self.cache.get(index.diff_id, "weights", Weights)
        )

    def _sample(self, layer: Layer, index: LayerIndex) -> Weights:
        sampler = Sampler()
        if isinstance(layer.source, FileSource):
            sampler.read(layer.source)
        else:
            for piece in layer.uncompressed():
                sampler.feed(piece)
        weights = sampler.weights()
        self._keep_weights(index, weights)
        return weights

    def image(self, image: Image) -> list[LayerIndex]:
        """The indexes of all layers, from the base up. An error names the image and the layer's number."""
        return [
            self.index(layer, where=f"{image.reference}: layer {number}") for number, layer in enumerate(image.layers)
        ]

    def weigh(self, image: Image, indexes: list[LayerIndex]) -> list[Weights]:
        """The weights of all layers; those that must be sampled, two at a time."""
        weights = [self._known_weights(index) for index in indexes]
        unknown = [number for number, known in enumerate(weights) if known is None]
        if unknown:
            from concurrent.futures import ThreadPoolExecutor  # which takes as long to import as weights to look up

            with ThreadPoolExecutor(2) as pool:
                sampled = pool.map(lambda number: self._sample(image.layers[number], indexes[number]), unknown)
                return [known or next(sampled) for known in weights]
        return [known for known in weights if known is not None]

    def _as_stored(self, index: LayerIndex, layer: Layer) -> LayerIndex | None:
        """`index` in the form that `layer` is stored in; None where only reading the blob can tell."""
        if _same_blob(index, layer):
            return index
        if (layer.digest or index.diff_id) == index.diff_id and layer.stored_size == index.raw:
            form: Form | None = Form(None, index.raw, index.diff_id, [])
        else:
            form = self._forms.get(layer.digest or "") or self.cache.get(layer.digest or "", "form", Form)
        if form is None:
            return None
        return replace(index, compression=form.compression, stored=form.stored, blob=form.blob, curve=form.curve)

    def _remember(self, index: LayerIndex) -> None:
        form = Form(index.compression, index.stored, index.blob, index.curve)
        with self._lock:
            self._known[index.diff_id] = index
            self._forms[index.blob] = form
        self.cache.put(index.diff_id, f"index-{self.probes.key}", index)
        if index.compression:
            self.cache.put(index.blob, "form", form)

    def _keep_weights(self, index: LayerIndex, weights: Weights) -> None:
        with self._lock:
            self._weights[index.diff_id] = weights
        self.cache.put(index.diff_id, "weights", weights)


def _same_blob(index: LayerIndex, layer: Layer) -> bool:
    """False when the layer is stored in another form than the one that was indexed, which has weights of its own."""
    if layer.descriptor is None:
        size = layer.source.size
        return size is None or size == index.stored
    if layer.descriptor.digest == index.blob and layer.descriptor.size != index.stored:
        raise DigestMismatch(
            f"the manifest gives {layer.descriptor.digest} {layer.descriptor.size:,} bytes; it has {index.stored:,}"
        )
    return layer.descriptor.digest == index.blob
