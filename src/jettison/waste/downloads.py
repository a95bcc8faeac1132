"""Archives and installers that were unpacked or run, and left where they had been downloaded."""

from __future__ import annotations

from jettison.waste import Kind

_ARCHIVES = rb".+\.(?:tar|tar\.(?:gz|xz|bz2|zst|lz)|tgz|txz|tbz2?|zip|deb|rpm|run)|[^/]*(?:conda|forge)[^/]*\.sh"

KINDS = (
    Kind(
        "downloads",
        "downloaded archives",
        rank=19,
        remedy="remove them in the RUN that unpacks them, or pipe the download into tar",
        fix="one-run",
        safe=False,
        directory=rb"(?:root/|home/[^/]+/|opt/|usr/src/|usr/local/src/|usr/local/)?$",
        named=_ARCHIVES,
    ),
)
