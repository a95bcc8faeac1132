"""Dockerfiles to measure on: an archive or a directory that JETTISON_CORPUS names, laid out as projects have them."""

from __future__ import annotations

import os
import tarfile
import tempfile
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.measuring import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

CORPUS = Path(os.environ.get("JETTISON_CORPUS", ROOT.parent / "shared" / "corpus" / "dockerfiles.tar.gz"))


def _contents() -> Iterator[bytes]:
    if CORPUS.is_dir():
        yield from (path.read_bytes() for path in sorted(CORPUS.rglob("*")) if path.is_file())
        return
    with tarfile.open(CORPUS) as archive:
        for member in archive:
            stream = archive.extractfile(member) if member.isfile() else None
            if stream is not None:
                yield stream.read()


@cache
def _all() -> tuple[bytes, ...]:
    if not CORPUS.exists():
        raise SystemExit("no Dockerfiles to measure on: JETTISON_CORPUS names a directory or an archive of some")
    return tuple(_contents())


def lay_out(folder: str, count: int) -> list[str]:
    """Write `count` Dockerfiles, each into a directory of its own, evenly taken from the corpus; over and over when it
    has fewer. Returns their paths."""
    contents = _all()
    paths = []
    for number in range(count):
        data = contents[number * len(contents) // count] if count < len(contents) else contents[number % len(contents)]
        directory = os.path.join(folder, f"{number:05}")
        os.makedirs(directory, exist_ok=True)
        paths.append(os.path.join(directory, "Dockerfile"))
        with open(paths[-1], "wb") as file:
            file.write(data)
    return paths


def temporary() -> tempfile.TemporaryDirectory[str]:
    """A directory that goes when measuring ends."""
    return tempfile.TemporaryDirectory(prefix="jettison-benchmark-")
