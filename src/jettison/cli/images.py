"""What the commands that read images share: their arguments, and opening what they name."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from jettison.errors import InputError, NotFound

if TYPE_CHECKING:
    import argparse

    from jettison.cli.progress import Progress
    from jettison.dockerfile import Dockerfile
    from jettison.image.image import Image
    from jettison.image.indexer import Indexer
    from jettison.oci.reference import Reference
    from jettison.origin import Step
    from jettison.rewrite.spool import Spool

REFERENCES = """\
An IMAGE is a path (an archive of docker save, an OCI layout or archive, a root file system), a name (asked of the
engine, then of the registry), or a transport and either: docker://NAME, docker-daemon:NAME, podman:NAME, oci:DIR[:TAG],
oci-archive:FILE[:TAG], docker-archive:FILE[:NAME], containers-storage:NAME, dir:DIR."""


def add_image_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of every command that opens an image."""
    parser.add_argument(
        "--platform", metavar="OS/ARCH", help="which image of a multi-platform index (default: this machine's)"
    )


def add_dockerfile_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments that name the Dockerfile an image was built from."""
    parser.add_argument("--dockerfile", metavar="FILE", help="the Dockerfile it was built from: layers get their lines")
    parser.add_argument("--target", metavar="STAGE", help="the stage that was built (default: the last)")


def indexer(progress: Progress | None = None) -> Indexer:
    """The indexer with all probes, over the user's cache."""
    from jettison.analysis import probes
    from jettison.image.indexer import Indexer

    advance = (lambda layer: progress.advance(layer.stored_size or 0)) if progress is not None else None
    return Indexer(probes(), progress=advance)


def open_image(text: str, arguments: argparse.Namespace, indexer: Indexer) -> Image:
    """The image that `text` names, for the platform that was asked for. Raises `InputError` or `UsageError`."""
    from jettison import stores
    from jettison.oci import platform as platforms

    platform = platforms.parse(arguments.platform) if arguments.platform else None
    return stores.open_image(text, platform=platform, indexer=indexer)


def fetch_image(text: str, arguments: argparse.Namespace, indexer: Indexer, spool: Spool) -> Image:
    """As `open_image`, for a command that reads all layers: an engine's image is saved once, into the spool."""
    from jettison import stores
    from jettison.oci import platform as platforms
    from jettison.oci import reference as references

    reference = references.parse(text)
    if reference.transport is None:
        if os.path.exists(text) or os.path.exists(references.split_path(text)[0]):
            return open_image(text, arguments, indexer)
        reference = stores.resolve(reference)
    platform = platforms.parse(arguments.platform) if arguments.platform else None
    return stores.fetch_image(reference, platform, indexer, lambda: spool.file("saved"))


def write_image(image: Image, target: str | Reference, arguments: argparse.Namespace) -> tuple[str, ...]:
    """Write an image, with progress where it goes to a registry; what the place could not keep. Raises `InputError`."""
    from jettison import stores
    from jettison.cli.progress import Progress
    from jettison.image.graph import of_image
    from jettison.oci import reference as references

    reference = references.parse(target) if isinstance(target, str) else target
    if reference.transport != "docker" or image.manifest is None:
        return stores.write_image(image, reference)
    with Progress("sending", quiet=arguments.quiet) as progress:
        progress.expect(sum(layer.size for layer in image.manifest.layers) + image.manifest.config.size)
        stores.write_graph(of_image(image), reference, told=progress.advance)
    return ()


def read_dockerfile(path: str) -> Dockerfile:
    """The parsed Dockerfile at `path`; `-` reads stdin. Raises `InputError`."""
    from jettison.dockerfile import parse

    try:
        data = sys.stdin.buffer.read() if path == "-" else Path(path).read_bytes()
    except FileNotFoundError:
        raise NotFound("there is no such file", where=path) from None
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", where=path) from None
    return parse(data, path)


def steps(arguments: argparse.Namespace, image: Image) -> list[Step] | None:
    """The Dockerfile's steps: of the file that was named, else of the one in BuildKit's provenance, else None."""
    from jettison.dockerfile import parse
    from jettison.origin import provenance_dockerfile, steps_of

    if arguments.dockerfile:
        return steps_of(read_dockerfile(arguments.dockerfile), arguments.target)
    text = provenance_dockerfile(image)
    dockerfile = parse(text, "the provenance's Dockerfile") if text else None
    return steps_of(dockerfile) if dockerfile is not None and dockerfile.stages else None
