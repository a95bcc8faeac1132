"""Keep of an image what its programs use; the result is proved, and hides nothing.

The image is run and put through its paces, twice; what it touches stays, and all that follows from it: loaders,
libraries, interpreters, links, modules that are imported late, the application's own files, users, certificates,
directories with their owners and modes. The rest goes; package databases follow, so that scanners see what is there.
Then the result does the same, and must give the same answers; what it misses comes back. docs/slim.md tells more.
"""

from __future__ import annotations

import os
import shlex
import sys
from typing import TYPE_CHECKING

from jettison.cli import images

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from jettison.engines.api import Api
    from jettison.image.image import Image
    from jettison.image.indexer import Indexer
    from jettison.lighten import Recipe
    from jettison.oci.reference import Reference
    from jettison.report.slimming import Report
    from jettison.rewrite.spool import Spool
    from jettison.slim import Plan, Rehearsal
    from jettison.trace import Trace
    from jettison.trace.exercise import Exercise

_TAKE_PLAIN = frozenset({"docker-archive", "docker-daemon", "podman", "containers-storage", "dir"})
_LOCAL = frozenset({"docker-archive", "oci", "oci-archive", "dir"})


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.epilog = images.REFERENCES
    parser.add_argument("image", metavar="IMAGE")
    parser.add_argument("-o", "--output", metavar="IMAGE", help="where to write the result, with its transport")
    parser.add_argument("--dry-run", action="store_true", help="tell what would stay, and write nothing")
    parser.add_argument("--cargo", metavar="IMAGE", help="keep what was removed: an image that `restore` reads")
    images.add_image_arguments(parser)
    _add_exercise_arguments(parser)
    _add_running_arguments(parser)
    _add_choice_arguments(parser)
    parser.add_argument(
        "--explain", metavar="PATH", action="append", default=[], help="why a path stays or goes; nothing is written"
    )
    parser.add_argument("--format", choices=("text", "json"), default="text", help="of the report")


def _add_exercise_arguments(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group(
        "what it is put through", "in this order; without any, a program that exposes no port is run to its end"
    )
    group.add_argument("--http", metavar="PATH", nargs="+", action="extend", default=[], help="GET these paths")
    group.add_argument("--http-file", metavar="FILE", action="append", default=[], help="requests of a .http file")
    group.add_argument("--openapi", metavar="FILE", action="append", default=[], help="GET what the document describes")
    group.add_argument("--crawl", metavar="PATH", action="append", default=[], help="follow links from here")
    group.add_argument("--exec", metavar="COMMAND", action="append", default=[], help="run a command inside")
    group.add_argument(
        "--test-command", metavar="COMMAND", action="append", default=[],
        help="run a command out here, which finds it by $JETTISON_TARGET (http://host:port)",
    )  # fmt: skip
    group.add_argument("--until-idle", action="store_true", help="wait until it asks for no more files")
    group.add_argument(
        "--trace-file", metavar="FILE", action="append", default=[],
        help="a trace of an earlier run; several, and what is run now, are taken together. With nothing to put it "
        "through, nothing is run, and how the result behaves is not assessed",
    )  # fmt: skip
    group.add_argument("--save-trace", metavar="FILE", help="keep the trace for later")


def _add_running_arguments(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("how it is run")
    group.add_argument(
        "--engine", choices=("docker", "podman", "none"),
        help="what runs it (default: docker, else podman, else none: Linux namespaces)",
    )  # fmt: skip
    group.add_argument(
        "--command", metavar="ARGUMENTS", action="append", default=[],
        help="run it with these in the place of CMD (--command='-v FILE' where they start with a dash); given several "
        "times, it is run once with each",
    )  # fmt: skip
    group.add_argument("--port", metavar="N", type=int, action="append", help="a port to reach, beside EXPOSE's")
    group.add_argument("--env", metavar="NAME=VALUE", action="append", default=[], help="a variable of the run")
    group.add_argument("--ready-line", metavar="REGEX", help="it is ready once it prints this")
    group.add_argument("--timeout", metavar="SECONDS", type=float, default=60.0, help="to be ready, or to end (60)")
    group.add_argument("--max-rounds", metavar="N", type=int, default=6, help="results to try before giving up (6)")


def _add_choice_arguments(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("what stays", "globs match paths with all below them; `**/` any directories")
    group.add_argument(
        "--level", choices=("package", "file"), default="package",
        help="of what was used, keep whole packages (default), or files: tighter, and only as good as the trace",
    )  # fmt: skip
    group.add_argument("--keep", metavar="GLOB", action="append", default=[], help="paths that stay in any case")
    group.add_argument(
        "--drop", metavar="GLOB", action="append", default=[], help="paths that go, unless --keep has it"
    )
    images.add_dockerfile_arguments(group)  # type: ignore[arg-type]


def run(arguments: argparse.Namespace) -> int:
    """Run, plan, apply, prove, write; report."""
    from jettison.cli.printing import emit
    from jettison.cli.progress import Progress
    from jettison.errors import UsageError
    from jettison.oci import reference as references
    from jettison.rewrite.spool import Spool
    from jettison.trace import load

    if not arguments.output and not arguments.dry_run and not arguments.explain:
        raise UsageError("where should the result go? name it with -o, or try --dry-run")
    if arguments.max_rounds < 1:
        raise UsageError(f"--max-rounds {arguments.max_rounds}", hint="one is the least")
    output = references.parse(arguments.output) if arguments.output else None
    exercises, traces = _exercises(arguments), [load(path) for path in arguments.trace_file]
    rehearsal = _rehearsal(arguments, exercises) if exercises or arguments.command or not traces else None
    with Spool(_beside(output)) as spool:
        with Progress("reading", quiet=arguments.quiet) as progress:
            indexer = images.indexer(progress)
            image = images.fetch_image(arguments.image, arguments, indexer, spool)
            indexer.image(image)
        if output is None or arguments.dry_run or arguments.explain:
            plan = _plan(arguments, image, indexer, rehearsal, traces)
            found = _preview(plan)
        else:
            found = _made(arguments, image, output, indexer, spool, rehearsal, traces)
    if arguments.explain:
        reasons = "\n".join(found.plan.explain(path) for path in arguments.explain)
        emit((reasons + "\n").encode("utf-8", "replace"), None)
        return 0
    emit(_render(found, arguments), None)
    if not arguments.quiet:
        for note in found.notes:
            print(f"jettison: note: {note}", file=sys.stderr)
    return 0


def _exercises(arguments: argparse.Namespace) -> list[Exercise]:
    from jettison.trace.exercise.command import Exec, TestCommand
    from jettison.trace.exercise.crawl import Crawl
    from jettison.trace.exercise.http_file import HttpFile
    from jettison.trace.exercise.idle import UntilIdle
    from jettison.trace.exercise.openapi import OpenApi
    from jettison.trace.exercise.web import Http

    found: list[Exercise] = [Http(tuple(arguments.http))] if arguments.http else []
    found += [HttpFile(path) for path in arguments.http_file]
    found += [OpenApi(path) for path in arguments.openapi]
    found += [Crawl(path) for path in arguments.crawl]
    found += [Exec.parse(text) for text in arguments.exec]
    found += [TestCommand(text) for text in arguments.test_command]
    return [*found, *([UntilIdle()] if arguments.until_idle else [])]


def _rehearsal(arguments: argparse.Namespace, exercises: Sequence[Exercise]) -> Rehearsal:
    from jettison.errors import UsageError
    from jettison.slim import Rehearsal

    pairs = [text.partition("=") for text in arguments.env]
    for name, equals, _ in pairs:
        if not name or not equals:
            raise UsageError(f"--env {name}", hint="write NAME=VALUE")
    return Rehearsal(
        exercises=tuple(exercises),
        engine=_engine(arguments.engine),
        seconds=arguments.timeout,
        line=arguments.ready_line,
        ports=tuple(arguments.port) if arguments.port else None,
        commands=tuple(_words(text) for text in arguments.command),
        environment={name: value for name, _, value in pairs},
    )


def _words(text: str) -> tuple[str, ...]:
    from jettison.errors import UsageError

    try:
        return tuple(shlex.split(text))
    except ValueError as error:
        raise UsageError(f"--command {text}: {error}", hint="quote it as for a shell") from error


def _engine(name: str | None) -> Api | None:
    """The engine that was asked for, else the first that is here, else none."""
    from jettison.engines import endpoint
    from jettison.engines.api import Api
    from jettison.errors import NotFound

    if name == "none":
        return None
    for one in [name] if name else ["docker", "podman"]:
        try:
            return Api(endpoint.docker() if one == "docker" else endpoint.podman())
        except NotFound:
            if name:
                raise
    return None


def _plan(
    arguments: argparse.Namespace, image: Image, indexer: Indexer, rehearsal: Rehearsal | None, traces: Sequence[Trace]
) -> Plan:
    """The plan alone: one run of the original, and none of the result."""
    from jettison import slim
    from jettison.trace import merge

    trace = merge([*traces, *([rehearsal.perform(image).trace] if rehearsal is not None else [])])
    _save(trace, arguments)
    return slim.plan(
        image,
        trace,
        level=arguments.level,
        keep=arguments.keep,
        drop=arguments.drop,
        indexer=indexer,
        base=_base_layers(arguments, image),
    )


def _save(trace: Trace, arguments: argparse.Namespace) -> None:
    from jettison.trace import save

    if arguments.save_trace:
        save(trace, arguments.save_trace)


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


def _made(
    arguments: argparse.Namespace,
    image: Image,
    output: Reference,
    indexer: Indexer,
    spool: Spool,
    rehearsal: Rehearsal | None,
    traces: Sequence[Trace],
) -> Report:
    """Result and cargo, written whole or not at all."""
    from jettison import slim
    from jettison.cli.progress import Progress
    from jettison.report.slimming import Report

    recipe = _recipe(arguments, output)
    if rehearsal is None:
        plan = _plan(arguments, image, indexer, None, traces)
        with Progress("writing", quiet=arguments.quiet) as progress:
            done = slim.apply(plan, spool, recipe, indexer=indexer, progress=progress.advance)
        proved = None
    else:
        keep, drop = tuple(arguments.keep), tuple(arguments.drop)
        proved = slim.prove(
            image,
            rehearsal,
            spool,
            wishes=slim.Wishes(arguments.level, keep, drop, _base_layers(arguments, image)),
            recipe=recipe,
            traces=traces,
            indexer=indexer,
            rounds=arguments.max_rounds,
            tell=lambda text: _tell(text, arguments),
        )
        done = proved.slimmed
        _save(proved.trace, arguments)
    said: list[str] = []
    if done.cargo is not None:
        said += images.write_image(done.cargo, arguments.cargo, arguments)
    said += images.write_image(done.image, output, arguments)
    return Report(done.plan, done.rewriting, done, proved, tuple(said))


def _tell(text: str, arguments: argparse.Namespace) -> None:
    if not arguments.quiet and sys.stderr.isatty():
        print(f"jettison: {text}", file=sys.stderr)


def _recipe(arguments: argparse.Namespace, output: Reference) -> Recipe:
    from jettison.lighten import Recipe
    from jettison.rewrite.finish import Choice
    from jettison.rewrite.packing import Packing

    plain = Packing(None) if output.transport in _TAKE_PLAIN else Packing.parse("gzip")
    return Recipe(choice=Choice(None, plain), keep_cargo=bool(arguments.cargo))


def _beside(output: Reference | None) -> str | None:
    """Where temporary files go: beside a local output, so that they are where there must be room anyway."""
    if output is None or output.transport not in _LOCAL:
        return None
    return os.path.dirname(os.path.abspath(output.location))


def _render(found: Report, arguments: argparse.Namespace) -> bytes:
    from jettison.report.slimming import json, text
    from jettison.report.style import Style

    if arguments.format == "json":
        return json.render(found) + b"\n"
    return ("\n".join(text.report(found, Style())) + "\n").encode("utf-8", "replace")
