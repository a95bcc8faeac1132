"""Give a squeezed image back what was removed from it: the original file system, exactly.

The cargo is what `jettison squeeze --cargo` wrote. The restored tree is compared with the fingerprint of the original
that the cargo carries before anything is written.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from jettison.cli import images

if TYPE_CHECKING:
    import argparse


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.epilog = images.REFERENCES
    parser.add_argument("image", metavar="RESULT", help="the squeezed image")
    parser.add_argument("--cargo", metavar="IMAGE", required=True, help="what was removed from it")
    parser.add_argument("-o", "--output", metavar="IMAGE", required=True, help="where to write the restored image")
    images.add_image_arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    """Restore, verify, write."""
    from jettison.cli.progress import Progress
    from jettison.rewrite.cargo import restore
    from jettison.stores import write_image

    with Progress("reading", quiet=arguments.quiet) as progress:
        indexer = images.indexer(progress)
        result = images.open_image(arguments.image, arguments, indexer)
        cargo = images.open_image(arguments.cargo, arguments, indexer)
        restored = restore(result, cargo, indexer)
    write_image(restored, arguments.output)
    print(f"restored {restored.id.short}: {len(restored.layers)} layers, the tree is the original's")
    return 0
