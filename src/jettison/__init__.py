"""Jettison makes container images light, and proves that nothing needed went overboard.

The public names are imported when they are first used, so that `import jettison` costs nothing:

    image = jettison.open_image("docker://debian:bookworm-slim")
    analysis = jettison.analyze(image)
    analysis.total, analysis.waste, analysis.predictions
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from jettison.analysis import analyze
    from jettison.stores import open_image

__all__ = ["__version__", "analyze", "open_image"]

_HOMES = {"analyze": "jettison.analysis", "open_image": "jettison.stores"}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        import importlib

        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
