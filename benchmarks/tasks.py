"""What is measured inside a process: `python -m benchmarks.tasks NAME ARGUMENT` prints wall, CPU and peak memory."""

from __future__ import annotations

import hashlib
import json
import resource
import sys
import threading
import time
from typing import Any


def floor(path: str) -> None:
    """Two threads, each of which reads and hashes all bytes with sha256: what verifying and indexing must hash."""

    def work() -> None:
        digest = hashlib.sha256()
        with open(path, "rb") as file:
            while piece := file.read(1 << 20):
                digest.update(piece)

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def pipeline(layout: str) -> None:
    """One thread reads and inflates each layer and hashes the blob; a second hashes the tar: no look inside."""
    from jettison import stores
    from jettison.image.pipeline import Ahead

    for layer in stores.open_image(f"oci:{layout}").layers:
        stored, tar = hashlib.sha256(), hashlib.sha256()

        def chunks(layer: Any = layer, stored: Any = stored) -> Any:
            for chunk in layer.source.chunks():
                stored.update(chunk)
                yield chunk

        from jettison.image import codec

        source = chunks()
        first = next(source, b"")

        def again(first: bytes = first, source: Any = source) -> Any:
            yield first
            yield from source

        name = codec.recognise(first)
        pieces = (piece for _, piece in codec.decompress(again(), name)) if name else again()
        with Ahead(pieces) as ahead:
            for piece in ahead:
                tar.update(piece)


def index(reference: str) -> None:
    """All entries, content hashes, diff_ids and blob digests, verified; nothing from a cache."""
    _index(reference, probes=False)


def index_probed(reference: str) -> None:
    """The same with all probes: package databases, ELF headers and what else an analysis needs."""
    _index(reference, probes=True)


def _index(reference: str, *, probes: bool) -> None:
    from jettison import stores
    from jettison.image.cache import Cache
    from jettison.image.indexer import Indexer
    from jettison.image.probe import NO_PROBES

    wanted = NO_PROBES
    if probes:
        from jettison.analysis import probes as all_probes

        wanted = all_probes()
    indexer = Indexer(wanted, Cache(None))
    indexer.image(stores.open_image(reference, indexer=indexer))


def entries(count: str) -> None:
    """An index and a tree of so many small files."""
    from jettison.image import compose, tar
    from jettison.image.cache import Cache
    from jettison.image.entry import FILE, Entry
    from jettison.image.indexer import Indexer
    from jettison.image.tree import stack

    def members() -> Any:
        for number in range(int(count)):
            path = b"srv/%03d/%03d/file-%d" % (number % 500, number // 500 % 500, number)
            yield Entry(path, FILE, 3, 0o644, 0, 0, 0, 0, 0), [b"abc"]

    image = compose.compose([b"".join(tar.pack(members()))])
    _reset()
    indexer = Indexer(cache=Cache(None))
    stack(indexer.image(image))


_started = [0.0, 0.0]


def _reset() -> None:
    _started[:] = [time.monotonic(), time.process_time()]


def main() -> None:
    """Run one task and print what it took."""
    name, argument = sys.argv[1:]
    chosen = globals()[name]
    import jettison.analysis
    import jettison.stores.docker_archive
    import jettison.stores.oci  # noqa: F401

    _reset()
    chosen(argument)
    wall, cpu = time.monotonic() - _started[0], time.process_time() - _started[1]
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
    print(json.dumps({"wall": wall, "cpu": cpu, "memory": memory}))


if __name__ == "__main__":
    main()
