"""Logs of the build: what package managers and installers wrote while the image was made."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jettison.image.entry import FILE, HARDLINK
from jettison.waste import Claim, Kind, View, is_sane

if TYPE_CHECKING:
    from collections.abc import Iterator

LOGS = Kind(
    "logs",
    "logs of the build",
    rank=16,
    remedy="remove them in the same RUN (rm -rf /var/log/*)",
    fix="one-run",
    counts=True,
)
KINDS = (LOGS,)


def detect(view: View) -> Iterator[tuple[Kind, Claim]]:
    """Files of /var/log that hold something.

    Empty ones are made on purpose, for a program that may write its log but not create it, or to be followed by `tail`.
    So is what the command names. Symbolic links (access.log -> /dev/stdout) are how servers log to their container.
    """
    started = view.started.encode("utf-8", "surrogateescape")
    for path, node in view.tree.nodes.items():
        if not path.startswith(b"var/log/") or node.entry.kind not in (FILE, HARDLINK) or not is_sane(path):
            continue
        if node.content.size and b"/" + path not in started:
            yield LOGS, Claim(node.layer, node.number)
