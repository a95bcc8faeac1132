"""Packages that were installed for others, and that nothing needs or recommends any more."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jettison.waste import Claim, Kind, View
from jettison.waste.recommends import belongings

if TYPE_CHECKING:
    from collections.abc import Iterator

ORPHANED = Kind(
    "orphaned-packages",
    "packages that nothing needs any more",
    rank=20,
    remedy="remove packages with apt-get purge --auto-remove, in the RUN that installs them",
    fix="drop",
    safe=False,
)
KINDS = (ORPHANED,)


def detect(view: View) -> Iterator[tuple[Kind, Claim]]:
    """All that belongs to such packages."""
    for node, package in belongings(view, "orphan"):
        yield ORPHANED, Claim(node.layer, node.number, reason=package.name)
