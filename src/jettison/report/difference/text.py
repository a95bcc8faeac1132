"""What sets two images apart, for a terminal: a summary that fits 80x24, and longer sections on request."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from jettison.difference import Sort
from jettison.image.entry import show
from jettison.report.difference import change, named
from jettison.report.printable import printable
from jettison.report.style import fit, fit_path
from jettison.units import size

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from jettison.difference import Difference, FileChange, LayerRow, PackageChange, Setting
    from jettison.report.style import Style

_SETTINGS, _PACKAGES, _PLACES = 4, 4, 4
_SIGNS = {Sort.ADDED: "+", Sort.REMOVED: "-", Sort.CONTENT: "~", Sort.METADATA: "m"}
_TONES = {"+": "green", "-": "red", "~": "yellow", "m": "cyan"}


def summary(difference: Difference, style: Style) -> Iterator[str]:
    """Sizes, layers, and the most telling of settings, packages and files."""
    yield from _head(difference, style)
    if not difference:
        yield ""
        yield "the same files, packages and configuration"
        return
    yield from _settings(difference.settings, style, _SETTINGS)
    if difference.packages:
        yield ""
        yield _title("PACKAGES", _package_counts(difference.packages), style)
        for found in sorted(difference.packages, key=_weight)[:_PACKAGES]:
            yield _package(found, style)
    if difference.files:
        yield ""
        yield _title("FILES", _file_counts(difference), style)
        for place, changes in _places(difference.files)[:_PLACES]:
            yield _place(place, changes, style)


def _head(difference: Difference, style: Style) -> Iterator[str]:
    before, after = difference.before, difference.after
    about = "" if before.exact and after.exact else "≈"
    names = [printable(named(side.image)) for side in (before, after)]
    yield f"{style(fit_path(names[0], 38), 'bold')} → {style(fit_path(names[1], 38), 'bold')}"
    yield style(f"{'':<12}{'before':>14}{'after':>14}{'change':>14}", "bold")
    for word, mark, one, other in (
        ("raw", "", before.size.raw, after.size.raw),
        ("compressed", about, before.size.compressed, after.size.compressed),
    ):
        left, right = one or 0, other or 0
        yield f"{word:<12}{mark + size(left):>14}{mark + size(right):>14}{_tinted(change(right - left), style)}"
    for word, left, right in (
        ("files", before.files, after.files),
        ("packages", len(before.packages), len(after.packages)),
    ):
        yield f"{word:<12}{left:>14,}{right:>14,}{_tinted(f'{right - left:+,}' if right - left else '0', style)}"
    yield _layers_line(difference.layers, difference, about)


def _tinted(text: str, style: Style) -> str:
    tone = ["red"] if text.startswith("+") else ["green"] if text.startswith("-") else []
    return style(f"{text:>14}", *tone)


def _layers_line(rows: Sequence[LayerRow], difference: Difference, about: str) -> str:
    shared = [row for row in rows if row.shared]
    bytes_shared = sum(row.size.raw or 0 for row in shared)
    repacked = sum(row.repacked for row in rows)
    again = f", {repacked} of them repacked" if repacked else ""
    gone, come = sum(row.after is None for row in rows), sum(row.before is None for row in rows)
    pull = f"{about}{size(difference.to_pull.compressed)} to pull"
    return f"layers      {len(shared)} shared ({size(bytes_shared)}{again}), {gone} gone, {come} new; {pull}"


def _title(name: str, counts: str, style: Style) -> str:
    return f"{style(name, 'bold')}  {counts}"


def _settings(settings: Sequence[Setting], style: Style, most: int | None) -> Iterator[str]:
    if not settings:
        return
    yield ""
    yield _title("CONFIGURATION", f"{len(settings)} changed", style)
    for setting in settings[:most]:
        name = setting.field + (f" {setting.key}" if setting.key else "")
        values = [value for value in (setting.before, setting.after) if value is not None]
        sign = "~" if len(values) == 2 else "+" if setting.before is None else "-"
        width = 50 if most else max(50, style.width - 30)
        yield f"{style(sign, _TONES[sign])} {fit(printable(name), 26):<27}{fit(printable(' → '.join(values)), width)}"
    if most is not None and len(settings) > most:
        yield style(f"  and {len(settings) - most} more (--settings shows all)", "dim")


def _package_counts(found: Sequence[PackageChange]) -> str:
    counts = Counter(package.word for package in found)
    words = ("added", "removed", "upgraded", "downgraded", "changed")
    return ", ".join(f"{counts[word]} {word}" for word in words if counts[word])


def _weight(found: PackageChange) -> tuple[int, str]:
    return -abs(found.size_after - found.size_before), found.name


def _package(found: PackageChange, style: Style) -> str:
    sign = {"added": "+", "removed": "-"}.get(found.word, "~")
    versions = " → ".join(", ".join(side) for side in (found.before, found.after) if side)
    delta = change(found.size_after - found.size_before)
    word = "" if sign in "+-" else found.word
    row = f"{fit(printable(found.name), 25):<26}{fit(printable(versions), 25):<26}{word:<11}{found.kind:<5}{delta:>9}"
    return f"{style(sign, _TONES[sign])} {row}"


def _file_counts(difference: Difference) -> str:
    counts = Counter(found.sort for found in difference.files)
    words = {Sort.ADDED: "added", Sort.REMOVED: "removed", Sort.CONTENT: "changed", Sort.METADATA: "attributes only"}
    parts = [f"{counts[sort]:,} {word}" for sort, word in words.items() if counts[sort]]
    return ", ".join(parts) + (f"; {difference.touched:,} only in time" if difference.touched else "")


def _places(files: Sequence[FileChange]) -> list[tuple[bytes, list[FileChange]]]:
    """The directories, three levels deep at most, in which most bytes come and go."""
    places: dict[bytes, list[FileChange]] = {}
    for found in files:
        parts = found.path.split(b"/")[:-1][:3]
        places.setdefault(b"/".join(parts), []).append(found)
    return sorted(places.items(), key=lambda item: (-sum(abs(found.delta) for found in item[1]), item[0]))


def _place(place: bytes, changes: list[FileChange], style: Style) -> str:
    signs = {_SIGNS[found.sort] for found in changes}
    sign = signs.pop() if len(signs) == 1 else "~"
    delta = change(sum(found.delta for found in changes))
    path = fit_path(f"/{show(place)}/" if place else "/", 46)
    count = f"{len(changes):,} path{'s' if len(changes) > 1 else ''}"
    return f"{style(sign, _TONES[sign])} {path:<47}{count:>15}{delta:>15}"


def files(difference: Difference, style: Style) -> Iterator[str]:
    """All paths that differ: `+` added, `-` removed, `~` content, `m` attributes only."""
    yield style(f"{'before':>11}{'after':>11}  FILES", "bold")
    for found in difference.files:
        sign = _SIGNS[found.sort]
        shown = (found.before, found.after) if found.kind == "file" else (None, None)
        sizes = [size(count) if count is not None else "" for count in shown]
        path = "/" + show(found.path) + ("/" if found.kind == "directory" else "")
        details = style(f"  ({', '.join(found.details)})", "dim") if found.details not in ((), ("content",)) else ""
        yield f"{sizes[0]:>11}{sizes[1]:>11}  {style(sign, _TONES[sign])} {path}{details}"


def packages(difference: Difference, style: Style) -> Iterator[str]:
    """All packages that differ, by name."""
    yield _title("PACKAGES", _package_counts(difference.packages) or "none differ", style)
    for found in sorted(difference.packages, key=lambda package: (package.kind, package.name)):
        yield _package(found, style)


def settings(difference: Difference, style: Style) -> Iterator[str]:
    """All settings that differ, whole."""
    if not difference.settings:
        yield _title("CONFIGURATION", "none differ", style)
        return
    lines = _settings(difference.settings, style, None)
    next(lines)
    yield from lines


def layers(difference: Difference, style: Style) -> Iterator[str]:
    """All layers of both: `=` shared, `-` of the first only, `+` of the second only."""
    yield style(f"  {'LAYERS':<8}{'before':>7}{'after':>7}{'raw':>11}{'compressed':>12}  instruction", "bold")
    for row in difference.layers:
        sign = "=" if row.shared else "-" if row.after is None else "+"
        numbers = ["" if number is None else str(number) for number in (row.before, row.after)]
        places = f"{row.diff_id[7:15]}{numbers[0]:>7}{numbers[1]:>7}"
        sizes = f"{size(row.size.raw):>11}{size(row.size.compressed):>12}"
        tone = [_TONES[sign]] if sign in _TONES else []
        yield f"{style(sign, *tone)} {places}{sizes}  {fit(printable(row.command), max(31, style.width - 49))}"
