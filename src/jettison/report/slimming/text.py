"""A slimmed image for a terminal: the figures before and after, the layers, what was proved, what scanners will see."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jettison.report.rewriting import text as rewriting
from jettison.report.style import Style, fit
from jettison.units import size

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jettison.report.slimming import Report
    from jettison.slim.figures import Figures


def report(found: Report, style: Style) -> Iterator[str]:
    """The whole report."""
    yield from _ladder(found, style)
    yield ""
    yield from rewriting.layers(found.rewriting, style)
    yield ""
    yield from _truth(found)
    if found.result is None:
        yield "nothing was written; --explain PATH tells why a path stays or goes"
        return
    proof = found.result.rewriting.proof
    held = found.result.invariants
    if proof is not None:
        yield style(
            f"proof: {proof.paths:,} paths compared, every one that stays is as it was; {held.programs:,} programs "
            f"find their libraries, {held.links:,} links lead where they led, the command is there",
            "green",
        )
    yield from _behaviour(found, style)
    cargo = found.result.cargo
    if cargo is not None:
        yield f"cargo: {size(cargo.layers[-1].stored_size)} stored; with it the result is the original again"


def _behaviour(found: Report, style: Style) -> Iterator[str]:
    """What came of running the result beside the original."""
    if found.proved is None:
        yield "behaviour: not assessed; no container of the result was run"
        return
    behaviour, missed = found.proved.behaviour, found.proved.missed
    rounds = f", after {sum(map(len, missed)):,} missed paths came back in {len(missed)} rounds" if missed else ""
    but = f"; {len(behaviour.unstable):,} things change from run to run and could not be" if behaviour.unstable else ""
    yield style(f"behaviour: {behaviour.compared:,} outcomes compared, 0 differences{rounds}{but}", "green")


def _ladder(found: Report, style: Style) -> Iterator[str]:
    before, after = found.plan.before, found.plan.after
    yield style(f"{'':<20}{'before':>24}{'after':>24}", "bold")
    yield _row("unpacked", size(before.raw), size(after.raw), _factor(before.raw, after.raw))
    _, stored, _, new = rewriting.totals(found.rewriting)
    if stored is not None:
        yield _row("stored", size(stored), size(new) if new is not None else "unknown", _factor(stored, new))
    for name, value in _counts(before).items():
        yield _row(name, f"{value:,}", f"{_counts(after)[name]:,}")
    for name, these, those in (
        ("shells", before.shells, after.shells),
        ("package managers", before.managers, after.managers),
    ):
        yield _row(name, fit(", ".join(these) or "none", 23), fit(", ".join(those) or "none", 23))


def _counts(figures: Figures) -> dict[str, int]:
    return {
        "files": figures.files,
        "directories": figures.directories,
        "packages": figures.packages,
        "executables": figures.executables,
        "setuid files": figures.setuid,
        "world-writable": figures.writable,
    }


def _row(name: str, before: str, after: str, more: str = "") -> str:
    return f"{name:<20}{before:>24}{after:>24}{'  ' + more if more else ''}"


def _factor(before: int, after: int | None) -> str:
    return f"{before / after:.1f}x" if after else ""


def _truth(found: Report) -> Iterator[str]:
    """What scanners will see, and why that is the truth."""
    staying, gone = len(found.plan.packages), len(found.plan.gone_packages)
    partly = sum(1 for package in found.plan.packages if not found.plan.gone.isdisjoint(package.files))
    yield (
        f"scanners will list {staying:,} packages ({partly:,} without some of their files), and no longer {gone:,} "
        "of which no file is left"
    )
