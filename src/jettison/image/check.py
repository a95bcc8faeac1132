"""Checking an image: every digest, size and diff_id recomputed, every header of every layer read.

Slower than an index, trusts nothing that an index or a cache says, and collects all problems instead of stopping at
the first. Whoever writes images checks them with this; so do the tests.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from jettison.errors import ImageError, JettisonError
from jettison.image import codec
from jettison.image.archive import Reader, Stream
from jettison.oci import config as configs
from jettison.oci import manifest as manifests
from jettison.oci import media_types

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jettison.image.image import Image
    from jettison.image.layer import Layer
    from jettison.oci.descriptor import Descriptor


@dataclass(frozen=True, slots=True)
class CheckReport:
    """What checking found: the problems (none: the image is sound), and how much was read to say so."""

    reference: str
    problems: tuple[str, ...]
    layers: int
    members: int
    stored: int
    raw: int

    @property
    def ok(self) -> bool:
        """True when nothing is wrong."""
        return not self.problems

    def demand(self) -> CheckReport:
        """This report, where nothing is wrong. Raises `ImageError` with all problems otherwise."""
        if self.problems:
            raise ImageError("; ".join(self.problems), where=self.reference)
        return self


def check(image: Image) -> CheckReport:
    """Recompute all that `image` claims. Problems are reported, not raised."""
    problems = [*_check_documents(image)]
    members = stored = raw = 0
    for number, layer in enumerate(image.layers):
        reading = _LayerReading(layer)
        problems += [f"layer {number}: {problem}" for problem in reading.problems()]
        members += reading.members
        stored += reading.stored
        raw += reading.raw
    return CheckReport(image.reference, tuple(problems), len(image.layers), members, stored, raw)


def _check_documents(image: Image) -> Iterator[str]:
    if configs.parse(image.config_bytes) != image.config:
        yield "the configuration is not what its bytes say"
    if image.config.diff_ids != [layer.diff_id for layer in image.layers]:
        yield "the layers' diff_ids are not those of the configuration"
    full = sum(1 for step in image.config.steps if not step.empty_layer)
    if full > len(image.layers):
        yield f"the history tells of {full} layers, the image has {len(image.layers)}"
    if image.manifest is None or image.manifest_bytes is None:
        return
    if manifests.parse(image.manifest_bytes) != image.manifest:
        yield "the manifest is not what its bytes say"
    yield from _check_blob("the configuration", image.manifest.config, image.config_bytes)
    if [layer.descriptor for layer in image.layers] != image.manifest.layers:
        yield "the layers are not those of the manifest"


def _check_blob(what: str, descriptor: Descriptor, data: bytes) -> Iterator[str]:
    if descriptor.size != len(data):
        yield f"{what} has {len(data):,} bytes; the manifest says {descriptor.size:,}"
    digest = descriptor.checked_digest()
    if not digest.matches(data):
        yield f"{what} has not the digest that the manifest says, {digest}"


class _LayerReading:
    """One pass over a layer, hashing it stored and unpacked, and its members."""

    def __init__(self, layer: Layer) -> None:
        self._layer = layer
        self._compression: str | None = None
        self.members = self.stored = self.raw = 0
        self._hashes = {name: hashlib.new(name) for name in ("sha256", *self._algorithms())}
        self._unpacked = hashlib.new(layer.diff_id.algorithm)

    def _algorithms(self) -> list[str]:
        descriptor = self._layer.descriptor
        return [descriptor.checked_digest().algorithm] if descriptor else []

    def problems(self) -> list[str]:
        problems: list[str] = []
        stream = Stream(self._pieces())
        try:
            for member in Reader(stream):
                self.members += 1
                stream.skip(member.entry.end - stream.position)
            for _ in stream.rest():
                pass
        except JettisonError as error:
            return [str(error)]
        if self._unpacked.hexdigest() != self._layer.diff_id.hex:
            actual = f"{self._layer.diff_id.algorithm}:{self._unpacked.hexdigest()}"
            problems.append(f"the diff_id is {actual}; the configuration says {self._layer.diff_id}")
        return problems + self._blob_problems()

    def _blob_problems(self) -> list[str]:
        descriptor = self._layer.descriptor
        if descriptor is None:
            return []
        problems = []
        if self.stored != descriptor.size:
            problems.append(f"the blob has {self.stored:,} bytes; the manifest says {descriptor.size:,}")
        digest = descriptor.checked_digest()
        actual = f"{digest.algorithm}:{self._hashes[digest.algorithm].hexdigest()}"
        if actual != digest:
            problems.append(f"the blob's digest is {actual}; the manifest says {digest}")
        said = media_types.compression(descriptor.media_type)
        if said is not None and said != (self._compression or "none"):
            problems.append(f"the media type says {said}, the blob is {self._compression or 'not compressed'}")
        return problems

    def _chunks(self) -> Iterator[bytes]:
        for chunk in self._layer.source.chunks():
            if not self.stored:
                self._compression = codec.recognise(chunk)
            self.stored += len(chunk)
            for digest in self._hashes.values():
                digest.update(chunk)
            yield chunk

    def _pieces(self) -> Iterator[bytes]:
        for piece in codec.unpacked(self._chunks()):
            self.raw += len(piece)
            self._unpacked.update(piece)
            yield piece
