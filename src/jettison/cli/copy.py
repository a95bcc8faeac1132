"""Copy an image from any store to any other, with all its platforms, digests and attestations as they are.

Blobs that the target has are not sent again, so a copy that the network broke off goes on where it stood when it is run
again. The target names the whole image or what it named before: a tag moves last. docs/copy.md tells the rest.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from jettison.cli import images

if TYPE_CHECKING:
    import argparse

    from jettison.copying import Copied, Wish


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.epilog = images.REFERENCES + _TARGETS
    parser.add_argument("source", metavar="SOURCE", help="the image to copy")
    parser.add_argument("target", metavar="TARGET", help="where to, with its transport")
    which = parser.add_mutually_exclusive_group()
    which.add_argument(
        "--all-platforms",
        action="store_true",
        help="the whole index (default where the target can hold one; an error where it cannot)",
    )
    which.add_argument("--platform", metavar="OS/ARCH", help="the image of one platform")
    parser.add_argument(
        "--compress",
        metavar="HOW",
        default="keep",
        help="keep (default: as they are; plain layers of engines and docker archives become gzip where they are to "
        "travel), gzip[:0-12], zstd[:1-19], estargz[:1-12] (gzip, of which lazy engines fetch what is read; it changes "
        "the image's id), none. Layers that are packed so already stay",
    )
    parser.add_argument("--threads", type=int, metavar="N", help="threads that pack (default: one a core); same bytes")
    parser.add_argument("--format", choices=("text", "json"), default="text", help="of the report")


_TARGETS = """

The copy goes to a TARGET with its transport. docker://, oci: and oci-archive: hold all platforms; docker-archive:,
docker-daemon: and the others hold one: --platform's, else this machine's."""


def run(arguments: argparse.Namespace) -> int:
    """Copy, report."""
    from jettison.cli.printing import emit
    from jettison.cli.progress import Progress
    from jettison.cli.squeeze import beside
    from jettison.copying import copy
    from jettison.errors import UsageError
    from jettison.image.indexer import Indexer
    from jettison.oci import reference as references
    from jettison.rewrite.spool import Spool

    wish = _wish(arguments)
    target = references.parse(arguments.target)
    if target.transport is None:
        raise UsageError(
            f"{arguments.target}: say where that is",
            hint=f"for example docker://{arguments.target} or oci:{arguments.target}",
        )
    with Spool(beside(target)) as spool, Progress("copying", quiet=arguments.quiet) as progress:
        copied = copy(arguments.source, target, wish, spool, Indexer(), told=progress.advance, expect=progress.expect)
    emit(_render(copied, arguments), None)
    return 0


def _wish(arguments: argparse.Namespace) -> Wish:
    from jettison.copying import Wish
    from jettison.oci import platform as platforms
    from jettison.rewrite.packing import Packing

    return Wish(
        platform=platforms.parse(arguments.platform) if arguments.platform else None,
        all_platforms=arguments.all_platforms,
        packing=None if arguments.compress == "keep" else Packing.parse(arguments.compress, arguments.threads),
        threads=arguments.threads,
    )


def _render(copied: Copied, arguments: argparse.Namespace) -> bytes:
    from jettison.report.copying import json, text
    from jettison.report.style import Style

    if arguments.format == "json":
        return json.render(copied) + b"\n"
    return ("\n".join(text.report(copied, Style())) + "\n").encode("utf-8", "replace")
