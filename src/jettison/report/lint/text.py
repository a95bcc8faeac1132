"""Findings as rustc and ruff show them: place, code, one sentence, the excerpt with the span underlined, the fix."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jettison.finding import Safety, Severity
from jettison.report.lint import rule_names
from jettison.report.style import Style

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from jettison.dockerfile import Dockerfile
    from jettison.finding import Finding, Location
    from jettison.report.lint import Result

_TONES = {Severity.ERROR: "red", Severity.WARNING: "yellow", Severity.INFO: "blue", Severity.STYLE: "cyan"}
_MOST = 3
"""Lines of an excerpt that are shown; a longer span is cut."""
_WIDTH = 160
"""Characters of a line that are shown around the span."""


def render(results: Iterable[Result]) -> Iterator[str]:
    """The findings of all files, and at the end how many there are and how many `--fix` would mend."""
    style, names = Style(), rule_names()
    files = found = safe = unsafe = mended = 0
    for result in results:
        files += 1
        mended += len(result.mended)
        for finding in result.findings:
            found += 1
            safety = finding.fix.safety if finding.fix is not None else None
            safe += safety is Safety.SAFE
            unsafe += safety is Safety.UNSAFE
            yield "".join(line + "\n" for line in _finding(result.file, finding, names, style))
        for finding, why in result.refused:
            place = finding.location
            yield style(f"{place.path}:{place.line}: the fix for {finding.code} was undone: {why}\n", "dim")
    yield from _total(style, files, found, safe, unsafe, mended)


def _total(style: Style, files: int, found: int, safe: int, unsafe: int, mended: int) -> Iterator[str]:
    if mended:
        yield f"{_count(mended, 'finding')} mended.\n"
    if found:
        parts = [f"{safe} by --fix"] if safe else []
        parts += [f"{unsafe} more by --unsafe-fixes"] if unsafe else []
        hint = f" Mended would be {' and '.join(parts)}." if parts else ""
        yield style(f"{_count(found, 'finding')} in {_count(files, 'file')}.{hint}\n", "bold")


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def _finding(file: Dockerfile, finding: Finding, names: dict[str, str], style: Style) -> Iterator[str]:
    place, tone = finding.location, _TONES[finding.severity]
    head = style(f"{finding.severity.label}[{finding.code}]", "bold", tone)
    name = names.get(finding.code, "")
    at = style(f"{place.path}:{place.line}:{place.column}", "bold")
    yield f"{at}: {head} {finding.message} {style(f'({name})', 'dim') if name else ''}".rstrip()
    yield from _excerpt(file, place, style, tone)
    margin = " " * len(str(place.line + _MOST - 1))
    if finding.note:
        yield f"{margin} {style('=', 'blue')} note: {finding.note}"
    if finding.fix is not None:
        how = {Safety.SAFE: "--fix", Safety.UNSAFE: "--unsafe-fixes", Safety.DISPLAY: "by hand"}[finding.fix.safety]
        yield f"{margin} {style('=', 'blue')} {style('fix', 'green')}: {finding.fix.message} ({how})"
    yield ""


def _excerpt(file: Dockerfile, place: Location, style: Style, tone: str) -> Iterator[str]:
    last = min(
        max(place.end_line - (place.end_column == 1 and place.end_line > place.line), place.line),
        place.line + _MOST - 1,
    )
    width = len(str(place.line + _MOST - 1))
    bar = style("|", "blue")
    yield f"{'':>{width}} {bar}"
    for number in range(place.line, last + 1):
        text = line_text(file, number)
        begin = place.column - 1 if number == place.line else len(text) - len(text.lstrip())
        end = place.end_column - 1 if number == place.end_line else len(text.rstrip())
        text, begin, end = _window(text, begin, max(end, begin + 1))
        yield f"{style(f'{number:>{width}}', 'blue')} {bar} {_visible(text)}".rstrip()
        pad = "".join("\t" if c == "\t" else " " * _cells(c) for c in text[:begin])
        marks = "^" * max(1, sum(_cells(c) for c in text[begin:end]))
        yield f"{'':>{width}} {bar} {pad.expandtabs(4)}{style(marks, tone)}"


def line_text(file: Dockerfile, number: int) -> str:
    """The text of a 1-based line, without its line end; bytes that are no UTF-8 show as �."""
    source = file.source
    starts = source.starts
    start = starts[number - 1]
    end = starts[number] if number < len(starts) else len(source.data)
    return source.data[start:end].rstrip(b"\r\n").decode("utf-8", "replace").removeprefix("\ufeff")


def _window(text: str, begin: int, end: int) -> tuple[str, int, int]:
    """A part of a very long line around the span, so that a terminal is not flooded."""
    if len(text) <= _WIDTH:
        return text, begin, min(end, max(len(text), begin + 1))
    start = max(0, begin - _WIDTH // 4)
    cut = text[start : start + _WIDTH]
    head = "…" if start else ""
    tail = "…" if start + _WIDTH < len(text) else ""
    shift = len(head) - start
    return head + cut + tail, begin + shift, min(end + shift, len(head) + len(cut))


def _visible(text: str) -> str:
    return "".join(c if c.isprintable() or c == "\t" else "\ufffd" for c in text).expandtabs(4)


def _cells(character: str) -> int:
    if character.isascii():
        return 1
    import unicodedata

    return 2 if unicodedata.east_asian_width(character) in "WF" else 1
