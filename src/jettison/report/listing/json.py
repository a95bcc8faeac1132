"""The images of a place as JSON. The schema is `schema()`; fields are only added."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from jettison import __version__

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jettison.stores import Listing

FORMAT = 1


class Image(msgspec.Struct):
    """One image; null for what the place does not know."""

    names: list[str]
    id: str | None
    platform: str | None
    created: str | None
    raw: int | None
    compressed: int | None


class Document(msgspec.Struct):
    """The images of one place."""

    format: int
    jettison: str
    place: str
    images: list[Image]


def render(place: str, found: Sequence[Listing]) -> bytes:
    """The document as UTF-8 JSON, one line."""
    images = [
        Image(
            names=list(listing.names),
            id=str(listing.id) or None,
            platform=listing.platform,
            created=listing.created,
            raw=listing.raw,
            compressed=listing.compressed,
        )
        for listing in found
    ]
    return msgspec.json.encode(Document(FORMAT, __version__, place, images))


def schema() -> dict[str, Any]:
    """The JSON Schema of the document."""
    return msgspec.json.schema(Document)
