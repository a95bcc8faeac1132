"""The history of an image: its steps with the layers that they made, as rows, and in a format."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from jettison.finding import Measure
from jettison.origin import align, command_of, origins
from jettison.waste.ledger import shipped

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jettison.image.image import Image
    from jettison.image.indexer import Indexer
    from jettison.image.layer import Layer
    from jettison.origin import Step


@dataclass(frozen=True, slots=True)
class Row:
    """One step of the history. `layer` is None for a step that made none, `command` the instruction in plain words,
    `created_by` what the image says. `exact` is False where compressed bytes are sampled."""

    layer: int | None
    diff_id: str | None
    digest: str | None
    created: str | None
    command: str
    created_by: str
    comment: str
    size: Measure
    exact: bool
    line: int | None
    end_line: int | None


def rows(image: Image, indexer: Indexer, steps: Sequence[Step] | None, *, read: bool) -> list[Row]:
    """The steps, oldest first. Layers that were never read are `unknown` in raw bytes, unless `read` says to read them.

    Raises `ImageError` where a layer that is read is broken.
    """
    pairs = image.steps()
    paired = align([step for step, _ in pairs], steps) if steps is not None else [None] * len(pairs)
    sources = iter(origins(image, steps, None))
    found: list[Row] = []
    number = 0
    for (step, layer), pair in zip(pairs, paired, strict=True):
        line = pair.line if pair is not None else None
        end_line = pair.end_line if pair is not None else None
        size, exact = Measure(0, 0), True
        if layer is not None:
            origin = next(sources)
            line, end_line = origin.line, origin.end_line
            size, exact = _measure(image, layer, number, indexer, read=read)
        found.append(
            Row(
                layer=number if layer is not None else None,
                diff_id=layer.diff_id if layer is not None else None,
                digest=layer.digest if layer is not None else None,
                created=step.created,
                command=command_of(step),
                created_by=step.created_by or "",
                comment=step.comment or "",
                size=size,
                exact=exact,
                line=line,
                end_line=end_line,
            )
        )
        number += layer is not None
    return found


def _measure(image: Image, layer: Layer, number: int, indexer: Indexer, *, read: bool) -> tuple[Measure, bool]:
    if read:
        index = indexer.index(layer, where=f"{image.reference}: layer {number}")
        weights = indexer.weights(layer, index)
        return Measure(shipped(index.entries), weights.total), weights.exact
    known = indexer.known(layer.diff_id)
    raw = shipped(known.entries) if known is not None else None
    return Measure(raw, layer.descriptor.size if layer.descriptor is not None else None), True
