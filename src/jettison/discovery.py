"""What a folder of the package holds: commands, rules and formats are found by their files, and no list is kept."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import ModuleType


def modules(package: ModuleType) -> list[str]:
    """The names of the modules (not the packages) in a package, sorted; from a zip archive too.

    `pkgutil` says the same, at several times the price of reading a directory.
    """
    found: set[str] = set()
    for folder in package.__path__:
        if not os.path.isdir(folder):
            import pkgutil

            found.update(info.name for info in pkgutil.iter_modules([folder]) if not info.ispkg)
            continue
        found.update(name[:-3] for name in os.listdir(folder) if name.endswith(".py") and name[0] not in "_.")
    return sorted(found)
