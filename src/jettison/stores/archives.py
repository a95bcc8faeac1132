"""Archives of images on disk: a plain tar is read in place, a compressed one or a pipe as it streams by."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

from jettison.errors import ImageError, InputError, JettisonError, NotFound, UsageError
from jettison.image import codec
from jettison.image.archive import BLOCK_SIZE, checksum_holds
from jettison.image.source import CHUNK, FileSource
from jettison.oci.decode import decode
from jettison.stores.contents import Archive, read
from jettison.stores.layout import root
from jettison.stores.streamed import StreamedArchive

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from jettison.image.indexer import Indexer
    from jettison.stores.contents import Contents

_NO_ARCHIVE = "this is no image archive: neither a tar nor a tar packed with gzip, zstd, xz or bzip2"


def open_archive(path: str, indexer: Indexer | None = None) -> Contents:
    """The contents of an archive. One that streams is indexed on the way, by `indexer`. Raises `InputError`."""
    from jettison.image.indexer import Indexer

    status = _status(path)
    if not stat.S_ISREG(status.st_mode):
        return StreamedArchive(path, _Once(path).start, indexer or Indexer())
    head = next(FileSource(path, 0, min(status.st_size, BLOCK_SIZE)).chunks(), b"")
    if codec.recognise(head) is not None:
        whole = FileSource(path, 0, status.st_size)
        return StreamedArchive(path, lambda: codec.unpacked(whole.chunks()), indexer or Indexer())
    if len(head) < BLOCK_SIZE or not checksum_holds(head):
        raise ImageError(_NO_ARCHIVE if head else "the file is empty", where=path)
    return Archive(path)


def demand_alone(path: str) -> None:
    """Raises `UsageError` where an archive of several images is there: writing one would lose the others."""
    if not os.path.isfile(path):
        return
    try:
        contents = open_archive(path)
        listed: Sequence[object] = root(contents).images if contents.has("index.json") else ()
        if contents.has("manifest.json"):
            listed = decode(read(contents, "manifest.json", "manifest.json"), list[object], what="manifest.json")
    except JettisonError:
        return  # nothing that anybody could read
    if len(listed) > 1:
        raise UsageError(
            f"holds {len(listed)} images; writing one would lose the others",
            where=path,
            hint="write to another file, or into an oci: directory, which keeps them",
        )


def _status(path: str) -> os.stat_result:
    try:
        status = os.stat(path)
    except FileNotFoundError:
        raise NotFound("does not exist", where=path) from None
    except (OSError, ValueError) as error:
        raise InputError(f"cannot be read: {error}", where=path) from None
    if stat.S_ISDIR(status.st_mode):
        raise ImageError("is a directory, not an archive", where=path, hint="a layout is read as oci:DIRECTORY")
    return status


class _Once:
    """A pipe or a device, which can be read once."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._begun = False

    def start(self) -> Iterator[bytes]:
        if self._begun:
            raise InputError(
                "a pipe can be read only once, and this asks for bytes that have passed",
                where=self._path,
                hint="save the image to a file first",
            )
        self._begun = True
        return codec.unpacked(self._chunks())

    def _chunks(self) -> Iterator[bytes]:
        try:
            with open(self._path, "rb", buffering=0) as file:
                while chunk := file.read(CHUNK):
                    yield chunk
        except OSError as error:
            raise InputError(f"reading failed: {error.strerror}", where=self._path) from None
