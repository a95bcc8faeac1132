"""Give a squeezed image back what was removed from it: the original file system, exactly.

The cargo is what `jettison squeeze --cargo` wrote; where it lies beside the result, in a registry or an OCI layout, it
is found there. The restored tree is compared with the fingerprint of the original that the cargo carries before
anything is written.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from jettison.cli import images

if TYPE_CHECKING:
    import argparse

    from jettison.image.image import Image
    from jettison.oci.reference import Reference


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.epilog = images.REFERENCES
    parser.add_argument("image", metavar="RESULT", help="the squeezed image")
    parser.add_argument(
        "--cargo", metavar="IMAGE", help="what was removed from it (default: what refers to it as cargo)"
    )
    parser.add_argument("-o", "--output", metavar="IMAGE", required=True, help="where to write the restored image")
    images.add_image_arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    """Restore, verify, write."""
    from jettison.cli.progress import Progress
    from jettison.rewrite.cargo import restore
    from jettison.stores import open_image

    with Progress("reading", quiet=arguments.quiet) as progress:
        indexer = images.indexer(progress)
        result = images.open_image(arguments.image, arguments, indexer)
        if arguments.cargo:
            cargo = images.open_image(arguments.cargo, arguments, indexer)
        else:
            cargo = open_image(_cargo_of(result, arguments), None, indexer)
        restored = restore(result, cargo, indexer)
    for note in images.write_image(restored, arguments.output, arguments):
        print(f"jettison: note: {note}", file=sys.stderr)
    print(f"restored {restored.id.short}: {len(restored.layers)} layers, the tree is the original's")
    return 0


def _cargo_of(result: Image, arguments: argparse.Namespace) -> Reference:
    """The one cargo that refers to the result. Raises `NotFound`, or `UsageError` where it cannot be told."""
    from jettison import stores
    from jettison.errors import NotFound, UsageError
    from jettison.rewrite.cargo import TREE

    found = stores.resolve(arguments.image)
    hint = "name it with --cargo"
    if result.digest is None or not stores.holds_graphs(found.transport):
        raise UsageError(f"{found.transport} does not tell where its cargo is", where=arguments.image, hint=hint)
    cargoes = [
        reference
        for reference, entry in stores.list_referrers(found, result.digest)
        if TREE in (entry.annotations or {})
    ]
    if not cargoes:
        raise NotFound("nothing there says that it is its cargo", where=arguments.image, hint=hint)
    if len(cargoes) > 1:
        names = ", ".join(str(reference) for reference in cargoes[:10])
        raise UsageError(f"{len(cargoes)} cargoes belong to it: {names}", where=arguments.image, hint=hint)
    return cargoes[0]
