"""What an image says of itself: digests, platform, how a container starts, labels, layers.

Nothing but the image's manifest and configuration is read, where the place it is in allows that. --raw and --config
print these two as they are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from jettison.cli import images

if TYPE_CHECKING:
    import argparse

    from jettison.image.image import Image


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.epilog = images.REFERENCES
    parser.add_argument("image", metavar="IMAGE")
    images.add_image_arguments(parser)
    parser.add_argument("--format", choices=("text", "json"), default="text")
    document = parser.add_mutually_exclusive_group()
    document.add_argument("--raw", action="store_true", help="print the manifest, byte for byte")
    document.add_argument("--config", action="store_true", help="print the configuration, byte for byte")
    parser.add_argument("-o", "--output", metavar="FILE", help="write the report there")


def run(arguments: argparse.Namespace) -> int:
    """Open it, and print what it says."""
    from jettison.cli.printing import emit
    from jettison.cli.progress import Progress

    with Progress("reading", quiet=arguments.quiet) as progress:
        image = images.open_image(arguments.image, arguments, images.indexer(progress))
    emit(_render(image, arguments), arguments.output)
    return 0


def _render(image: Image, arguments: argparse.Namespace) -> bytes:
    if arguments.config:
        return image.config_bytes
    if arguments.raw:
        return _manifest(image)
    if arguments.format == "json":
        from jettison.report.inspection import json

        return json.render(image) + b"\n"
    from jettison.report.inspection import text
    from jettison.report.style import Style

    style = Style(colour=False if arguments.output else None)
    return ("\n".join(text.render(image, style)) + "\n").encode("utf-8", "replace")


def _manifest(image: Image) -> bytes:
    from jettison.errors import NotFound

    if image.manifest_bytes is None:
        raise NotFound(
            "has no manifest: this kind of place keeps none",
            where=image.reference,
            hint="--raw config prints the other",
        )
    return image.manifest_bytes
