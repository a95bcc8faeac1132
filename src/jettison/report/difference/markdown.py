"""What sets two images apart, as Markdown, for a pull request's comment."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from jettison.image.entry import show
from jettison.report.difference import change, named
from jettison.units import size

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jettison.difference import Difference, Setting

_MOST = 30


def render(difference: Difference) -> str:
    """The report: a table of sizes, then settings, packages, and the files with most bytes."""
    return "\n".join(_lines(difference)) + "\n"


def _lines(difference: Difference) -> Iterator[str]:
    before, after = difference.before, difference.after
    about = "" if before.exact and after.exact else "about "
    names = [named(side.image) for side in (before, after)]
    yield f"### {_code(names[0])} → {_code(names[1])}"
    yield from _table("| | before | after | change |", "|---|--:|--:|--:|")
    raw = before.size.raw or 0, after.size.raw or 0
    packed = before.size.compressed or 0, after.size.compressed or 0
    yield f"| raw | {size(raw[0])} | {size(raw[1])} | {change(raw[1] - raw[0])} |"
    yield f"| {about}compressed | {size(packed[0])} | {size(packed[1])} | {change(packed[1] - packed[0])} |"
    yield f"| files | {before.files:,} | {after.files:,} | {after.files - before.files:+,} |"
    counts = len(before.packages), len(after.packages)
    yield f"| packages | {counts[0]:,} | {counts[1]:,} | {counts[1] - counts[0]:+,} |"
    shared = sum(row.shared for row in difference.layers)
    yield f"| layers | {len(before.image.layers)} | {len(after.image.layers)} | {shared} shared |"
    if not difference:
        yield ""
        yield "The same files, packages and configuration."
    yield from _settings(difference)
    yield from _packages(difference)
    yield from _files(difference)


def _settings(difference: Difference) -> Iterator[str]:
    if difference.settings:
        yield from _table("| setting | before | after |", "|---|---|---|")
        for setting in difference.settings:
            yield f"| {_name(setting)} | {_code(setting.before)} | {_code(setting.after)} |"


def _name(setting: Setting) -> str:
    return f"{setting.field} {_code(setting.key)}" if setting.key else setting.field


def _packages(difference: Difference) -> Iterator[str]:
    if not difference.packages:
        return
    yield from _table("| package | | before | after | bytes |", "|---|---|---|---|--:|")
    found = sorted(difference.packages, key=lambda p: (-abs(p.size_after - p.size_before), p.name))
    for package in found[:_MOST]:
        versions = " | ".join(_cell(", ".join(side)) for side in (package.before, package.after))
        delta = change(package.size_after - package.size_before)
        yield f"| {_cell(package.name)} ({package.kind}) | {package.word} | {versions} | {delta} |"
    if len(found) > _MOST:
        yield ""
        yield f"and {len(found) - _MOST} more packages."


def _files(difference: Difference) -> Iterator[str]:
    if not difference.files:
        return
    counts = Counter(found.sort.value for found in difference.files)
    yield ""
    yield "Files: " + ", ".join(f"{count:,} {word}" for word, count in counts.items()) + "."
    yield from _table("| file | | before | after |", "|---|---|--:|--:|")
    largest = sorted(difference.files, key=lambda found: (-abs(found.delta), found.path))[:_MOST]
    for found in largest:
        sizes = [size(count) if count is not None else "" for count in (found.before, found.after)]
        details = f" ({', '.join(found.details)})" if found.details and found.details != ("content",) else ""
        yield f"| {_code('/' + show(found.path))} | {found.sort.value}{details} | {sizes[0]} | {sizes[1]} |"
    if len(difference.files) > _MOST:
        yield ""
        yield f"and {len(difference.files) - _MOST:,} more files."


def _table(head: str, rule: str) -> Iterator[str]:
    yield ""
    yield head
    yield rule


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _code(text: str | None) -> str:
    flat = _cell(text or "").replace("`", "'")
    return f"`{flat[:120]}{'…' if len(flat) > 120 else ''}`" if flat else ""
