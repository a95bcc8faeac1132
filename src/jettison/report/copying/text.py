"""A copy for a terminal: each image, what it is called by now, and what had to be sent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jettison.units import size

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jettison.copying import Copied
    from jettison.report.style import Style

_SAID = {
    "sent": "sent",
    "there": "there already",
    "mounted": "mounted from another repository",
    "elsewhere": "left with their vendor",
}


def report(copied: Copied, style: Style) -> Iterator[str]:
    """The whole report."""
    yield style(f"{copied.source} → {copied.target}", "bold")
    for image in copied.images:
        stored = size(image.stored) if image.stored is not None else "unknown"
        digest = image.after or image.before or "no manifest"
        yield f"  {image.platform:<18} {digest[:19]:<19} {image.layers:>4} layers {stored:>10}"
    yield from _digests(copied, style)
    if copied.blobs is None:
        yield "blobs: the target does not say what it had"
    else:
        told = [_told(copied, fate, words) for fate, words in _SAID.items() if copied.count_of(fate)]
        yield "blobs: " + (", ".join(told) or "none")
    if copied.attestations:
        yield f"{copied.attestations} attestations left out: they speak of manifests that were changed"


def _told(copied: Copied, fate: str, words: str) -> str:
    return f"{copied.count_of(fate):,} {words} ({size(copied.bytes_of(fate) or 0)})"


def _digests(copied: Copied, style: Style) -> Iterator[str]:
    if copied.after is None:
        return
    if copied.after == copied.before:
        yield style(f"{copied.kind} {copied.after}, as it was", "green")
    elif copied.before is None:
        yield f"{copied.kind} {copied.after}"
    else:
        yield f"{copied.kind} {copied.after}, was {copied.before}"
