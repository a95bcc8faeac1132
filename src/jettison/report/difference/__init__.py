"""What sets two images apart, in a format."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jettison.units import size

if TYPE_CHECKING:
    from jettison.image.image import Image


def change(delta: int) -> str:
    """A difference of bytes, with its sign."""
    return f"{'+' if delta > 0 else '-' if delta < 0 else ''}{size(abs(delta))}"


def named(image: Image) -> str:
    """What to call an image: its name, or how it was asked for where that is but a tag in a layout."""
    name = image.names[0] if image.names else ""
    return name if ":" in name or "/" in name else image.reference
