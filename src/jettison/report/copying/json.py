"""A copy as JSON; fields are only added."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from jettison import __version__

if TYPE_CHECKING:
    from jettison.copying import Copied

FORMAT = 1


def render(copied: Copied) -> bytes:
    """The report as one JSON document; sizes in bytes, null for what is not known."""
    return msgspec.json.encode(
        {
            "jettison": __version__,
            "format": FORMAT,
            "source": copied.source,
            "target": copied.target,
            "kind": copied.kind,
            "digest": {"before": _text(copied.before), "after": _text(copied.after)},
            "images": [
                {
                    "platform": image.platform,
                    "digest": {"before": _text(image.before), "after": _text(image.after)},
                    "layers": image.layers,
                    "stored": image.stored,
                }
                for image in copied.images
            ],
            "documents": copied.documents,
            "attestations_left_out": copied.attestations,
            "bytes": {
                "sent": copied.bytes_of("sent"),
                "skipped": copied.bytes_of("there", "mounted"),
                "elsewhere": copied.bytes_of("elsewhere"),
            },
            "blobs": None
            if copied.blobs is None
            else [
                {
                    "digest": str(handed.descriptor.digest),
                    "media_type": handed.descriptor.media_type,
                    "size": handed.descriptor.size,
                    "fate": handed.fate,
                }
                for handed in copied.blobs
            ],
        }
    )


def _text(digest: str | None) -> str | None:
    return str(digest) if digest is not None else None
