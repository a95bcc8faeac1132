"""What sets two images apart, as JSON. The schema is `schema()`; fields are only added."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from jettison import __version__
from jettison.image.entry import show

if TYPE_CHECKING:
    from jettison.difference import Difference, FileChange, Side
    from jettison.finding import Measure

FORMAT = 1


class Bytes(msgspec.Struct):
    """Bytes of content (`raw`) and as transferred (`compressed`)."""

    raw: int
    compressed: int


class Image(msgspec.Struct):
    """One of the two images. `compressed_exact` is false where compressed bytes are sampled, not read off blobs."""

    reference: str
    names: list[str]
    id: str
    digest: str | None
    platform: str
    size: Bytes
    compressed_exact: bool
    layers: int
    files: int
    packages: int


class File(msgspec.Struct):
    """One path that differs; `change` is added, removed, content or metadata. Bytes and layers are null on the side
    that lacks it."""

    path: str
    change: str
    kind: str
    before: int | None
    after: int | None
    layer_before: int | None
    layer_after: int | None
    details: list[str]


class Package(msgspec.Struct):
    """One package that differs; `change` is added, removed, upgraded, downgraded, or changed where the order of the
    versions is not known."""

    kind: str
    name: str
    change: str
    before: list[str]
    after: list[str]
    size_before: int
    size_after: int


class Setting(msgspec.Struct):
    """One setting that differs; null on the side where it is not set."""

    field: str
    key: str | None
    before: str | None
    after: str | None


class Layer(msgspec.Struct):
    """One layer of either image, with its number in each; both numbers where they share it, `repacked` where its
    stored blobs differ."""

    diff_id: str
    command: str
    size: Bytes
    before: int | None
    after: int | None
    repacked: bool


class Document(msgspec.Struct):
    """The difference. `to_pull` is what a machine that has the first image lacks of the second."""

    format: int
    jettison: str
    differs: bool
    before: Image
    after: Image
    to_pull: Bytes
    settings: list[Setting]
    packages: list[Package]
    files: list[File]
    touched: int
    layers: list[Layer]


def document(difference: Difference) -> Document:
    """The difference as plain data."""
    return Document(
        format=FORMAT,
        jettison=__version__,
        differs=bool(difference),
        before=_image(difference.before),
        after=_image(difference.after),
        to_pull=_bytes(difference.to_pull),
        settings=[Setting(s.field, s.key, s.before, s.after) for s in difference.settings],
        packages=[
            Package(p.kind, p.name, p.word, list(p.before), list(p.after), p.size_before, p.size_after)
            for p in difference.packages
        ],
        files=[_file(found) for found in difference.files],
        touched=difference.touched,
        layers=[
            Layer(str(row.diff_id), row.command, _bytes(row.size), row.before, row.after, row.repacked)
            for row in difference.layers
        ],
    )


def _image(side: Side) -> Image:
    image = side.image
    return Image(
        reference=image.reference,
        names=list(image.names),
        id=str(image.id),
        digest=str(image.digest) if image.digest is not None else None,
        platform=str(image.config.platform),
        size=_bytes(side.size),
        compressed_exact=side.exact,
        layers=len(image.layers),
        files=side.files,
        packages=len(side.packages),
    )


def _bytes(measure: Measure) -> Bytes:
    return Bytes(measure.raw or 0, measure.compressed or 0)


def _file(found: FileChange) -> File:
    return File(
        path=show(found.path),
        change=found.sort.value,
        kind=found.kind,
        before=found.before,
        after=found.after,
        layer_before=found.layer_before,
        layer_after=found.layer_after,
        details=list(found.details),
    )


def render(difference: Difference) -> bytes:
    """The document as UTF-8 JSON, one line."""
    return msgspec.json.encode(document(difference))


def schema() -> dict[str, Any]:
    """The JSON Schema of the document."""
    return msgspec.json.schema(Document)
