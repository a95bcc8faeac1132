"""What is fuzzed: the whole way from bytes to a stacked tree."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from jettison import stores
from jettison.errors import JettisonError
from jettison.image.cache import Cache
from jettison.image.check import check
from jettison.image.indexer import Indexer
from jettison.image.layer import Layer
from jettison.image.source import BytesSource
from jettison.image.tree import stack
from jettison.oci.digest import Digest

if TYPE_CHECKING:
    from pathlib import Path

    from jettison.image.index import LayerIndex

MAX_ENTRIES = 1_000_000


def read_archive(data: bytes, folder: Path) -> bool:
    """Read an archive of an image to the end; True where that went well. Only errors of ours may come of it."""
    path = folder / "fuzzed.tar"
    path.write_bytes(data)
    indexer = Indexer(cache=Cache(None))
    try:
        image = stores.open_image(os.fspath(path), indexer=indexer)
        _look(indexer.image(image))
        check(image)
    except JettisonError as error:
        _demand_clear(error)
        return False
    return True


def read_layer(data: bytes) -> bool:
    """Read a layer; True where that went well."""
    indexer = Indexer(cache=Cache(None))
    try:
        index = indexer.absorb(BytesSource(data), where="fuzzed layer")
        _look([index, index])
        layer = Layer(Digest.parse(index.diff_id), BytesSource(data))
        again = indexer.index(layer)
        assert again.entries == index.entries
    except JettisonError as error:
        _demand_clear(error)
        return False
    return True


def _look(indexes: list[LayerIndex]) -> None:
    tree = stack(indexes)
    for path in list(tree.nodes)[:50]:
        tree.resolve(path)
    assert sum(len(index.entries) for index in indexes) < MAX_ENTRIES


def _demand_clear(error: JettisonError) -> None:
    """An error has one line of text, and a place."""
    text = str(error)
    assert text and "\n" not in text, repr(text)
    assert "Error(" not in text and "Traceback" not in text, repr(text)
    assert "fuzzed" in text, repr(text)
