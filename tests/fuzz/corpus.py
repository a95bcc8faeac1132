"""The seed corpus: one small image in every form that a file can have, made on demand and always the same."""

from __future__ import annotations

import os
import tempfile
from functools import cache
from pathlib import Path

from jettison.image.codec import compress
from jettison.image.random import random_image, random_layer
from jettison.stores import outputs, write_image, writing

SEPARATOR = b"\n--\n"


@cache
def seeds() -> dict[str, bytes]:
    """Name → bytes: layers (`layer-…`), an image's two documents (`documents-…`), and archives of images."""
    found: dict[str, bytes] = {}
    with tempfile.TemporaryDirectory() as folder:
        for number in range(4):
            image = random_image(number, layers=2, members=10)
            for compression in ("none", "gzip", "zstd"):
                for transport in ("docker-archive", "oci-archive"):
                    path = os.path.join(folder, "a.tar")
                    write_image(image, f"{transport}:{path}", compression=compression)
                    found[f"{transport}-{compression}-{number}"] = Path(path).read_bytes()
            with outputs.archive(os.path.join(folder, "legacy.tar")) as output:
                writing.write_legacy(output, image, names=["a:1"])
            legacy = Path(folder, "legacy.tar").read_bytes()
            found[f"docker-archive-legacy-{number}"] = legacy
            for how in ("gzip", "zstd"):
                found[f"docker-archive-legacy-{number}-{how}"] = b"".join(compress([legacy], how))
            documents = [image.config_bytes, image.manifest_bytes or b""]
            found[f"documents-{number}"] = SEPARATOR.join(documents)
    for number in range(12):
        tar = random_layer(100 + number)
        found[f"layer-{number}"] = tar
        found[f"layer-{number}-gzip"] = b"".join(compress([tar], "gzip"))
        found[f"layer-{number}-zstd"] = b"".join(compress([tar], "zstd"))
    return found
