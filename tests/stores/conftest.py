"""Ways to keep one image on disk, for tests that open it again."""

from __future__ import annotations

import gzip
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from jettison.image.cache import Cache
from jettison.image.codec import compress
from jettison.image.indexer import Indexer
from jettison.stores import outputs, write_image, writing

if TYPE_CHECKING:
    from collections.abc import Callable

    from jettison.image.image import Image

NAME = "docker.io/library/random:latest"


def _legacy(image: Image, folder: Path) -> str:
    with outputs.archive(f"{folder}/legacy.tar") as output:
        writing.write_legacy(output, image, names=[NAME])
    return f"docker-archive:{folder}/legacy.tar"


def _saved(image: Image, folder: Path, compression: str = "keep") -> str:
    write_image(image, f"docker-archive:{folder}/saved.tar:{NAME}", compression=compression)
    return f"{folder}/saved.tar"


def _layout(image: Image, folder: Path, compression: str = "keep") -> str:
    write_image(image, f"oci:{folder}/layout:latest", compression=compression)
    return f"oci:{folder}/layout:latest"


def _oci_archive(image: Image, folder: Path) -> str:
    write_image(image, f"oci-archive:{folder}/oci.tar:latest")
    return f"{folder}/oci.tar:latest"


def _packed_whole(make: Callable[[Image, Path], str], how: str) -> Callable[[Image, Path], str]:
    def form(image: Image, folder: Path) -> str:
        plain = Path(make(image, folder).partition(":")[2] or make(image, folder))
        target = folder / f"whole.tar.{how}"
        target.write_bytes(b"".join(compress([plain.read_bytes()], how)))
        return str(target)

    return form


FORMS: dict[str, Callable[[Image, Path], str]] = {
    "docker-archive, legacy": _legacy,
    "docker-archive, legacy, gzip whole": _packed_whole(_legacy, "gzip"),
    "docker-archive, Docker 25+": _saved,
    "docker-archive, Docker 25+, gzip layers": lambda image, folder: _saved(image, folder, "gzip"),
    "docker-archive, Docker 25+, zstd whole": _packed_whole(lambda i, f: "docker-archive:" + _saved(i, f), "zstd"),
    "oci": _layout,
    "oci, gzip": lambda image, folder: _layout(image, folder, "gzip"),
    "oci, zstd": lambda image, folder: _layout(image, folder, "zstd"),
    "oci-archive": _oci_archive,
}
"""How an image can lie on disk: each writes it into a folder and returns what to open."""


@pytest.fixture(params=list(FORMS))
def form(request: pytest.FixtureRequest) -> Callable[[Image, Path], str]:
    """One of `FORMS` after the other."""
    return FORMS[request.param]


@pytest.fixture
def indexer() -> Indexer:
    """An indexer that remembers nothing on disk."""
    return Indexer(cache=Cache(None))


@pytest.fixture
def gzip_file() -> Callable[[Path], Path]:
    """Packs a file as a whole."""

    def pack(path: Path) -> Path:
        target = path.with_suffix(path.suffix + ".gz")
        with path.open("rb") as source, gzip.open(target, "wb") as out:
            shutil.copyfileobj(source, out)
        return target

    return pack
