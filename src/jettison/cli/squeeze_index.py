"""`jettison squeeze --all-platforms`: every image of an index squeezed and proved, then written as one index."""

from __future__ import annotations

import os
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from jettison.cli import squeeze
from jettison.errors import InputError, UsageError
from jettison.oci import reference as references

if TYPE_CHECKING:
    import argparse

    from jettison.image.graph import Graph, Node
    from jettison.image.image import Image
    from jettison.image.indexer import Indexer
    from jettison.oci.reference import Reference


def squeeze_index(arguments: argparse.Namespace, output: Reference | None, cargo: Reference | None) -> int:
    """Squeeze all images of what was named; all of them are written, or none."""
    from jettison.cli.printing import emit
    from jettison.cli.progress import Progress
    from jettison.report.rewriting import platforms
    from jettison.rewrite.platforms import with_images
    from jettison.rewrite.spool import Spool
    from jettison.stores import write_graph

    graph = _graph(arguments, output, cargo)
    with Spool(squeeze.beside(output)) as spool:
        rows = []
        for _, node in graph.images():
            rows.append(squeeze.squeezed(arguments, partial(_open, graph, node), output, spool))
        replaced = with_images(graph, {str(done.before.digest): done.after or done.before for done in rows})
        if output is not None and not arguments.dry_run:
            for done in rows:
                squeeze.keep(done, cargo, arguments)
            with Progress("sending", quiet=arguments.quiet) as progress:
                progress.expect(sum(blob.size for blobs in replaced.graph.blobs() for blob in blobs))
                write_graph(replaced.graph, output, told=progress.advance)
    whole = platforms.Squeezed(graph.root.digest, replaced.graph.root.digest, tuple(rows), replaced.attestations)
    emit(platforms.render(whole, arguments.format), None)
    notes = [note for row in rows for note in (*row.notes, *squeeze.without_cargo(row, cargo))]
    squeeze.tell(arguments, dict.fromkeys(notes))
    return 0


def _open(graph: Graph, node: Node, indexer: Indexer) -> Image:
    return graph.image(node, attested=True)


def _graph(arguments: argparse.Namespace, output: Reference | None, cargo: Reference | None) -> Graph:
    """The index to squeeze. Raises `UsageError` where it, its cargo or the result cannot be had whole."""
    from jettison import stores

    if arguments.platform:
        raise UsageError("--platform and --all-platforms exclude each other")
    if output is not None and not stores.holds_graphs(output.transport):
        raise UsageError(
            f"{output.transport} holds images of one platform",
            where=str(output),
            hint="send the result to docker://, oci: or oci-archive:",
        )
    if cargo is not None and arguments.cargo != squeeze.ATTACH:
        raise UsageError("each platform has a cargo of its own", hint="write --cargo attach")
    found = stores.resolve(arguments.image)
    if not stores.holds_graphs(found.transport):
        raise UsageError(f"{found.transport} holds images of one platform", where=str(found))
    graph = stores.open_graph(found)
    if not graph.images():
        raise InputError("there is no image in it", where=str(found))
    return graph


def demand_whole(arguments: argparse.Namespace, output: Reference | None) -> None:
    """Raises `UsageError` where the image of one platform would take the place of an index of several, unasked."""
    from jettison import stores

    if output is None or arguments.platform or arguments.dry_run or not stores.holds_graphs(output.transport):
        return
    if not _is_same(arguments.image, output):
        return
    platforms = [str(platform or "unnamed") for platform, _ in stores.open_graph(output).images()]
    if len(platforms) > 1:
        raise UsageError(
            f"it would lose all platforms but one: {', '.join(platforms[:20])}",
            where=str(output),
            hint="squeeze them all with --all-platforms, or choose the one to keep with --platform",
        )


def _is_same(text: str, output: Reference) -> bool:
    """Whether what was read is what is to be written."""
    source = references.parse(text)
    if source.transport is not None:
        return source == output
    if output.transport == "docker":
        with suppress(UsageError):
            return references.parse_name(text) == output.name
        return False
    path, selector = references.split_path(text)
    return os.path.exists(path) and (os.path.realpath(path), selector) == (
        os.path.realpath(output.location),
        output.selector,
    )
