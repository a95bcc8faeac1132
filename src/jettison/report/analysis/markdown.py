"""The analysis as Markdown, for a pull request's comment."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jettison.image.entry import show
from jettison.report.analysis import title
from jettison.units import percent, size

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jettison.analysis import Analysis


def render(analysis: Analysis) -> str:
    """The report: one paragraph, then tables of layers, waste, and what would be left."""
    return "\n".join(_lines(analysis)) + "\n"


def _lines(analysis: Analysis) -> Iterator[str]:
    image, wasted = analysis.image, analysis.wasted
    about = "" if analysis.exact else "about "
    yield f"### `{title(image)}`"
    yield ""
    yield (
        f"**{size(analysis.total.raw)}** raw, **{about}{size(analysis.total.compressed)}** compressed, "
        f"efficiency **{percent(analysis.efficiency)}**, waste {size(wasted.raw)} raw "
        f"({about}{size(wasted.compressed)} compressed)."
    )
    yield from _table("| layer | line | instruction | raw | compressed | waste |", "|--:|--:|---|--:|--:|--:|")
    for layer in analysis.layers:
        line = layer.origin.line or ("base" if layer.origin.base else "")
        share = percent(layer.waste / layer.raw) if layer.raw else ""
        command = _code(layer.origin.command)
        yield f"| {layer.number} | {line} | {command} | {size(layer.raw)} | {size(layer.compressed)} | {share} |"
    yield from _table("| waste | line | raw | compressed | what removes it |", "|---|--:|--:|--:|---|")
    for waste in analysis.waste:
        if waste.raw:
            origin = analysis.layers[waste.layer].origin
            line = origin.line or ("base" if origin.base else f"layer {waste.layer}")
            measures = f"{size(waste.raw)} | {size(waste.compressed)}"
            yield f"| {waste.kind.title} | {line} | {measures} | {_cell(waste.kind.remedy)} |"
    if analysis.predictions:
        yield from _table("| what would be left | raw | compressed |", "|---|--:|--:|")
        for prediction in analysis.predictions:
            yield f"| {prediction.title} | {size(prediction.left.raw)} | {size(prediction.left.compressed)} |"
    if analysis.exposures:
        yield ""
        yield "Files whose names say that they hold secrets: " + ", ".join(
            f"{_code('/' + show(e.path))} (layer {e.layer})" for e in analysis.exposures
        )


def _table(head: str, rule: str) -> Iterator[str]:
    yield ""
    yield head
    yield rule


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _code(text: str) -> str:
    flat = _cell(text).replace("`", "'")
    return f"`{flat[:120]}{'…' if len(flat) > 120 else ''}`" if flat else ""
