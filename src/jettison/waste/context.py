"""What COPY took along from the build context though an image has its own: .dockerignore misses."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from jettison.image.entry import FILE
from jettison.waste import Claim, Kind, View, is_sane

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jettison.origin import Origin

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
    rb"((?:.*?/)??(?:node_modules|bower_components|\.?venv|env|coverage"
    rb"|\.(?:tox|nox|mypy_cache|pytest_cache|ruff_cache|idea|vscode|devcontainer|github|gitlab|circleci|terraform|gradle"
    rb"|parcel-cache|nyc_output)|\.next/cache))/"
)
_REINSTALLED = (b"node_modules", b"bower_components")
_PROOFS = {
    b"venv": rb"pyvenv\.cfg",
    b".venv": rb"pyvenv\.cfg",
    b"env": rb"pyvenv\.cfg",
    b"coverage": rb"lcov\.info|clover\.xml|coverage-final\.json",
}
"""Names that may mean anything else, and the file in such a directory that says it is what it seems."""
_FILES = re.compile(
    rb"(?!(?:.*/)?node_modules/)(?:.*/)?(?:(?:Dockerfile|Containerfile)(?:\.[^/]+)?|[^/]+\.Dockerfile|\.dockerignore"
    rb"|(?:docker-)?compose[^/]*\.ya?ml|\.gitignore|\.gitattributes|\.editorconfig|\.pre-commit-config\.yaml"
    rb"|\.gitlab-ci\.yml|\.travis\.yml|Jenkinsfile)"
)
_ARCHIVE = re.compile(r"\.(?:tar|tgz|txz|tbz2?|tar\.\w+)$")


def detect(view: View) -> Iterator[tuple[Kind, Claim]]:
    """What `find` found."""
    for layer, number in view.misses:
        yield MISSES, Claim(layer, number)


def find(view: View) -> None:
    """Fill `view.misses`: files that COPY and ADD brought in directories that every image makes anew."""
    from_context = {number for number, origin in enumerate(view.origins) if _copies_context(origin)}
    if not from_context:
        return
    hides = {(h.by, h.by_number): (h.layer, h.number) for h in view.tree.hidden if h.replaced}
    rebuilt = _rebuilt_directories(view, from_context)
    for path, node in view.tree.nodes.items():
        if node.layer in from_context and node.entry.kind == FILE and is_sane(path):
            match = _UNWANTED.match(path)
            if (match and _is_litter(view, match.group(1), rebuilt)) or _FILES.fullmatch(path):
                view.misses[node.layer, node.number] = hides.get((node.layer, node.number))


def _copies_context(origin: Origin) -> bool:
    """True for COPY and ADD of files that a .dockerignore could have kept back.

    BuildKit's history does not write `--from=`; what stages give is mostly named from their root. The old builder
    writes `file:HASH in /x` for single files and archives, and `dir:HASH in /x`, which may be a stage's.
    """
    keyword, _, rest = origin.command.partition(" ")
    words = rest.replace("[", " ").replace('"', " ").replace(",", " ").split()
    sources = [word for word in words if not word.startswith("--")][:-1]
    if keyword not in ("COPY", "ADD") or origin.base or not sources or "--from=" in rest:
        return False
    if keyword == "ADD" and _ARCHIVE.search(sources[0]):
        return False
    return not sources[0].startswith(("/", "file:", "dir:", "multi:", "http:", "https:"))


def _rebuilt_directories(view: View, from_context: set[int]) -> set[bytes]:
    """Directories of that kind which steps of the build made."""
    found: set[bytes] = set()
    for number, index in enumerate(view.indexes):
        if number not in from_context:
            found.update(
                m.group(1) for entry in index.entries if is_sane(entry.path) and (m := _UNWANTED.match(entry.path))
            )
    return found


def _is_litter(view: View, directory: bytes, rebuilt: set[bytes]) -> bool:
    name = directory.rpartition(b"/")[2]
    if name in _REINSTALLED:
        return directory in rebuilt  # one that only the context brings is the application's
    proof = _PROOFS.get(name)
    if proof is None:
        return True
    node = view.tree.get(directory)
    return any(re.fullmatch(proof, child) for child in (node.children if node is not None else None) or {})
