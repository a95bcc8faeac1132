"""The images that a place holds, with their bytes: of an engine, a registry's repository, an archive, a layout.

Without a PLACE, those of Docker's engine, else of podman's. What a place does not know of an image reads `-`: engines
know raw bytes, registries packed ones.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse

    from jettison.stores import Listing

ENGINES = ("docker-daemon", "podman", "containers-storage")
"""Transports that list all they have, when they are named alone."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.epilog = """\
A PLACE is a path (an archive of docker save, an OCI layout or archive), docker://REGISTRY/REPOSITORY, docker-daemon,
podman or containers-storage, these three with :NAME for the images of one name."""
    parser.add_argument("place", metavar="PLACE", nargs="?")
    parser.add_argument("--sort", choices=("name", "size", "created"), help="default: as the place lists them")
    parser.add_argument("--format", choices=("text", "json"), default="text")
    parser.add_argument("-o", "--output", metavar="FILE", help="write the report there")


def run(arguments: argparse.Namespace) -> int:
    """List, sort, print."""
    from jettison.cli.printing import emit
    from jettison.report.listing import json, text
    from jettison.report.style import Style

    place, found = _list(arguments.place)
    if arguments.sort == "name":
        found.sort(key=lambda listing: listing.names or ("~",))
    elif arguments.sort == "size":
        found.sort(key=lambda listing: -(listing.raw or listing.compressed or 0))
    elif arguments.sort == "created":
        found.sort(key=lambda listing: listing.created or "", reverse=True)
    if arguments.format == "json":
        emit(json.render(place, found) + b"\n", arguments.output)
        return 0
    style = Style(colour=False if arguments.output else None)
    emit(("\n".join(text.render(found, style)) + "\n").encode("utf-8", "replace"), arguments.output)
    return 0


def _list(place: str | None) -> tuple[str, list[Listing]]:
    """The place that answered, and its images. Raises `InputError` with what each said, where none did."""
    from jettison import stores
    from jettison.errors import InputError, RemoteError
    from jettison.oci.reference import Reference

    if place is not None:
        engine = place.removesuffix(":")
        if engine in ENGINES:
            return place, list(stores.list_images(Reference(engine, "")))
        return place, list(stores.list_images(place))
    answers = []
    for engine in ENGINES[:2]:
        try:
            return engine, list(stores.list_images(Reference(engine, "")))
        except InputError as error:
            answers.append(f"{engine}: {error}")
    raise RemoteError(
        f"no engine answers ({'; '.join(answers)})",
        hint="name a place: jettison ls image.tar, jettison ls docker://registry/repository",
    )
