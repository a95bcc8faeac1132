"""Opening what a person names without a transport: a path by its content, a name by asking around."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING

from jettison.errors import ImageError, InputError, NotFound, RemoteError, UsageError
from jettison.oci import reference as references
from jettison.oci.reference import Reference
from jettison.stores import docker_archive, store_for
from jettison.stores.archives import open_archive
from jettison.stores.layout import open_layout

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import TypeVar

    from jettison.image.image import Image
    from jettison.image.indexer import Indexer
    from jettison.oci.platform import Platform
    from jettison.stores import Listing, Store

    T = TypeVar("T")

ASKED = ("docker-daemon", "podman", "docker")
"""Who is asked for a bare name, in this order."""

_ARCHIVES = (".tar", ".tar.gz", ".tgz", ".tar.zst", ".tzst", ".tar.xz", ".txz", ".tar.bz2", ".oci")
_ROOT = ("bin", "dev", "etc", "home", "lib", "opt", "proc", "root", "run", "sbin", "sys", "tmp", "usr", "var")


def open_bare(reference: Reference, platform: Platform | None, indexer: Indexer) -> Image:
    """The image at a reference without transport. Raises `InputError`."""
    text = reference.location
    path = _as_path(text)
    if path is None:
        foreign = _foreign(text)
        if foreign is not None:
            return store_for(foreign.transport or "").open_image(foreign, platform, indexer)
        return _ask(text, lambda store, named: store.open_image(named, platform, indexer))
    if os.path.isdir(path.location):
        recognised = _recognise_directory(path)
        return store_for(recognised.transport or "").open_image(recognised, platform, indexer)
    contents = open_archive(path.location, indexer)
    if docker_archive.holds(contents, path.selector):
        return docker_archive.open_saved(contents, text, path.selector, platform)
    if contents.has("index.json"):
        return open_layout(contents, text, path.selector, platform)
    raise ImageError(
        "this is a tar but no image: it has neither a manifest.json nor an index.json",
        where=path.location,
        hint="the tar of a root file system is read once it is unpacked, as dir:DIRECTORY",
    )


def list_bare(reference: Reference) -> Iterator[Listing]:
    """The images at a reference without transport. Raises `InputError`."""
    text = reference.location
    path = _as_path(text) or _foreign(text)
    if path is None:
        return iter(_ask(text, lambda store, named: list(store.list_images(named))))
    if path.transport is None:
        path = _recognise_directory(path) if os.path.isdir(path.location) else _recognise_file(path)
    return store_for(path.transport or "").list_images(path)


def resolve(reference: Reference) -> Reference:
    """The reference with its transport: a path by its content, a name by which engine has it, else the registry.

    Raises `InputError`.
    """
    text = reference.location
    path = _as_path(text) or _foreign(text)
    if path is not None and path.transport is None:
        path = _recognise_directory(path) if os.path.isdir(path.location) else _recognise_file(path)
    if path is not None:
        return path
    for transport in ASKED[:-1]:
        with contextlib.suppress(InputError):
            if any(True for _ in store_for(transport).list_images(Reference(transport, text))):
                return Reference(transport, text)
    return Reference("docker", str(references.parse_name(text)))


def _foreign(text: str) -> Reference | None:
    """The reference, where its prefix is a transport that a third party brought."""
    prefix, _, rest = text.partition(":")
    if not rest or "/" in prefix:
        return None
    from importlib.metadata import entry_points  # slow: it reads what every installed distribution says

    if prefix in entry_points(group="jettison.stores").names:
        return Reference(prefix, rest)
    return None


def _as_path(text: str) -> Reference | None:
    """The path, and perhaps a selector, that `text` means; None for a name. Raises `NotFound` for a missing file."""
    looks_like_path = text.startswith(("/", "./", "../", "~")) or text in (".", "..")
    if ("/" in text or "." in text) and os.path.exists(text):
        return Reference(None, text)
    location, selector = references.split_path(text)
    if selector is not None and ("/" in location or "." in location) and os.path.exists(location):
        return Reference(None, location, selector)
    if looks_like_path or location.lower().endswith(_ARCHIVES):
        raise NotFound("does not exist", where=text)
    return None


def _recognise_directory(path: Reference) -> Reference:
    directory = path.location
    try:
        names = set(os.listdir(directory))
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", where=directory) from None
    if names & {"oci-layout", "index.json"}:
        return Reference("oci", directory, path.selector)
    if len(names.intersection(_ROOT)) >= 2:
        return Reference("dir", directory)
    hint = "write dir:DIRECTORY to read it as a root file system all the same"
    if {"manifest.json", "version"} <= names:
        hint = "it is skopeo's own format: copy it with skopeo to oci:DIRECTORY"
    raise ImageError("is neither an OCI layout nor a root file system", where=directory, hint=hint)


def _recognise_file(path: Reference) -> Reference:
    contents = open_archive(path.location)
    transport = "docker-archive" if docker_archive.holds(contents, path.selector) else "oci-archive"
    return Reference(transport, path.location, path.selector)


def _ask(text: str, question: Callable[[Store, Reference], T]) -> T:
    """Ask everybody for a name, and tell what each said where nobody has it."""
    name = references.parse_name(text)
    answers: list[str] = []
    last: InputError = NotFound("nobody was asked")
    for transport in ASKED:
        try:
            store = store_for(transport)
        except UsageError:
            continue
        try:
            return question(store, Reference(transport, str(name) if transport == "docker" else text))
        except InputError as error:
            last = error
            answers.append(f"{transport}: {error}")
    hint = f"to read the file or directory of this name, write ./{text}" if os.path.exists(text) else last.hint
    kind = type(last) if isinstance(last, (NotFound, RemoteError)) else InputError
    raise kind(f"no image {text!r} was found ({'; '.join(answers)})", hint=hint)
