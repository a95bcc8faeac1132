"""Layers: a blob with two hashes, completed from a minimal core."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from jettison.image import codec

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jettison.image.source import Source
    from jettison.oci.descriptor import Descriptor
    from jettison.oci.digest import Digest


@dataclass(frozen=True, slots=True)
class Layer:
    """One layer as a store gives it: where its bytes are, and what is said of them.

    `diff_id` is the digest of the uncompressed tar, by the image's configuration. `descriptor` is the manifest's word
    on the stored blob; None in a store that keeps no manifest (docker-archive, engines, a root file system).
    """

    diff_id: Digest
    source: Source
    descriptor: Descriptor | None = None

    @property
    def digest(self) -> str | None:
        """The stored blob's digest, where the store names it."""
        return self.descriptor.digest if self.descriptor else None

    @property
    def stored_size(self) -> int | None:
        """The stored blob's bytes, where they are known before reading."""
        return self.source.size if self.source.size is not None else (self.descriptor.size if self.descriptor else None)

    def compression(self) -> str | None:
        """`gzip`, `zstd`, … by the first bytes, or None for a plain tar. Opens the blob."""
        for chunk in self.source.chunks():
            return codec.recognise(chunk)
        return None

    def uncompressed(self) -> Iterator[bytes]:
        """The layer's tar, in pieces of about a megabyte at most. Raises `ImageError`; verifies no digest."""
        return codec.unpacked(self.source.chunks())
