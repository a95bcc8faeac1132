"""Language package managers in an image that only runs what they installed."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from jettison.image.entry import FILE, HARDLINK, SYMLINK
from jettison.waste import Claim, Kind, View

if TYPE_CHECKING:
    from collections.abc import Iterator

INSTALLERS = Kind(
    "installers",
    "language package managers",
    rank=27,
    remedy="copy the program and its dependencies into an image without them",
    fix="stage",
    safe=False,
)
KINDS = (INSTALLERS,)

_PLACES = re.compile(
    rb"usr/(?:local/)?lib/node_modules/(npm|corepack|yarn|pnpm)/|opt/(yarn)-v[^/]+/"
    rb"|usr/local/lib/python3[^/]*/(?:site-packages/(pip|setuptools|wheel)(?:-[^/]*\.dist-info)?/|(ensurepip)/)"
)


def detect(view: View) -> Iterator[tuple[Kind, Claim]]:
    """Their files, unless the container runs them or the system's packages own them."""
    started = set(re.split(r"[^a-z]+", view.started.lower()))
    used = started & {"npm", "npx", "yarn", "pnpm", "corepack", "pip", "setuptools"}
    if used & {"yarn", "pnpm"}:
        used |= {"corepack"}
    if "npx" in used:
        used |= {"npm"}
    for path, node in view.tree.nodes.items():
        if node.entry.kind not in (FILE, HARDLINK, SYMLINK) or (found := _PLACES.match(path)) is None:
            continue
        name = next(group for group in found.groups() if group).decode()
        if name not in used and view.inventory.owner(path) is None:
            yield INSTALLERS, Claim(node.layer, node.number, reason=name)
