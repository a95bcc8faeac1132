"""What sets two images apart: size, layers, configuration, packages and files.

Files are compared as a container sees them, times left aside. The summary shows what matters most; --files, --packages,
--settings and --layers show all of it. Like git diff, it exits with 0 unless --exit-code is given.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from jettison.cli import images

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from jettison.difference import Difference
    from jettison.report.style import Style


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.epilog = images.REFERENCES
    parser.add_argument("before", metavar="IMAGE")
    parser.add_argument("after", metavar="IMAGE")
    images.add_image_arguments(parser)
    parser.add_argument("--files", action="store_true", help="all files that differ")
    parser.add_argument("--packages", action="store_true", help="all packages that differ")
    parser.add_argument("--settings", action="store_true", help="all settings that differ, whole")
    parser.add_argument("--layers", action="store_true", help="all layers: shared, gone, new")
    parser.add_argument(
        "--exit-code", action="store_true", help="exit with 1 if files, packages or settings differ, 0 if none do"
    )
    parser.add_argument("--format", choices=("text", "json", "markdown"), default="text")
    parser.add_argument("-o", "--output", metavar="FILE", help="write the report there")


def run(arguments: argparse.Namespace) -> int:
    """Read both, compare, report."""
    from jettison.cli.printing import emit
    from jettison.cli.progress import Progress
    from jettison.difference import compare

    with Progress("reading", quiet=arguments.quiet) as progress:
        indexer = images.indexer(progress)
        before = images.open_image(arguments.before, arguments, indexer)
        after = images.open_image(arguments.after, arguments, indexer)
        sizes = [layer.stored_size for image in (before, after) for layer in image.layers]
        progress.expect(sum(s for s in sizes if s is not None) if None not in sizes else None)
        difference = compare(before, after, indexer=indexer)
    emit(_render(difference, arguments), arguments.output)
    return 1 if arguments.exit_code and difference else 0


def _render(difference: Difference, arguments: argparse.Namespace) -> bytes:
    if arguments.format == "json":
        from jettison.report.difference import json

        return json.render(difference) + b"\n"
    if arguments.format == "markdown":
        from jettison.report.difference import markdown

        return markdown.render(difference).encode()
    from jettison.report.style import Style

    style = Style(colour=False if arguments.output else None)
    return ("\n".join(_text(difference, arguments, style)) + "\n").encode("utf-8", "replace")


def _text(difference: Difference, arguments: argparse.Namespace, style: Style) -> Iterator[str]:
    from jettison.report.difference import text

    sections = [
        section
        for wanted, section in (
            (arguments.layers, text.layers),
            (arguments.settings, text.settings),
            (arguments.packages, text.packages),
            (arguments.files, text.files),
        )
        if wanted
    ]
    for number, section in enumerate(sections or [text.summary]):
        yield from [""] if number else []
        yield from section(difference, style)
