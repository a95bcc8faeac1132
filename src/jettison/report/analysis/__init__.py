"""Reports of an analysis (`jettison analyze`), one file a format."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jettison.image.image import Image


def title(image: Image) -> str:
    """What to call an image: its name with a tag, else how it was asked for (a lone tag says little)."""
    return next((name for name in image.names if ":" in name), image.reference)
