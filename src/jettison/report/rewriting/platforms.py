"""An index whose images were rewritten: the report of each, and what became of the index."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from jettison import __version__
from jettison.report.rewriting import json, markdown, text
from jettison.report.style import Style

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jettison.lighten import Lightened


@dataclass(frozen=True, slots=True)
class Squeezed:
    """The index' digests before and after, its images, and how many attestations went with the images they are of."""

    before: str
    after: str
    images: tuple[Lightened, ...]
    attestations: int


def render(done: Squeezed, form: str) -> bytes:
    """The whole report as `text`, `json` or `markdown`."""
    if form == "json":
        return _json(done) + b"\n"
    if form == "markdown":
        return "\n".join(markdown.render(image) for image in done.images).encode()
    return ("\n".join(_text(done, Style())) + "\n").encode("utf-8", "replace")


def _json(done: Squeezed) -> bytes:
    images = [
        {"platform": str(image.before.config.platform), "report": msgspec.Raw(json.render(image))}
        for image in done.images
    ]
    return msgspec.json.encode(
        {
            "jettison": __version__,
            "format": json.FORMAT,
            "index": {"before": str(done.before), "after": str(done.after)},
            "platforms": images,
            "attestations_left_out": done.attestations,
        }
    )


def _text(done: Squeezed, style: Style) -> Iterator[str]:
    for image in done.images:
        yield style(f"{image.before.config.platform}", "bold")
        yield from text.report(image, style)
        yield ""
    yield f"index of {len(done.images)} images: {done.after}, was {done.before}"
    if done.attestations:
        yield f"{done.attestations} attestations left out: they speak of manifests that were changed"
