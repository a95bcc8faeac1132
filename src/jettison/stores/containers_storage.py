"""`containers-storage:NAME[:TAG]`: the store that podman, buildah and CRI-O share on this machine.

Only their own library knows its layout and locks, so one of their tools exports the image into a pipe, in
docker-archive form, and the stream is indexed as it comes by: no temporary copy here or there. skopeo is asked first,
then podman, then buildah, whichever is installed. All keep the configuration byte for byte, so the image's id is right;
the manifest is not exported, so the registry's digest is not known. Writing feeds one of them the same way.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import msgspec

from jettison.errors import InputError, NotAssessed, NotFound, UsageError
from jettison.image.source import CHUNK
from jettison.oci.decode import decode
from jettison.stores import Listing, sending
from jettison.stores.docker_archive import open_saved
from jettison.stores.outputs import write_all
from jettison.stores.streamed import StreamedArchive
from jettison.stores.writing import KEEP

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jettison.image.image import Image
    from jettison.image.indexer import Indexer
    from jettison.oci.platform import Platform
    from jettison.oci.reference import Reference

EXPORTERS = {
    "skopeo": ("--insecure-policy", "copy", "--quiet", "containers-storage:{}", "docker-archive:/dev/stdout"),
    "podman": ("save", "--quiet", "--format", "docker-archive", "{}"),
    "buildah": ("push", "--quiet", "{}", "docker-archive:/dev/stdout"),
}
"""How each tool writes an image to its standard output. No trust is decided here: the image is in the store already."""

LOADERS = {
    "podman": ("load", "--quiet"),
    "skopeo": ("--insecure-policy", "copy", "--quiet", "docker-archive:/dev/stdin", "containers-storage:{}"),
}
"""How each tool takes an image from its standard input."""

_SAID = re.compile(r'msg="((?:[^"\\]|\\.)*)"')


class _Row(msgspec.Struct, rename="pascal"):
    id: str
    names: list[str] | None = None
    size: int | None = None
    created: int | None = None


def open_image(reference: Reference, platform: Platform | None, indexer: Indexer) -> Image:
    """The image of that name or id, its layers indexed on the way. Raises `InputError`."""
    name = reference.location
    if name.startswith("-"):
        raise UsageError(f"{name!r} is not an image name")
    tool = next((tool for tool in EXPORTERS if shutil.which(tool)), None)
    if tool is None:
        raise InputError(
            "skopeo, podman or buildah is needed to read this store, and none is installed",
            where=str(reference),
            hint="install skopeo, or save the image to an archive where one of them is",
        )
    command = [tool, *(argument.replace("{}", name) for argument in EXPORTERS[tool])]
    contents = StreamedArchive(str(reference), lambda: run(command, str(reference)), indexer)
    image = open_saved(contents, str(reference), None, platform)
    return replace(image, names=image.names or (name,))


def list_images(reference: Reference) -> Iterator[Listing]:
    """The images of the store, as podman lists them. Raises `InputError`."""
    if not shutil.which("podman"):
        raise NotAssessed("podman is needed to list this store, and is not installed", where=str(reference))
    data = b"".join(run(["podman", "images", "--format", "json"], str(reference)))
    for row in decode(data, list[_Row], what="list of images"):
        created = datetime.fromtimestamp(row.created, UTC).isoformat() if row.created else None
        yield Listing(tuple(row.names or ()), f"sha256:{row.id}", raw=row.size, created=created)


def write_image(image: Image, reference: Reference, *, compression: str = KEEP) -> None:
    """Load the image into the store under the reference's name, which moves there. Raises `InputError`.

    podman is asked first, then skopeo, whichever is installed.
    """
    sending.demand_compression(compression)
    name = sending.name_of(reference)
    tool = next((tool for tool in LOADERS if shutil.which(tool)), None)
    if tool is None:
        raise InputError(
            "podman or skopeo is needed to write to this store, and neither is installed",
            where=str(reference),
            hint="install podman, or write oci-archive:FILE and load that where it is",
        )
    parcel = sending.parcel(image, name, packed=("gzip",) if compression == KEEP else ())
    command = [tool, *(argument.replace("{}", name) for argument in LOADERS[tool])]
    feed(command, parcel.pieces(), str(reference))


def feed(command: list[str], pieces: Iterator[bytes], where: str) -> None:
    """Give a command its standard input. Raises `InputError` with its last words when it fails.

    Where `pieces` raises, the command is killed before it sees an end, so that it does nothing.
    """
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=said)
        try:
            with suppress(BrokenPipeError):  # it gave up, and says why
                for piece in pieces:
                    write_all(process.stdin.fileno(), piece)  # type: ignore[union-attr]
        except BaseException:
            process.kill()
            process.wait()
            raise
        finally:
            process.stdin.close()  # type: ignore[union-attr]
        if process.wait() != 0:
            said.seek(0)
            raise _failure(command[0], said.read()[-4096:], where, "take")


def run(command: list[str], where: str) -> Iterator[bytes]:
    """What a command writes to its standard output. Raises `InputError` with its last words when it fails."""
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=said)
        try:
            if process.stdout is not None:
                while chunk := os.read(process.stdout.fileno(), CHUNK):
                    yield chunk
            failed = process.wait() != 0
        finally:
            process.kill()
            process.wait()
            if process.stdout is not None:
                process.stdout.close()
        if failed:
            said.seek(0)
            raise _failure(command[0], said.read()[-4096:], where, "export")


def _failure(tool: str, said: bytes, where: str, what: str) -> InputError:
    lines = said.decode("utf-8", "replace").strip().splitlines()
    found = _SAID.search(lines[-1]) if lines else None
    text = found[1].replace('\\"', '"') if found else (lines[-1] if lines else "it said nothing")
    missing = any(phrase in text for phrase in ("not an image", "not known", "does not resolve"))
    return (NotFound if missing else InputError)(f"{tool} could not {what} the image: {text}", where=where)
