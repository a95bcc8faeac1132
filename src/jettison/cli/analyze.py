"""Where the weight of an image is, whose line put it there, and what can go.

The summary shows layers with their Dockerfile lines, the largest kinds of waste, and what changes of the Dockerfile
would leave. Compressed bytes are read off the stored blobs; where layers are stored unpacked they are sampled and
marked with ≈. docs/waste.md lists the kinds, docs/efficiency.md defines the efficiency.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from jettison.cli import budgets, images

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Sequence

    from jettison.analysis import Analysis
    from jettison.cli.config import Config
    from jettison.cli.remembered import Outcome
    from jettison.image.image import Image
    from jettison.image.indexer import Indexer
    from jettison.origin import Step
    from jettison.report.style import Style


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.epilog = images.REFERENCES
    parser.add_argument("image", metavar="IMAGE")
    images.add_image_arguments(parser)
    images.add_dockerfile_arguments(parser)
    parser.add_argument("--base", metavar="IMAGE", help="the image it was built from: whose layers are whose")
    parser.add_argument("--layers", action="store_true", help="all layers")
    parser.add_argument("--waste", action="store_true", help="all waste, with paths and what removes it")
    parser.add_argument("--packages", action="store_true", help="all packages, largest first")
    parser.add_argument("--files", nargs="?", type=int, const=50, metavar="N", help="the N largest files (default 50)")
    parser.add_argument("--tree", metavar="PATH", help="a directory of the final tree, with sums")
    parser.add_argument("--depth", type=int, default=2, metavar="N", help="levels of --tree (default 2)")
    parser.add_argument("--dive-compat", action="store_true", help="dive's figures, exactly, right or wrong")
    parser.add_argument("--format", choices=("text", "json", "markdown"), default="text")
    parser.add_argument("-o", "--output", metavar="FILE", help="write the report there")
    parser.add_argument("--config", metavar="FILE", help="the configuration (default: the nearest jettison.toml)")
    budgets.add_arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    """Analyse, report, judge."""
    import gc

    from jettison.cli.config import load
    from jettison.cli.printing import emit
    from jettison.cli.progress import Progress
    from jettison.cli.remembered import Outcome, key

    gc.disable()  # one image, one report: nothing is garbage before the end, and looking for it costs a third
    config = load(explicit=arguments.config)
    with Progress("reading", quiet=arguments.quiet) as progress:
        indexer = images.indexer(progress)
        image = images.open_image(arguments.image, arguments, indexer)
        sizes = [layer.stored_size for layer in image.layers]
        progress.expect(sum(s for s in sizes if s is not None) if None not in sizes else None)
        base = images.open_image(arguments.base, arguments, indexer) if arguments.base else None
        steps = images.steps(arguments, image)
        question = key(image, base, steps, arguments, config)
        outcome = indexer.cache.get(question, "report", Outcome)
        if outcome is None:
            outcome = _outcome(image, base, steps, indexer, arguments, config)
            indexer.cache.put(question, "report", outcome)
    emit(outcome.report, arguments.output)
    if not arguments.quiet:
        for note in outcome.notes[:5] if not arguments.verbose else outcome.notes:
            print(f"jettison: note: {note}", file=sys.stderr)
    for name, allowed, found, holds in outcome.verdicts:
        word = "holds" if holds else "does not hold"
        print(f"jettison: budget for {name} {allowed}: {found}, {word}", file=sys.stderr)
    return 0 if all(holds for *_, holds in outcome.verdicts) else 1


def _outcome(
    image: Image,
    base: Image | None,
    steps: Sequence[Step] | None,
    indexer: Indexer,
    arguments: argparse.Namespace,
    config: Config,
) -> Outcome:
    from jettison.analysis import analyze
    from jettison.cli.remembered import Outcome

    analysis = analyze(image, steps=steps, base=base, indexer=indexer)
    verdicts = budgets.judge(analysis, arguments, config)
    return Outcome(
        report=_render(analysis, arguments),
        notes=list(analysis.notes),
        verdicts=[(v.name, v.allowed, v.found, v.holds) for v in verdicts],
    )


def _render(analysis: Analysis, arguments: argparse.Namespace) -> bytes:
    if arguments.dive_compat:
        return _dive(analysis, arguments.format)
    if arguments.format == "json":
        from jettison.report.analysis import json

        return json.render(analysis) + b"\n"
    if arguments.format == "markdown":
        from jettison.report.analysis import markdown

        return markdown.render(analysis).encode()
    from jettison.report.style import Style

    style = Style(colour=False if arguments.output else None)
    return ("\n".join(_text(analysis, arguments, style)) + "\n").encode("utf-8", "replace")


def _text(analysis: Analysis, arguments: argparse.Namespace, style: Style) -> Iterator[str]:
    from jettison.errors import NotFound
    from jettison.report.analysis import text

    sections = 0
    if arguments.tree is not None:
        start = analysis.tree.resolve(arguments.tree.encode("utf-8", "surrogateescape"))
        if start is None:
            raise NotFound(f"the image has no path {arguments.tree!r}", where=analysis.image.reference)
        yield from text.tree(analysis, start, style, depth=arguments.depth)
        sections += 1
    for wanted, section in (
        (arguments.layers, text.layers),
        (arguments.waste, text.waste),
        (arguments.packages, text.packages),
    ):
        if wanted:
            yield from [""] if sections else []
            yield from section(analysis, style)
            sections += 1
    if arguments.files is not None:
        yield from [""] if sections else []
        yield from text.files(analysis, style, most=arguments.files)
        sections += 1
    if not sections:
        yield from text.summary(analysis, style)


def _dive(analysis: Analysis, format: str) -> bytes:
    from jettison.report.analysis import dive
    from jettison.waste.dive import figures

    found = figures([layer.index for layer in analysis.layers])
    return dive.as_json(analysis, found) if format == "json" else dive.as_text(found).encode()
