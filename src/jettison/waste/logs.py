"""Logs of the build: what package managers and installers wrote while the image was made."""

from __future__ import annotations

from jettison.waste import Kind

KINDS = (
    Kind(
        "logs",
        "logs of the build",
        rank=16,
        remedy="remove them in the same RUN (rm -rf /var/log/*)",
        fix="one-run",
        counts=True,
        directory=rb"var/log/",
        links=False,  # access.log -> /dev/stdout is how a server logs to its container
    ),
)
