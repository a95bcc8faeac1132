"""What the commands that read images share: their arguments, and opening what they name."""

from __future__ import annotations

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
    from jettison.origin import Step

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
