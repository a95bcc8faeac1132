"""The analysis as JSON. The schema is `schema()`, published as docs/schemas/analysis.json; fields are only added."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from jettison import __version__
from jettison.image.entry import show

if TYPE_CHECKING:
    from jettison.analysis import Analysis
    from jettison.finding import Measure
    from jettison.waste.ledger import Waste

FORMAT = 1


class Bytes(msgspec.Struct):
    """Bytes of content (`raw`) and as transferred (`compressed`)."""

    raw: int
    compressed: int


class Layer(msgspec.Struct):
    """One layer, from the base up. `line` is the Dockerfile's, null where it is not known; `base` null likewise."""

    number: int
    diff_id: str
    digest: str | None
    compression: str | None
    stored: int
    tar: int
    members: int
    size: Bytes
    waste: int
    command: str
    line: int | None
    end_line: int | None
    evidence: str | None
    base: bool | None


class Path(msgspec.Struct):
    """One path of a finding."""

    path: str
    size: Bytes


class Finding(msgspec.Struct):
    """Waste of one kind in one layer; `hidden_by` is the layer that deletes or overwrites it."""

    kind: str
    title: str
    layer: int
    line: int | None
    hidden_by: int | None
    hidden_by_line: int | None
    size: Bytes
    safe: bool
    counts: bool
    remedy: str
    fix: str
    reasons: dict[str, int]
    paths: list[Path]


class Prediction(msgspec.Struct):
    """What a change of the Dockerfile would save and leave; `fixes` are all changes up to it."""

    title: str
    fixes: list[str]
    saved: Bytes
    left: Bytes


class Package(msgspec.Struct):
    """One installed package; `layer` brought it, `size` are the bytes of its visible files."""

    kind: str
    name: str
    version: str
    layer: int | None
    size: int
    files: int
    installed_by: str
    evidence: str


class Exposure(msgspec.Struct):
    """A file whose name says that it holds a secret; `hidden_by` is a layer that removes it from sight only."""

    path: str
    layer: int
    hidden_by: int | None


class Document(msgspec.Struct):
    """One analysed image. `compressed_exact` is false where compressed bytes are sampled, not read off blobs."""

    format: int
    jettison: str
    reference: str
    names: list[str]
    id: str
    digest: str | None
    platform: str
    size: Bytes
    compressed_exact: bool
    visible: int
    wasted: Bytes
    reclaimable: int
    efficiency: float
    base_layers: int | None
    layers: list[Layer]
    waste: list[Finding]
    predictions: list[Prediction]
    packages: list[Package]
    exposures: list[Exposure]
    notes: list[str]


def document(analysis: Analysis) -> Document:
    """The analysis as plain data."""
    image = analysis.image
    return Document(
        format=FORMAT,
        jettison=__version__,
        reference=image.reference,
        names=list(image.names),
        id=str(image.id),
        digest=str(image.digest) if image.digest else None,
        platform=str(image.config.platform),
        size=_bytes(analysis.total),
        compressed_exact=analysis.exact,
        visible=analysis.visible,
        wasted=_bytes(analysis.wasted),
        reclaimable=analysis.reclaimable,
        efficiency=analysis.efficiency,
        base_layers=analysis.base_layers,
        layers=_layers(analysis),
        waste=[_finding(analysis, waste) for waste in analysis.waste],
        predictions=[Prediction(p.title, list(p.fixes), _bytes(p.saved), _bytes(p.left)) for p in analysis.predictions],
        packages=_packages(analysis),
        exposures=[Exposure(show(e.path), e.layer, e.hidden_by) for e in analysis.exposures],
        notes=list(analysis.notes),
    )


def _bytes(measure: Measure) -> Bytes:
    return Bytes(measure.raw or 0, measure.compressed or 0)


def _layers(analysis: Analysis) -> list[Layer]:
    return [
        Layer(
            number=report.number,
            diff_id=str(report.index.diff_id),
            digest=str(report.layer.digest) if report.layer.digest else None,
            compression=report.index.compression,
            stored=report.index.stored,
            tar=report.index.raw,
            members=len(report.index.entries),
            size=Bytes(report.raw, report.compressed),
            waste=report.waste,
            command=report.origin.command,
            line=report.origin.line,
            end_line=report.origin.end_line,
            evidence=report.origin.evidence,
            base=report.origin.base,
        )
        for report in analysis.layers
    ]


def _finding(analysis: Analysis, waste: Waste) -> Finding:
    by = analysis.layers[waste.by].origin.line if waste.by is not None else None
    return Finding(
        kind=waste.kind.name,
        title=waste.kind.title,
        layer=waste.layer,
        line=analysis.layers[waste.layer].origin.line,
        hidden_by=waste.by,
        hidden_by_line=by,
        size=Bytes(waste.raw, waste.compressed),
        safe=waste.kind.safe,
        counts=waste.kind.counts,
        remedy=waste.kind.remedy,
        fix=waste.kind.fix,
        reasons=dict(waste.reasons.most_common()),
        paths=[
            Path(show(item.path), Bytes(item.raw, round(item.compressed)))
            for item in sorted(waste.items, key=lambda item: (-item.raw, item.path))
        ],
    )


def _packages(analysis: Analysis) -> list[Package]:
    return [
        Package(
            kind=package.kind,
            name=package.name,
            version=package.version,
            layer=package.first_layer if package.first_layer >= 0 else None,
            size=package.size,
            files=len(package.files),
            installed_by=package.installed_by,
            evidence=show(package.evidence),
        )
        for package in analysis.inventory.packages
    ]


def render(analysis: Analysis) -> bytes:
    """The document as UTF-8 JSON, one line."""
    return msgspec.json.encode(document(analysis))


def schema() -> dict[str, Any]:
    """The JSON Schema of the document."""
    return msgspec.json.schema(Document)
