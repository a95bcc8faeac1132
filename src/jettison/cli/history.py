"""The steps that made an image, newest first, with the bytes of their layers.

What docker history prints, for any reference and without an engine, with lines where the Dockerfile is known. Layers
in a registry are not fetched for it, so that their raw bytes are unknown unless they were read before; --read fetches
them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from jettison.cli import images

if TYPE_CHECKING:
    import argparse


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.epilog = images.REFERENCES
    parser.add_argument("image", metavar="IMAGE")
    images.add_image_arguments(parser)
    images.add_dockerfile_arguments(parser)
    parser.add_argument("--read", action="store_true", help="fetch layers from a registry to know their raw bytes")
    parser.add_argument("--no-trunc", action="store_true", help="cut nothing off, and show the layers' diff_ids")
    parser.add_argument("--format", choices=("text", "json"), default="text")
    parser.add_argument("-o", "--output", metavar="FILE", help="write the report there")


def run(arguments: argparse.Namespace) -> int:
    """Read what is needed, and print it."""
    from jettison.cli.printing import emit
    from jettison.cli.progress import Progress
    from jettison.report.history import json, rows, text
    from jettison.report.style import Style

    with Progress("reading", quiet=arguments.quiet) as progress:
        indexer = images.indexer(progress)
        image = images.open_image(arguments.image, arguments, indexer)
        steps = images.steps(arguments, image)
        read = arguments.read or not image.reference.startswith("docker://")
        found = rows(image, indexer, steps, read=read)
    if arguments.format == "json":
        emit(json.render(image, found) + b"\n", arguments.output)
        return 0
    style = Style(colour=False if arguments.output else None)
    lines = text.render(found, style, whole=arguments.no_trunc, lines=any(row.line is not None for row in found))
    emit(("\n".join(lines) + "\n").encode("utf-8", "replace"), arguments.output)
    return 0
