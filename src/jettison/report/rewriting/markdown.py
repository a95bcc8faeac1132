"""A rewrite as Markdown, for a pull request's comment."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jettison.image.entry import show
from jettison.report.rewriting.text import proof, totals
from jettison.report.style import Style
from jettison.units import size

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jettison.lighten import Lightened


def render(done: Lightened) -> str:
    """The report: what was saved and proved, then tables."""
    return "\n".join(_lines(done)) + "\n"


def _lines(done: Lightened) -> Iterator[str]:
    yield f"### `{done.before.names[0] if done.before.names else done.before.reference}`"
    yield ""
    for line in proof(done, Style(colour=False)):
        yield f"- {line}"
    yield ""
    yield "| layer | instruction | | tar | | stored | |"
    yield "|--:|---|---|--:|--:|--:|--:|"
    for number, layer in enumerate(done.layers):
        cells = [
            "" if facts is None else size(value)
            for facts, value in (
                (layer.before, layer.before.raw if layer.before else None),
                (layer.after, layer.after.raw if layer.after else None),
                (layer.before, layer.before.stored if layer.before else None),
                (layer.after, layer.after.stored if layer.after else None),
            )
        ]
        yield f"| {number} | {_code(layer.command)} | {layer.fate} | {' | '.join(cells)} |"
    raw, stored, new_raw, new_stored = totals(done)
    yield f"| all | | | {size(raw)} | {size(new_raw)} | {size(stored)} | {size(new_stored)} |"
    if done.dropped:
        yield ""
        yield "| dropped | files | bytes |"
        yield "|---|--:|--:|"
        for name, files, total in done.dropped:
            yield f"| {name} | {files:,} | {size(total)} |"
    if done.packed:
        yield ""
        yield "| packed | bytes | | start-up | | memory | |"
        yield "|---|--:|--:|--:|--:|--:|--:|"
        for program in done.packed:
            costs = (program.cost_before, program.cost_after)
            seconds = [f"{cost.seconds * 1000:.1f} ms" if cost else "unknown" for cost in costs]
            peaks = [size(cost.memory) if cost and cost.memory is not None else "unknown" for cost in costs]
            cells = [_code(show(program.path)), size(program.before), size(program.after), *seconds, *peaks]
            yield f"| {' | '.join(cells)} |"


def _code(text: str) -> str:
    flat = " ".join(text.split()).replace("|", "\\|").replace("`", "'")
    return f"`{flat[:120]}{'…' if len(flat) > 120 else ''}`" if flat else ""
