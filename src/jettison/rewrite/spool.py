"""The spool: a directory where new layers wait, as the blobs that they will be, until a store takes them."""

from __future__ import annotations

import errno
import hashlib
import os
import tempfile
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from jettison.errors import InputError
from jettison.image.pipeline import Ahead, Beside
from jettison.image.source import OwnSource
from jettison.oci.digest import Digest
from jettison.rewrite import estargz
from jettison.rewrite.packing import Chunk
from jettison.stores import unfinished

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from types import TracebackType

    from jettison.rewrite.packing import Packing


@dataclass(frozen=True, slots=True)
class Blob:
    """A layer that was written: its file, its digests, and its bytes unpacked (`raw`) and stored.

    `annotations` are what a manifest must say of it: where a lazy engine finds the table of contents.
    """

    source: OwnSource
    diff_id: Digest
    digest: Digest
    raw: int
    packing: str | None
    annotations: dict[str, str] | None = None

    @property
    def stored(self) -> int:
        """The blob's bytes."""
        return self.source.size


class Spool:
    """A directory of its own below `parent` (default: where temporary files go), gone when the `with` block ends.

    One that a kill left behind is swept away by the next.
    """

    def __init__(self, parent: str | None = None) -> None:
        self._parent = parent
        self._held = ExitStack()
        self._directory = ""
        self._count = 0

    def __enter__(self) -> Spool:
        where = self._parent or tempfile.gettempdir()
        try:
            self._directory = self._held.enter_context(unfinished.directory(where))
        except OSError as error:
            raise InputError(f"no temporary directory can be made: {error.strerror}", where=where) from None
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._held.close()

    def write(self, parts: Iterable[bytes | memoryview], packing: Packing) -> Blob:
        """Write a layer: read, hash, pack, hash again, each in threads of its own. Raises `InputError`."""
        self._count += 1
        path = os.path.join(self._directory, f"layer-{self._count}")
        with _named(self._directory, own=self._parent is None):
            writing = _Writing(path)
            return writing.run(parts, packing)

    def discard(self, blob: Blob) -> None:
        """Remove a layer that is not wanted after all."""
        os.unlink(blob.source.path)

    def file(self, name: str) -> str:
        """A path in the spool for a file of somebody else's."""
        self._count += 1
        return os.path.join(self._directory, f"{self._count}-{name}")


@contextmanager
def _named(directory: str, *, own: bool) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        hint = "TMPDIR names another place for temporary files" if own and error.errno == errno.ENOSPC else None
        raise InputError(f"writing failed: {error.strerror}", where=directory, hint=hint) from None


class _Writing:
    """One layer on its way to its file."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._tar = hashlib.sha256()
        self._blob = hashlib.sha256()
        self._raw = 0
        self._stored = 0

    def run(self, parts: Iterable[bytes | memoryview], packing: Packing) -> Blob:
        """Write it all."""
        with (
            Ahead(iter(parts)) as ahead,
            Beside[bytes | memoryview](self._tar.update) as hashing,
            Beside[Chunk](self._blob.update) as hashing_blob,
            open(self._path, "wb", buffering=0) as file,
        ):
            lazy = estargz.Writer(packing.level, estargz.threads(packing.threads), partial(self._count, hashing))
            packed = lazy.pack(ahead) if packing.lazy else packing.pack(self._counted(ahead, hashing))
            for chunk in packed:
                if packing.name is not None:
                    hashing_blob.feed(chunk)
                self._stored += len(chunk)
                _write_all(file.fileno(), chunk)
        diff_id = Digest("sha256:" + self._tar.hexdigest())
        digest = Digest("sha256:" + self._blob.hexdigest()) if packing.name is not None else diff_id
        source, name = OwnSource(self._path, 0, self._stored, digest), "gzip" if packing.lazy else packing.name
        return Blob(source, diff_id, digest, self._raw, name, lazy.annotations or None)

    def _count(self, hashing: Beside[bytes | memoryview], part: bytes | memoryview) -> None:
        hashing.feed(part)
        self._raw += len(part)

    def _counted(
        self, parts: Iterable[bytes | memoryview], hashing: Beside[bytes | memoryview]
    ) -> Iterator[bytes | memoryview]:
        for part in parts:
            self._count(hashing, part)
            yield part


def _write_all(descriptor: int, data: Chunk) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(descriptor, rest) :]
