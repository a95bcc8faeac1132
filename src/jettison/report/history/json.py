"""The history as JSON, oldest step first, as the image has it. The schema is `schema()`; fields are only added."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from jettison import __version__

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jettison.image.image import Image
    from jettison.report.history import Row

FORMAT = 1


class Step(msgspec.Struct):
    """One step. `layer` is null where it made none; bytes are null where they are not known, `line` likewise."""

    layer: int | None
    diff_id: str | None
    digest: str | None
    created: str | None
    created_by: str
    command: str
    comment: str
    raw: int | None
    compressed: int | None
    compressed_exact: bool
    line: int | None
    end_line: int | None


class Document(msgspec.Struct):
    """The history of one image."""

    format: int
    jettison: str
    reference: str
    names: list[str]
    id: str
    digest: str | None
    steps: list[Step]


def render(image: Image, rows: Sequence[Row]) -> bytes:
    """The document as UTF-8 JSON, one line."""
    steps = [
        Step(
            layer=row.layer,
            diff_id=_text(row.diff_id),
            digest=row.digest,
            created=row.created,
            created_by=row.created_by,
            command=row.command,
            comment=row.comment,
            raw=row.size.raw,
            compressed=row.size.compressed,
            compressed_exact=row.exact,
            line=row.line,
            end_line=row.end_line,
        )
        for row in rows
    ]
    return msgspec.json.encode(
        Document(FORMAT, __version__, image.reference, list(image.names), str(image.id), _text(image.digest), steps)
    )


def _text(digest: str | None) -> str | None:
    """A digest as plain text, which is all that the encoder takes."""
    return str(digest) if digest is not None else None


def schema() -> dict[str, Any]:
    """The JSON Schema of the document."""
    return msgspec.json.schema(Document)
