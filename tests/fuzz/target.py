"""What is fuzzed: the whole way from bytes to a stacked tree."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from jettison import stores
from jettison.errors import JettisonError, NotFound
from jettison.image.cache import Cache
from jettison.image.check import check
from jettison.image.compose import describe
from jettison.image.indexer import Indexer
from jettison.image.layer import Layer
from jettison.image.source import BytesSource
from jettison.image.tree import stack
from jettison.oci import media_types
from jettison.oci.digest import Digest
from jettison.stores import outputs
from jettison.stores.layout import path_of
from jettison.stores.writing import encode_index

from .corpus import SEPARATOR

if TYPE_CHECKING:
    from pathlib import Path

    from jettison.image.index import LayerIndex

_CONFIG = re.compile(rb'"digest":"[^"]*","size":[0-9]+')
MAX_ENTRIES = 1_000_000


def read(name: str, data: bytes, folder: Path) -> bool:
    """Read the bytes as the seed of that name; True where that went well. Only errors of ours may come of it."""
    if name.startswith("layer"):
        return read_layer(data)
    return read_documents(data, folder) if name.startswith("documents") else read_archive(data, folder)


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


def read_documents(data: bytes, folder: Path) -> bool:
    """Open an image of these documents, whose digests are right whatever they say; True where that went well."""
    config, _, manifest = data.partition(SEPARATOR)
    described = describe(config, media_types.OCI_CONFIG)
    manifest = _CONFIG.sub(b'"digest":"%s","size":%d' % (described.digest.encode(), described.size), manifest, count=1)
    files = {described.digest: config, str(Digest.of(manifest)): manifest}
    blobs = {path_of(Digest.parse(digest)): blob for digest, blob in files.items()}
    blobs["index.json"] = encode_index([describe(manifest, media_types.OCI_MANIFEST)])
    blobs["config.json"] = config
    blobs["manifest.json"] = b'[{"Config":"config.json","Layers":["a","b"]}]'
    path = folder / "fuzzed.tar"
    with outputs.archive(os.fspath(path)) as output:
        for name, blob in blobs.items():
            output.add(name, blob)
    well = True
    for transport in ("oci-archive", "docker-archive"):
        try:
            stores.open_image(f"{transport}:{path}")
        except NotFound as error:  # the layers are not there
            _demand_clear(error)
        except JettisonError as error:
            _demand_clear(error)
            well = False
    return well


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
