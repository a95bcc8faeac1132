"""Make an image smaller without losing a file; on request, drop waste, merge layers, pack them better.

What the final file system does not show leaves the layers: files that a later layer deletes or replaces, copies made
for a chmod. Every path that stays is compared with the original before the result is written: type, content, mode,
owner, time, attributes, links. Layers that do not change keep their digests. docs/squeeze.md tells the rest.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from jettison.cli import images

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterable

    from jettison.analysis import Analysis
    from jettison.cli.progress import Progress
    from jettison.dropping import Dropping
    from jettison.image.image import Image
    from jettison.image.indexer import Indexer
    from jettison.image.tree import Tree
    from jettison.lighten import Lightened, Recipe
    from jettison.oci.reference import Reference
    from jettison.rewrite.spool import Spool
    from jettison.rewrite.upx import Packer

ATTACH = "attach"
"""What --cargo says for cargo that is to be a referrer of the result."""

_TAKE_PLAIN = frozenset({"docker-archive", "docker-daemon", "podman", "containers-storage", "dir"})
"""Where layers lie unpacked as a matter of course."""
_LOCAL = frozenset({"docker-archive", "oci", "oci-archive", "dir"})
_WHOLE_FILES = frozenset({"docker-archive", "oci-archive"})
"""Where writing one image replaces all that was there."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.epilog = images.REFERENCES + _OUTPUTS
    parser.add_argument("image", metavar="IMAGE")
    parser.add_argument("-o", "--output", metavar="IMAGE", help="where to write the result, with its transport")
    parser.add_argument("--dry-run", action="store_true", help="tell what would be done, and write nothing")
    images.add_image_arguments(parser)
    parser.add_argument(
        "--all-platforms",
        action="store_true",
        help="squeeze all images of an index, into an index (default: the image of one platform)",
    )
    _add_base_arguments(parser)
    _add_packing_arguments(parser)
    _add_removing_arguments(parser)
    parser.add_argument("--format", choices=("text", "json", "markdown"), default="text", help="of the report")


_OUTPUTS = """

The result goes to docker://NAME, oci:DIR[:TAG], oci-archive:FILE[:TAG], docker-archive:FILE[:NAME], or to an engine.
That may be the place that was read: it is replaced only when the new one is complete. A registry's tag moves last."""


def _add_base_arguments(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group(
        "the base image", "its layers are shared with other images, and can stay as they are"
    )
    group.add_argument(
        "--keep-base",
        action=_boolean(),
        default=None,
        help="keep the base image's layers (default: where the base is known, by --base, --dockerfile or provenance, "
        "and layers at the bottom that would lose less than 1 %%)",
    )
    group.add_argument("--base", metavar="IMAGE", help="the image it was built from")
    images.add_dockerfile_arguments(group)  # type: ignore[arg-type]


def _boolean() -> type[argparse.Action]:
    import argparse

    return argparse.BooleanOptionalAction


def _add_packing_arguments(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("layers")
    group.add_argument(
        "--compress",
        metavar="HOW",
        default="keep",
        help="keep (default: as they were; plain layers become gzip where they are to travel), gzip[:0-12], "
        "zstd[:1-19], estargz[:1-12] (gzip, of which lazy engines fetch what is read), none. Layers whose files do not "
        "change are packed anew where that makes them smaller, for estargz in any case",
    )
    group.add_argument(
        "--layers",
        metavar="HOW",
        default="keep",
        help="keep (default), merge (one layer above the base), or a number of layers of about the same weight",
    )
    group.add_argument("--threads", type=int, metavar="N", help="threads that pack (default: one a core); same bytes")


def _add_removing_arguments(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("removing more", "each can be given several times; package databases follow")
    group.add_argument(
        "--drop", metavar="KINDS", action="append", default=[],
        help="kinds of waste, by comma, as `jettison analyze --waste` names them; all-safe: those that no running "
        "program can miss",
    )  # fmt: skip
    group.add_argument("--drop-path", metavar="GLOB", action="append", default=[], help="files and directories")
    group.add_argument("--drop-package", metavar="NAME", action="append", default=[], help="an installed package")
    group.add_argument(
        "--hardlink", action="store_true", help="make files of a layer that are equal in all but their names one file"
    )
    group.add_argument(
        "--strip", action="store_true", help="take symbol tables and debug sections out of programs and libraries"
    )
    group.add_argument(
        "--pack", metavar="GLOB", action="append", default=[],
        help="pack programs with UPX: smaller, but slower to start, and each process has its own copy in memory",
    )  # fmt: skip
    group.add_argument(
        "--pack-try",
        metavar="ARGUMENTS",
        help="run each program to be packed with these arguments (--pack-try=--version), packed and not, in a sandbox "
        "without a network: measures start-up and memory, and leaves alone what ends otherwise when packed",
    )
    group.add_argument(
        "--cargo",
        metavar="IMAGE",
        help="keep what was removed: an image that `restore` reads; `attach`, where the result goes to a registry: "
        "beside it, without a tag, as its referrer",
    )


def run(arguments: argparse.Namespace) -> int:
    """Squeeze, prove, write, report."""
    from jettison.cli.printing import emit
    from jettison.cli.squeeze_index import demand_whole, squeeze_index
    from jettison.rewrite.spool import Spool

    output = _output(arguments)
    cargo = _cargo(arguments, output)
    if arguments.all_platforms:
        return squeeze_index(arguments, output, cargo)
    demand_whole(arguments, output)
    with Spool(beside(output)) as spool:
        done = squeezed(arguments, lambda indexer: _open(arguments, indexer, spool), output, spool)
        notes: tuple[str, ...] = ()
        if output is not None and not arguments.dry_run:
            keep(done, cargo, arguments)
            notes = images.write_image(done.after or done.before, output, arguments)
    emit(_render(done, arguments), None)
    tell(arguments, [*done.notes, *notes, *without_cargo(done, cargo)])
    return 0


def _open(arguments: argparse.Namespace, indexer: Indexer, spool: Spool) -> Image:
    if arguments.dry_run:
        return images.open_image(arguments.image, arguments, indexer)
    return images.fetch_image(arguments.image, arguments, indexer, spool)


def squeezed(
    arguments: argparse.Namespace, opening: Callable[[Indexer], Image], output: Reference | None, spool: Spool
) -> Lightened:
    """One image, squeezed and proved, or what would become of it in a dry run; nothing is written to the output."""
    from jettison.cli.progress import Progress
    from jettison.image.indexer import Indexer
    from jettison.image.tree import stack
    from jettison.lighten import lighten, preview

    with Progress("reading", quiet=arguments.quiet) as progress:
        indexer = _indexer(arguments, progress)
        image = opening(indexer)
        sizes = [layer.stored_size for layer in image.layers]
        progress.expect(sum(size for size in sizes if size is not None) if None not in sizes else None)
        recipe = _recipe(arguments, image, output, indexer)
        dropping = _dropping(arguments, image, indexer, recipe.base)
        indexes = indexer.image(image)
    packer = _packer(arguments, image, stack(indexes), spool) if arguments.pack else None
    if arguments.dry_run:
        return preview(image, indexes, stack(indexes), recipe, dropping, packer)
    with Progress("writing", quiet=arguments.quiet) as progress:
        return lighten(
            image, recipe, spool, indexer, Indexer(), dropping=dropping, packer=packer, progress=progress.advance
        )


def _output(arguments: argparse.Namespace) -> Reference | None:
    from jettison.errors import UsageError
    from jettison.oci import reference as references

    if not arguments.output and not arguments.dry_run:
        raise UsageError("where should the result go? name it with -o, or try --dry-run")
    return references.parse(arguments.output) if arguments.output else None


def _cargo(arguments: argparse.Namespace, output: Reference | None) -> Reference | None:
    """Where cargo goes; the registry's repository that the result goes to, for cargo that is to be attached.

    Raises `UsageError` where that cannot be, before anything is written.
    """
    from jettison.errors import UsageError
    from jettison.oci import reference as references

    if not arguments.cargo:
        return None
    if arguments.cargo == ATTACH:
        if output is None or output.transport != "docker":
            raise UsageError("cargo is attached in registries only", hint="send the result to docker://… as well")
        return output
    target = references.parse(arguments.cargo)
    if target.transport is None:
        raise UsageError(
            f"--cargo {arguments.cargo}: say how to write it, for example oci:{arguments.cargo}, or attach"
        )
    if output is not None and _one_place(target, output):
        raise UsageError("the result and its cargo cannot be one image", where=arguments.cargo)
    if target.transport in _WHOLE_FILES and os.path.realpath(target.location) == _path(arguments.image):
        raise UsageError("cargo cannot take the place of the image that is being read", where=arguments.cargo)
    return target


def _one_place(one: Reference, other: Reference) -> bool:
    """Whether writing one would replace the other."""
    if one.transport in _LOCAL and other.transport in _LOCAL:
        same = os.path.realpath(one.location) == os.path.realpath(other.location)
        return same and (one.transport != "oci" or one.selector == other.selector)
    return one == other


def _path(image: str) -> str | None:
    """The file or directory that an image is read from, None for what lies elsewhere."""
    from jettison.oci import reference as references

    reference = references.parse(image)
    location = reference.location if reference.transport else references.split_path(reference.location)[0]
    return os.path.realpath(location) if reference.transport in (None, *_LOCAL) else None


def keep(done: Lightened, cargo: Reference | None, arguments: argparse.Namespace) -> None:
    """Write the cargo, if there is any: before the result, so that none is ever without.

    Attached cargo has no tag: it is found through the result, which its manifest names as its subject.
    """
    from dataclasses import replace

    if done.cargo is None or cargo is None:
        return
    if arguments.cargo == ATTACH and done.cargo.digest is not None:
        cargo = replace(cargo, location=str(replace(cargo.name, tag=None, digest=done.cargo.digest)))
    images.write_image(done.cargo, cargo, arguments)


def without_cargo(done: Lightened, cargo: Reference | None) -> list[str]:
    """What to say where cargo was asked for, and nothing was removed."""
    return ["nothing was removed, so there is no cargo"] if cargo is not None and done.cargo is None else []


def tell(arguments: argparse.Namespace, notes: Iterable[str]) -> None:
    """Notes on stderr."""
    if not arguments.quiet:
        for note in notes:
            print(f"jettison: note: {note}", file=sys.stderr)


def _indexer(arguments: argparse.Namespace, progress: Progress) -> Indexer:
    """One that looks into files only where something must be known of them: that takes memory."""
    from jettison.image.indexer import Indexer

    if arguments.drop or arguments.drop_path or arguments.drop_package or arguments.strip:
        return images.indexer(progress)
    return Indexer(progress=lambda layer: progress.advance(layer.stored_size or 0))


def _recipe(arguments: argparse.Namespace, image: Image, output: Reference | None, indexer: Indexer) -> Recipe:
    from jettison.errors import UsageError
    from jettison.lighten import Recipe
    from jettison.rewrite.finish import Choice
    from jettison.rewrite.packing import Packing

    packing = None if arguments.compress == "keep" else Packing.parse(arguments.compress, arguments.threads)
    plain = output is None or output.transport in _TAKE_PLAIN
    layers = {"keep": 0, "merge": 1}.get(arguments.layers)
    if layers is None:
        if not arguments.layers.isdecimal() or not 0 < int(arguments.layers) <= 100:
            raise UsageError(f"--layers {arguments.layers!r}", hint="write keep, merge, or a number from 1 to 100")
        layers = int(arguments.layers)
    return Recipe(
        base=_base_layers(arguments, image, indexer),
        all_layers=arguments.keep_base is False,
        choice=Choice(packing, Packing(None) if plain else Packing.parse("gzip", arguments.threads)),
        layers=layers or None,
        link=arguments.hardlink,
        strip=arguments.strip,
        keep_cargo=bool(arguments.cargo),
    )


def _base_layers(arguments: argparse.Namespace, image: Image, indexer: Indexer) -> int:
    """How many layers stay as they are. Raises `UsageError` where they should, and nobody knows which they are."""
    from jettison.errors import UsageError
    from jettison.origin import origins
    from jettison.rewrite.draft import shared_layers

    if arguments.keep_base is False:
        return 0
    if arguments.base:
        shared = shared_layers(image, images.open_image(arguments.base, arguments, indexer))
        if not shared:
            raise UsageError(f"{arguments.base} is not its base: they share no layer", where=arguments.image)
        return shared
    steps = images.steps(arguments, image)
    found = sum(1 for origin in origins(image, steps, None) if origin.base) if steps else 0
    if not found and arguments.keep_base:
        raise UsageError("the base image is not known", hint="name it with --base, or the Dockerfile with --dockerfile")
    return found


def _packer(arguments: argparse.Namespace, image: Image, tree: Tree, spool: Spool) -> Packer:
    """What packs the programs that were asked for. Raises `NotFound` where nothing matches, or UPX is not there."""
    import shlex
    from contextlib import suppress

    from jettison.dropping import matching
    from jettison.errors import NotFound, UsageError
    from jettison.rewrite.startup import Bench
    from jettison.rewrite.upx import Packer

    for glob in arguments.pack:
        matching(tree, glob)
    bench = None
    if arguments.pack_try is not None:
        try:
            bench = Bench(image, tree, shlex.split(arguments.pack_try), spool)
        except ValueError as error:
            raise UsageError(f"--pack-try {arguments.pack_try!r}: {error}") from None

    def wanted(now: Tree) -> set[bytes]:
        found: set[bytes] = set()
        for glob in arguments.pack:
            with suppress(NotFound):
                found |= matching(now, glob)
        return found

    return Packer(wanted, spool, bench)


def _dropping(arguments: argparse.Namespace, image: Image, indexer: Indexer, base: int) -> Dropping | None:
    from jettison.analysis import analyze
    from jettison.dropping import Wishes, chosen_kinds, resolve

    names = tuple(name for names in arguments.drop for name in names.split(",") if name)
    wishes = Wishes(names, tuple(arguments.drop_path), tuple(arguments.drop_package))
    if not wishes:
        return None
    chosen_kinds(names)
    analysis: Analysis = analyze(image, steps=images.steps(arguments, image), indexer=indexer)
    return resolve(wishes, analysis, base=base)


def beside(output: Reference | None) -> str | None:
    """Where temporary files go: beside a local output, so that they are where there must be room anyway."""
    if output is None or output.transport not in _LOCAL:
        return None
    return os.path.dirname(os.path.abspath(output.location))


def _render(done: Lightened, arguments: argparse.Namespace) -> bytes:
    from jettison.report.rewriting import json, markdown, text
    from jettison.report.style import Style

    if arguments.format == "json":
        return json.render(done) + b"\n"
    if arguments.format == "markdown":
        return markdown.render(done).encode()
    return ("\n".join(text.report(done, Style())) + "\n").encode("utf-8", "replace")
