"""What follows from what is kept: one concern a module, found by its folder.

A module has any of these functions. `always(view)` says once what is needed whatever is kept, before anything else is
looked at. `follow(view, fresh)` is asked again and again with the nodes that are newly kept, and says what they need.
`last(view)` is asked once nothing new comes up, about what goes with the whole.
"""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from types import ModuleType

    from jettison.image.tree import Node
    from jettison.slim.kept import Need
    from jettison.slim.view import View

    Follow = Callable[[View, list[Node]], Iterable[Need]]
    Once = Callable[[View], Iterable[Need]]


@cache
def _modules() -> tuple[ModuleType, ...]:
    names = sorted(module.name for module in pkgutil.iter_modules(__path__))
    return tuple(importlib.import_module(f"{__name__}.{name}") for name in names)


def close(view: View, roots: Iterable[Need]) -> None:
    """Keep the roots and all that follows from them."""
    fresh = view.kept.add([*roots, *(need for ask in _asking("always") for need in ask(view))])
    _follow(view, fresh)
    _follow(view, view.kept.add([need for ask in _asking("last") for need in ask(view)]))


def _asking(name: str) -> list[Once]:
    return [getattr(module, name) for module in _modules() if hasattr(module, name)]


def _follow(view: View, fresh: list[Node]) -> None:
    asking: list[Follow] = [module.follow for module in _modules() if hasattr(module, "follow")]
    while fresh:
        fresh = view.kept.add([need for follow in asking for need in follow(view, fresh)])
