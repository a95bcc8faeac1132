"""What COPY took along from the build context though an image has its own: .dockerignore misses."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from jettison.image.entry import FILE
from jettison.waste import Claim, Kind, View

if TYPE_CHECKING:
    from collections.abc import Iterator

MISSES = Kind(
    "dockerignore-misses",
    "copied from the build context",
    rank=15,
    remedy="name it in .dockerignore",
    fix="ignore",
    counts=True,
)
KINDS = (MISSES,)

_UNWANTED = re.compile(
    rb"(?:.*/)?(?:node_modules|\.venv|venv|\.tox|\.nox|\.mypy_cache|\.pytest_cache|\.ruff_cache|\.idea|\.vscode"
    rb"|\.github|\.gitlab|\.terraform|bower_components|\.gradle|\.next/cache|\.parcel-cache|\.nyc_output|coverage)/"
)
_FILES = re.compile(
    rb"(?:.*/)?(?:Dockerfile[^/]*|\.dockerignore|docker-compose[^/]*\.ya?ml|\.gitignore|\.editorconfig)"
)


def detect(view: View) -> Iterator[tuple[Kind, Claim]]:
    """What `find` found."""
    for layer, number in view.misses:
        yield MISSES, Claim(layer, number)


def find(view: View) -> None:
    """Fill `view.misses`: files that COPY and ADD brought in directories that every image makes anew."""
    hides = {(h.by, h.by_number): (h.layer, h.number) for h in view.tree.hidden if h.replaced}
    from_context = {number for number, origin in enumerate(view.origins) if _copies_context(origin.command)}
    rebuilt = _rebuilt_directories(view, from_context)
    for node in view.tree.nodes.values():
        if node.layer in from_context and node.entry.kind == FILE:
            match = _UNWANTED.match(node.entry.path)
            # A node_modules that only the context brings is the application's; a second one is litter.
            if (match and not _only_source(match.group(), rebuilt)) or _FILES.fullmatch(node.entry.path):
                view.misses[node.layer, node.number] = hides.get((node.layer, node.number))


def _copies_context(command: str) -> bool:
    return command.startswith(("COPY ", "ADD ")) and "--from=" not in command and " file:" not in command[:11]


def _rebuilt_directories(view: View, from_context: set[int]) -> set[bytes]:
    found: set[bytes] = set()
    for number, index in enumerate(view.indexes):
        if number not in from_context:
            found.update(m.group() for entry in index.entries if (m := _UNWANTED.match(entry.path)))
    return found


def _only_source(directory: bytes, rebuilt: set[bytes]) -> bool:
    return directory.endswith(b"node_modules/") and directory not in rebuilt
