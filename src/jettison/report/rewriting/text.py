"""A rewrite for a terminal: each layer before and after, what was dropped, and the proof."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jettison.image.entry import show
from jettison.report.style import Style, fit
from jettison.units import percent, size

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jettison.lighten import LayerChange, LayerFacts, Lightened
    from jettison.rewrite.startup import Cost
    from jettison.rewrite.upx import Program


def report(done: Lightened, style: Style) -> Iterator[str]:
    """The whole report."""
    yield from layers(done, style)
    if done.dropped:
        yield ""
        yield style(f"{'DROPPED':<48}{'files':>10}{'bytes':>12}", "bold")
        for name, files, total in done.dropped:
            yield f"{fit(name, 47):<48}{files:>10,}{size(total):>12}"
    if done.packed:
        yield ""
        yield style(f"{'PACKED':<34}{'bytes':>18}{'start-up':>20}{'memory':>22}", "bold")
        for program in done.packed:
            yield _program(program)
        yield "each process of a packed program has its own copy of it in memory, where others share pages"
    yield ""
    yield from proof(done, style)


def layers(done: Lightened, style: Style) -> Iterator[str]:
    """The table of layers."""
    yield style(f"{'LAYERS':<38}{'tar':>10}{'':>11}{'stored':>11}{'':>10}", "bold")
    for number, layer in enumerate(done.layers):
        yield _row(number, layer, style)
    yield style(_totals(done), "bold")


def _program(program: Program) -> str:
    before, after = program.cost_before, program.cost_after
    seconds = f"{before.seconds * 1000:.1f} → {after.seconds * 1000:.1f} ms" if before and after else "unknown"
    memory = f"{_peak(before)} → {_peak(after)}" if before and after else "unknown"
    changed = f"{size(program.before)} → {size(program.after)}"
    return f"{fit(show(program.path), 33):<34}{changed:>18}{seconds:>20}{memory:>22}"


def _peak(cost: Cost) -> str:
    return size(cost.memory) if cost.memory is not None else "unknown"


def _row(number: int, layer: LayerChange, style: Style) -> str:
    tone = {"kept": "dim", "gone": "green", "new": "cyan"}.get(layer.fate, "")
    before, after = layer.before, layer.after
    raw = f"{_size(before, 'raw'):>10} → {_size(after, 'raw'):<8}"
    stored = f"{_size(before, 'stored'):>10} → {_size(after, 'stored'):<8}"
    row = f"{number:>3}  {fit(layer.command, 23):<24}{layer.fate:<9}{raw}{stored}"
    return style(row, *([tone] if tone else []))


def _size(facts: LayerFacts | None, what: str) -> str:
    return "-" if facts is None else size(getattr(facts, what))


def totals(done: Lightened) -> tuple[int, int | None, int, int | None]:
    """Bytes of all layers: tar and stored, before and after; None where a layer was not written."""
    before = [layer.before for layer in done.layers if layer.before is not None]
    after = [layer.after for layer in done.layers if layer.after is not None]
    return (
        sum(facts.raw for facts in before),
        _sum([facts.stored for facts in before]),
        sum(facts.raw for facts in after),
        _sum([facts.stored for facts in after]),
    )


def _sum(counts: list[int | None]) -> int | None:
    known = [count for count in counts if count is not None]
    return sum(known) if len(known) == len(counts) else None


def _totals(done: Lightened) -> str:
    raw, stored, new_raw, new_stored = totals(done)
    return f"{'all':<38}{size(raw):>10} → {size(new_raw):<8}{size(stored):>9} → {size(new_stored):<8}"


def proof(done: Lightened, style: Style) -> Iterator[str]:
    """What was saved, and what that rests on."""
    raw, stored, new_raw, new_stored = totals(done)
    if done.proof is None:
        share = percent((raw - new_raw) / raw if raw else 0)
        yield f"would save {size(raw - new_raw)} of {size(raw)} unpacked ({share})"
        return
    if done.unchanged:
        yield "nothing to squeeze: every layer is as it was"
    saved = raw - new_raw
    yield f"saved {size(saved)} of {size(raw)} unpacked ({percent(saved / raw if raw else 0)})" + (
        f", {size(stored - new_stored)} of {size(stored)} stored"
        if stored is not None and new_stored is not None
        else ""
    )
    meant = f", {len(done.gone):,} paths dropped" if done.gone else ""
    meant += f", {len(done.changed):,} files changed as asked" if done.gone or done.changed else ""
    yield style(
        f"proof: {done.proof.paths:,} paths and {size(done.proof.content)} of content compared, 0 differences{meant}",
        "green",
    )
    if done.cargo is not None:
        layer = done.cargo.layers[-1]
        yield f"cargo: {size(layer.stored_size)} stored; with it the result is the original again, path by path"
