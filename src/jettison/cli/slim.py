"""Keep of an image what its programs use, by a trace of a run; the result is proved, and hides nothing.

What the trace shows stays, and all that follows from it: loaders, libraries, interpreters, links, modules that are
imported late, the application's own files, users, certificates, directories with their owners and modes. The rest goes;
package databases follow, so that scanners see what is there; the configuration stays. docs/slim.md tells more.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from jettison.cli import images

if TYPE_CHECKING:
    import argparse

    from jettison.image.image import Image
    from jettison.image.indexer import Indexer
    from jettison.oci.reference import Reference
    from jettison.report.slimming import Report
    from jettison.slim import Plan

_TAKE_PLAIN = frozenset({"docker-archive", "docker-daemon", "podman", "containers-storage", "dir"})
_LOCAL = frozenset({"docker-archive", "oci", "oci-archive", "dir"})


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.epilog = images.REFERENCES
    parser.add_argument("image", metavar="IMAGE")
    parser.add_argument("-o", "--output", metavar="IMAGE", help="where to write the result, with its transport")
    parser.add_argument(
        "--trace-file", metavar="FILE", action="append", default=[], required=True,
        help="what a run of the image touched; several are taken together",
    )  # fmt: skip
    parser.add_argument("--dry-run", action="store_true", help="tell what would stay, and write nothing")
    parser.add_argument("--cargo", metavar="IMAGE", help="keep what was removed: an image that `restore` reads")
    images.add_image_arguments(parser)
    _add_choice_arguments(parser)
    parser.add_argument(
        "--explain", metavar="PATH", action="append", default=[], help="why a path stays or goes; nothing is written"
    )
    parser.add_argument("--format", choices=("text", "json"), default="text", help="of the report")


def _add_choice_arguments(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("what stays", "globs match paths with all below them; `**/` any directories")
    group.add_argument(
        "--level", choices=("package", "file"), default="package",
        help="of what was used, keep whole packages (default), or files: tighter, and only as good as the trace",
    )  # fmt: skip
    group.add_argument("--keep", metavar="GLOB", action="append", default=[], help="paths that stay in any case")
    group.add_argument(
        "--drop", metavar="GLOB", action="append", default=[], help="paths that go, unless --keep has them"
    )
    images.add_dockerfile_arguments(group)  # type: ignore[arg-type]


def run(arguments: argparse.Namespace) -> int:
    """Plan, and unless asked not to, apply, prove, write; report."""
    from jettison import slim
    from jettison.cli.printing import emit
    from jettison.cli.progress import Progress
    from jettison.errors import UsageError
    from jettison.oci import reference as references
    from jettison.trace import load, merge

    if not arguments.output and not arguments.dry_run and not arguments.explain:
        raise UsageError("where should the result go? name it with -o, or try --dry-run")
    output = references.parse(arguments.output) if arguments.output else None
    trace = merge(load(path) for path in arguments.trace_file)
    with Progress("reading", quiet=arguments.quiet) as progress:
        indexer = images.indexer(progress)
        image = images.open_image(arguments.image, arguments, indexer)
        indexer.image(image)
        plan = slim.plan(
            image,
            trace,
            level=arguments.level,
            keep=arguments.keep,
            drop=arguments.drop,
            indexer=indexer,
            base=_base_layers(arguments, image),
        )
    if arguments.explain:
        emit(("\n".join(plan.explain(path) for path in arguments.explain) + "\n").encode("utf-8", "replace"), None)
        return 0
    found = _preview(plan) if arguments.dry_run or output is None else _apply(plan, output, arguments, indexer)
    emit(_render(found, arguments), None)
    if not arguments.quiet:
        for note in found.notes:
            print(f"jettison: note: {note}", file=sys.stderr)
    return 0


def _base_layers(arguments: argparse.Namespace, image: Image) -> int | None:
    """How many layers are the base image's, where the Dockerfile or provenance tells."""
    from jettison.origin import origins

    steps = images.steps(arguments, image)
    found = sum(1 for origin in origins(image, steps, None) if origin.base) if steps else 0
    return found or None


def _preview(plan: Plan) -> Report:
    from jettison.lighten import Recipe, preview
    from jettison.report.slimming import Report

    return Report(plan, preview(plan.image, plan.indexes, plan.tree, Recipe(), plan.dropping))


def _apply(plan: Plan, output: Reference, arguments: argparse.Namespace, indexer: Indexer) -> Report:
    """Write result and cargo, whole or not at all."""
    from jettison import slim
    from jettison.cli.progress import Progress
    from jettison.lighten import Recipe
    from jettison.report.slimming import Report
    from jettison.rewrite.finish import Choice
    from jettison.rewrite.packing import Packing
    from jettison.rewrite.spool import Spool
    from jettison.stores import write_image

    plain = Packing(None) if output.transport in _TAKE_PLAIN else Packing.parse("gzip")
    recipe = Recipe(choice=Choice(None, plain), keep_cargo=bool(arguments.cargo))
    with Spool(_beside(output)) as spool, Progress("writing", quiet=arguments.quiet) as progress:
        done = slim.apply(plan, spool, recipe, indexer=indexer, progress=progress.advance)
        if done.cargo is not None:
            write_image(done.cargo, arguments.cargo)
        write_image(done.image, output)
    return Report(plan, done.rewriting, done)


def _beside(output: Reference) -> str | None:
    """Where temporary files go: beside a local output, so that they are where there must be room anyway."""
    return os.path.dirname(os.path.abspath(output.location)) if output.transport in _LOCAL else None


def _render(found: Report, arguments: argparse.Namespace) -> bytes:
    from jettison.report.slimming import json, text
    from jettison.report.style import Style

    if arguments.format == "json":
        return json.render(found) + b"\n"
    return ("\n".join(text.report(found, Style())) + "\n").encode("utf-8", "replace")
