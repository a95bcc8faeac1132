"""Development dependencies of a Node project in its production image."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jettison.waste import Claim, Kind, View

if TYPE_CHECKING:
    from collections.abc import Iterator

DEVELOPMENT = Kind(
    "dev-dependencies",
    "development dependencies",
    rank=24,
    remedy="install production dependencies only (npm ci --omit=dev), or prune after the build",
    fix="production",
    safe=False,
)
KINDS = (DEVELOPMENT,)


def detect(view: View) -> Iterator[tuple[Kind, Claim]]:
    """All files of packages that only development needs. What a system package brought is that package's business."""
    for package in view.inventory.packages:
        if not package.dev or package.owned_by:
            continue
        for path in package.files:
            node = view.tree.get(path)
            if node is not None and node.children is None:
                yield DEVELOPMENT, Claim(node.layer, node.number, reason=package.name)
