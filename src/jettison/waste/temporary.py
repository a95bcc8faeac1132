"""Temporary files that a build left behind, unless the container is told to run from there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jettison.image.entry import FILE, HARDLINK
from jettison.waste import Claim, Kind, View

if TYPE_CHECKING:
    from collections.abc import Iterator

TEMPORARY = Kind(
    "temporary-files",
    "temporary files",
    rank=16,
    remedy="remove them in the same RUN, or mount a tmpfs (RUN --mount=type=tmpfs,target=/tmp)",
    fix="one-run",
    counts=True,
)
KINDS = (TEMPORARY,)

_PLACES = (b"tmp/", b"var/tmp/")


def detect(view: View) -> Iterator[tuple[Kind, Claim]]:
    """Files of /tmp and /var/tmp that hold something.

    What the entry point, the command, the environment or the working directory names there is in use.
    """
    container = view.image.config.container
    started = "\n".join((view.started, *(container.env or ()))).encode("utf-8", "surrogateescape")
    for path, node in view.tree.nodes.items():
        if not path.startswith(_PLACES) or node.entry.kind not in (FILE, HARDLINK) or not node.content.size:
            continue
        top = b"/".join(path.split(b"/")[: 3 if path.startswith(b"var/") else 2])
        if b"/" + top not in started:
            yield TEMPORARY, Claim(node.layer, node.number)
