"""JSON documents of the specification: read strictly enough to trust, leniently enough for what engines write."""

from __future__ import annotations

from typing import TypeVar

import msgspec

from jettison.errors import ImageError

MAX_BYTES = 16 << 20
"""The largest manifest, index or configuration that is read; registries refuse manifests over 4 MiB."""

T = TypeVar("T")


def decode(data: bytes, kind: type[T], *, what: str, where: str | None = None) -> T:
    """`data` as a document of type `kind`. Raises `ImageError` naming `what` it is and the place in the document."""
    if len(data) > MAX_BYTES:
        raise ImageError(f"the {what} has {len(data):,} bytes; at most {MAX_BYTES:,} are read", where=where)
    try:
        return msgspec.json.decode(data, type=kind, strict=False)
    except msgspec.ValidationError as error:
        raise ImageError(f"the {what} is not as the specification has it: {error}", where=where) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ImageError(f"the {what} is not JSON: {error}", where=where) from None
