"""Colour and width for terminals: off where stdout is no terminal, or where NO_COLOR is set."""

from __future__ import annotations

import os
import sys
from typing import TextIO

from jettison.report.printable import printable

_CODES = {
    "bold": "1",
    "dim": "2",
    "red": "31",
    "green": "32",
    "yellow": "33",
    "blue": "34",
    "magenta": "35",
    "cyan": "36",
}


class Style:
    """Paints text, or leaves it alone."""

    def __init__(self, stream: TextIO | None = None, colour: bool | None = None) -> None:
        stream = stream or sys.stdout
        if colour is None:
            forced = os.environ.get("FORCE_COLOR", "") not in ("", "0")
            colour = (stream.isatty() or forced) and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
        self.colour = colour
        self.width = _columns() if stream.isatty() else 80

    def __call__(self, text: str, *names: str) -> str:
        if not self.colour or not names or not text:
            return text
        return f"\x1b[{';'.join(_CODES[name] for name in names)}m{text}\x1b[0m"


def _columns() -> int:
    import shutil

    return shutil.get_terminal_size((80, 24)).columns


def fit(text: str, width: int) -> str:
    """`text` on one line of at most `width` characters, an ellipsis where it was cut."""
    flat = printable(" ".join(text.split()))
    return flat if len(flat) <= width else flat[: max(0, width - 1)] + "…"


def fit_path(text: str, width: int) -> str:
    """A path of at most `width` characters, cut in the middle."""
    if len(text) <= width:
        return text
    keep = max(1, width - 1)
    head = keep // 3
    return text[:head] + "…" + text[len(text) - (keep - head) :]


def bar(share: float, width: int) -> str:
    """A bar of `width` characters, filled to `share` in eighths."""
    eighths = round(max(0.0, min(1.0, share)) * width * 8)
    full, rest = divmod(eighths, 8)
    return ("█" * full + (" ▏▎▍▌▋▊▉"[rest] if rest else "")).ljust(width)
