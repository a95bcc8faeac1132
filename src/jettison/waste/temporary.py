"""Temporary files that a build left behind."""

from __future__ import annotations

from jettison.waste import Kind

KINDS = (
    Kind(
        "temporary-files",
        "temporary files",
        rank=16,
        remedy="remove them in the same RUN, or mount a tmpfs (RUN --mount=type=tmpfs,target=/tmp)",
        fix="one-run",
        counts=True,
        directory=rb"(?:var/)?tmp/|root/\.cache/(?!pip|huggingface|torch|ms-playwright|puppeteer)[^/]*tmp[^/]*/",
    ),
)
