"""What is measured inside a process: `python -m benchmarks.tasks NAME ARGUMENT` prints wall, CPU and peak memory."""

from __future__ import annotations

import hashlib
import json
import resource
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from jettison.image.source import Source


def floor(path: str) -> None:
    """Two threads, each of which hashes all bytes with sha256: what verifying and indexing must hash."""
    with open(path, "rb") as file:
        data = memoryview(file.read())
    _reset()
    _twice(lambda: (data[start : start + (1 << 20)] for start in range(0, len(data), 1 << 20)))


def floor_read(path: str) -> None:
    """The same, where each of the threads reads the file."""

    def pieces() -> Iterator[bytes]:
        with open(path, "rb", buffering=0) as file:
            while piece := file.read(1 << 20):
                yield piece

    _twice(pieces)


def _twice(pieces: Callable[[], Iterable[bytes | memoryview]]) -> None:
    def work() -> None:
        digest = hashlib.sha256()
        for piece in pieces():
            digest.update(piece)

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def pipeline(layout: str) -> None:
    """One thread reads and inflates each layer; a second hashes the tar: no look inside."""
    _pipeline(layout, verified=False)


def pipeline_verified(layout: str) -> None:
    """The same, where the first thread also hashes what is stored."""
    _pipeline(layout, verified=True)


def _pipeline(layout: str, *, verified: bool) -> None:
    from jettison import stores
    from jettison.image import codec
    from jettison.image.pipeline import Ahead

    def chunks(source: Source, stored: Any) -> Iterator[bytes]:
        for chunk in source.chunks():
            if verified:
                stored.update(chunk)
            yield chunk

    for layer in stores.open_image(f"oci:{layout}").layers:
        tar = hashlib.sha256()
        with Ahead(codec.unpacked(chunks(layer.source, hashlib.sha256()))) as pieces:
            for piece in pieces:
                tar.update(piece)
        assert layer.diff_id == "sha256:" + tar.hexdigest()


def squeeze_floor(layouts: str) -> None:
    """Of a layout and what squeeze made of it: inflate and hash the first, pack and hash what is new in the second."""
    from jettison import stores
    from jettison.rewrite.packing import Packing
    from jettison.rewrite.spool import Spool

    before, after = layouts.split(",")
    _pipeline(before, verified=True)
    kept = {layer.digest for layer in stores.open_image(f"oci:{before}").layers}
    with Spool() as spool:
        for layer in stores.open_image(f"oci:{after}").layers:
            if layer.digest not in kept:
                spool.write(layer.uncompressed(), Packing.parse("gzip"))


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
