"""The analysis for a terminal: a summary that fits 80x24, and longer sections on request."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jettison.image.entry import KIND_NAMES, show
from jettison.report.analysis import title
from jettison.report.style import Style, bar, fit, fit_path
from jettison.units import percent, size

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jettison.analysis import Analysis, LayerReport
    from jettison.image.tree import Node
    from jettison.waste.ledger import Waste


def summary(analysis: Analysis, style: Style) -> Iterator[str]:
    """The summary: size, layers with lines, top waste, what would be left."""
    yield from _head(analysis, style)
    yield ""
    yield style(f"{'LAYERS':<44}{'raw':>10}{'compressed':>12}{'waste':>9}", "bold")
    shown = sorted(sorted(analysis.layers, key=lambda layer: -layer.raw)[:6], key=lambda layer: layer.number)
    for layer in shown:
        yield _layer_row(layer, style)
    if len(analysis.layers) > len(shown):
        rest = len(analysis.layers) - len(shown)
        yield style(f"     and {rest} smaller (--layers shows all)", "dim")
    yield ""
    yield style(f"{'WASTE':<34}{'line':>8}{'raw':>10}{'compressed':>12}  of raw", "bold")
    for kind_rows in _by_kind(analysis)[:6]:
        yield _waste_row(analysis, kind_rows, style)
    yield from _left(analysis, style)
    yield from _footer(analysis, style)


def _head(analysis: Analysis, style: Style) -> Iterator[str]:
    image = analysis.image
    name = fit_path(title(image), 44)
    yield f"{style(name, 'bold')}  {image.config.platform}  {style(image.id.short, 'dim')}"
    about = "" if analysis.exact else "≈"
    yield (
        f"{size(analysis.total.raw)} raw, {about}{size(analysis.total.compressed)} compressed, "
        f"{len(analysis.layers)} layers, {len(analysis.inventory.packages)} packages"
    )
    wasted = analysis.wasted
    share = (wasted.raw or 0) / analysis.total.raw if analysis.total.raw else 0.0
    tone = "green" if analysis.efficiency >= 0.9 else "yellow" if analysis.efficiency >= 0.7 else "red"
    yield (
        f"efficiency {style(percent(analysis.efficiency), tone)}, "
        f"waste {size(wasted.raw)} raw ({percent(share)}), {about}{size(wasted.compressed)} compressed"
    )


def _where(layer: LayerReport) -> str:
    if layer.origin.line is not None:
        return f"line {layer.origin.line}"
    return "base" if layer.origin.base else "-"


def _layer_row(layer: LayerReport, style: Style) -> str:
    command = fit(layer.origin.command or layer.layer.diff_id[7:19], 29)
    share = percent(layer.waste / layer.raw) if layer.raw else "-"
    tone = "yellow" if layer.raw and layer.waste / layer.raw > 0.3 else ""
    row = f"{layer.number:>3}  {style(f'{_where(layer):<9}', 'cyan')}{command:<30}"
    return f"{row}{size(layer.raw):>10}{size(layer.compressed):>12}{style(f'{share:>9}', *([tone] if tone else []))}"


def _by_kind(analysis: Analysis) -> list[list[Waste]]:
    groups: dict[str, list[Waste]] = {}
    for waste in analysis.waste:
        groups.setdefault(waste.kind.name, []).append(waste)
    return sorted(groups.values(), key=lambda rows: -sum(row.raw for row in rows))


def _waste_row(analysis: Analysis, rows: list[Waste], style: Style) -> str:
    raw, compressed = sum(row.raw for row in rows), sum(row.compressed for row in rows)
    places = [analysis.layers[row.layer] for row in sorted(rows, key=lambda row: -row.raw)]
    line = places[0].origin.line
    where = f"{line}" if line is not None else ("base" if places[0].origin.base else f"layer {places[0].number}")
    where += "+" if len({place.number for place in places}) > 1 else ""
    share = raw / analysis.total.raw if analysis.total.raw else 0.0
    row = f"{fit(rows[0].kind.title, 33):<34}{style(f'{where:>8}', 'cyan')}{size(raw):>10}{size(compressed):>12}"
    return f"{row}  {style(bar(share, 6), 'yellow')} {percent(share):>6}"


def _left(analysis: Analysis, style: Style) -> Iterator[str]:
    if not analysis.predictions:
        return
    yield ""
    yield style(f"{'WHAT WOULD BE LEFT':<58}{'raw':>10}{'compressed':>12}", "bold")
    for prediction in analysis.predictions[:4]:
        yield f"{fit(prediction.title, 57):<58}{size(prediction.left.raw):>10}{size(prediction.left.compressed):>12}"


def _footer(analysis: Analysis, style: Style) -> Iterator[str]:
    if analysis.exposures:
        first = analysis.exposures[0]
        more = f" and {len(analysis.exposures) - 1} more" if len(analysis.exposures) > 1 else ""
        yield style(f"secret? {fit_path('/' + show(first.path), 50)} in layer {first.layer}{more}", "red")


def layers(analysis: Analysis, style: Style) -> Iterator[str]:
    """All layers, with digest, members, and the whole instruction."""
    yield style(f"{'LAYERS':<44}{'raw':>10}{'compressed':>12}{'waste':>9}", "bold")
    for layer in analysis.layers:
        yield _layer_row(layer, style)
        digest = layer.layer.digest or layer.layer.diff_id
        evidence = f", line by {layer.origin.evidence}" if layer.origin.evidence else ""
        yield style(f"     {digest[:26]}…  {len(layer.index.entries):,} members{evidence}", "dim")
        if len(" ".join(layer.origin.command.split())) > 29:
            yield style(f"     {fit(layer.origin.command, max(75, style.width - 5))}", "dim")


def waste(analysis: Analysis, style: Style) -> Iterator[str]:
    """All waste: kind, place, bytes, the largest paths, what removes it."""
    for rows in _by_kind(analysis):
        kind = rows[0].kind
        total, packed = sum(row.raw for row in rows), sum(row.compressed for row in rows)
        safety = "safe to drop" if kind.safe else "may be needed"
        yield f"{style(kind.title, 'bold')}: {size(total)} raw, {size(packed)} compressed ({kind.name}, {safety})"
        yield style(f"  to drop it, {kind.remedy}", "green")
        for row in sorted(rows, key=lambda row: -row.raw):
            yield from _waste_place(analysis, row, style)
        yield ""


def _waste_place(analysis: Analysis, row: Waste, style: Style) -> Iterator[str]:
    layer = analysis.layers[row.layer]
    by = f", hidden by layer {row.by} ({_where(analysis.layers[row.by])})" if row.by is not None else ""
    yield (
        f"  layer {row.layer} ({_where(layer)}){by}: {size(row.raw)} raw, {size(row.compressed)} compressed, "
        f"{len(row.items):,} paths"
    )
    if row.reasons and len(row.reasons) < len(row.items):
        tops = ", ".join(f"{name} {size(count)}" for name, count in row.reasons.most_common(5))
        yield style(f"    {fit(tops, 76)}", "dim")
    for item in sorted(row.items, key=lambda item: -item.raw)[:3]:
        yield style(f"    {size(item.raw):>9}  {fit_path('/' + show(item.path), 64)}", "dim")


def packages(analysis: Analysis, style: Style) -> Iterator[str]:
    """All packages, largest first."""
    yield style(f"{'PACKAGE':<34}{'version':<22}{'kind':<7}{'layer':>5}{'size':>11}", "bold")
    for package in sorted(analysis.inventory.packages, key=lambda p: (-p.size, p.name)):
        why = " (recommended)" if package.installed_by == "recommends" else ""
        name = fit(package.name + why, 33)
        layer = "-" if package.first_layer < 0 else str(package.first_layer)
        yield f"{name:<34}{fit(package.version, 21):<22}{package.kind:<7}{layer:>5}{size(package.size):>11}"


def files(analysis: Analysis, style: Style, *, most: int = 50) -> Iterator[str]:
    """The largest visible files, with layer, owner, and what kind of waste they are, if any."""
    kinds = {(item.layer, item.number): w.kind.title for w in analysis.waste for item in w.items}
    nodes = sorted(
        (n for n in analysis.tree.nodes.values() if n.entry.size), key=lambda n: (-n.entry.size, n.entry.path)
    )
    yield style(f"{'size':>9}  {'layer':>5}  {'FILE':<42}{'owner / waste'}", "bold")
    for node in nodes[:most]:
        owner = analysis.inventory.owner(node.entry.path)
        note = kinds.get((node.layer, node.number)) or (owner.name if owner else "")
        path = fit_path("/" + show(node.entry.path), 41)
        yield f"{size(node.entry.size):>9}  {node.layer:>5}  {path:<42}{fit(note, 22)}"
    if len(nodes) > most:
        yield style(f"           and {len(nodes) - most:,} smaller files (--format json has all)", "dim")


def tree(analysis: Analysis, start: Node, style: Style, *, depth: int = 2) -> Iterator[str]:
    """A directory of the final tree, sizes summed, down to `depth`."""
    totals: dict[int, int] = {}
    for node in reversed(list(start.walk())):
        own = node.entry.size if node.entry.kind == 0 else 0
        totals[id(node)] = own + sum(totals[id(child)] for child in (node.children or {}).values())
    yield style(f"{'size':>9}  {'mode':<11}{'owner':<12}{'layer':>5}  /{show(start.entry.path)}", "bold")
    yield from _branch(start, totals, style, depth, "")


def _branch(node: Node, totals: dict[int, int], style: Style, depth: int, indent: str) -> Iterator[str]:
    for child in sorted((node.children or {}).values(), key=lambda c: (-totals[id(c)], c.entry.path)):
        entry = child.entry
        name = show(entry.name) + ("/" if child.children is not None else "")
        target = f" -> {show(entry.link)}" if entry.link else ""
        layer = str(child.layer) if child.layer >= 0 else "-"
        owner = f"{entry.uid}:{entry.gid}"
        kind = KIND_NAMES[entry.kind][0] if entry.kind else "-"
        place = f"{kind}{entry.mode:04o}{'':<6}{owner:<12}{layer:>5}"
        yield f"{size(totals[id(child)]):>9}  {place}  {indent}{fit(name + target, 60)}"
        if child.children and depth > 1:
            yield from _branch(child, totals, style, depth - 1, indent + "  ")
