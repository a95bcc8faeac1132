"""Cargo: what a rewrite threw out, as one layer which, laid on the result, gives the original tree back, exactly.

The cargo is an image of its own: the layers of the result, which it shares, and that one layer above them. A container
of it sees what the original showed. Its manifest names the result as its subject, so that registries list it there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from jettison.errors import ImageError
from jettison.image.tree import stack
from jettison.oci.descriptor import Descriptor
from jettison.proof.same_tree import fingerprint, linked, same_tree
from jettison.rewrite.documents import Step
from jettison.rewrite.draft import Draft, DraftLayer
from jettison.rewrite.finish import described, rope, written
from jettison.rewrite.layering import directories, whiteouts
from jettison.rewrite.rope import RopeReader
from jettison.rewrite.survivors import survivors

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jettison.image.image import Image
    from jettison.image.index import LayerIndex
    from jettison.image.indexer import Indexer
    from jettison.image.tree import Tree
    from jettison.rewrite.packing import Packing
    from jettison.rewrite.spool import Spool

TREE = "dev.jettison.cargo.tree"
"""The annotation, and the mark in the history, with the fingerprint of the tree that result and cargo make."""


def cargo(
    original: Image,
    indexes: Sequence[LayerIndex],
    result: Image,
    shown: Tree,
    spool: Spool,
    packing: Packing,
) -> Image:
    """The cargo of a rewrite of `original` that made `result`, which shows the tree `shown`."""
    tree = stack(indexes)
    layer = cargo_layer(Draft.of(original, indexes), tree, shown)
    reader = RopeReader(original.layers, original.reference)
    blob = spool.write(reader.read(rope(layer)), packing)
    mark = fingerprint(tree)
    subject = None
    if result.manifest is not None and result.manifest_bytes is not None:
        media_type = result.manifest.media_type
        subject = Descriptor(media_type=media_type, digest=str(result.digest), size=len(result.manifest_bytes))
    return described(
        result,
        [*result.layers, written(blob)],
        set(range(len(result.layers))),
        [Step("jettison cargo", f"{TREE}={mark}", makes_layer=True)],
        annotations={TREE: mark},
        subject=subject,
    )


def cargo_layer(draft: Draft, tree: Tree, shown: Tree) -> DraftLayer:
    """The layer that makes `tree`, the draft's own, of the tree `shown`."""
    changed = {difference.path for difference in same_tree(shown, tree).differences if difference.path in tree.nodes}
    changed |= linked(tree, changed)
    found = survivors(draft, tree, frozenset(tree.nodes.keys() - changed), forced=True).members
    members = [member for _, member in sorted(found.items()) if tree.nodes[member.entry.path].children is None]
    removing = whiteouts(shown, tree)
    paths = [member.entry.path for member in (*removing, *members)]
    folders = [path for path in changed if tree.nodes[path].children is not None]
    return DraftLayer((*directories(paths + folders, tree, besides=folders), *removing, *members))


def restore(result: Image, cargo: Image, indexer: Indexer) -> Image:
    """The image with the original tree, of a result and its cargo. Raises `ImageError` where they do not match."""
    if not cargo.layers or [layer.diff_id for layer in cargo.layers[:-1]] != [layer.diff_id for layer in result.layers]:
        raise ImageError(
            f"this is not the cargo of {result.reference}: its layers are others",
            where=cargo.reference,
            hint="a cargo belongs to one result; `jettison history` shows the layers of both",
        )
    mark = _mark(cargo)
    if mark is None:
        raise ImageError("this is no cargo: nothing in it says which tree it restores", where=cargo.reference)
    restored = described(
        result,
        [*result.layers, cargo.layers[-1]],
        set(range(len(result.layers))),
        [Step("jettison restore", makes_layer=True)],
    )
    found = fingerprint(stack(indexer.image(restored)))
    if found != mark:
        raise ImageError(f"the restored tree is {found}; the cargo says {mark}", where=cargo.reference)
    return restored


def _mark(cargo: Image) -> str | None:
    annotations = (cargo.manifest.annotations if cargo.manifest else None) or {}
    if TREE in annotations:
        return annotations[TREE]
    comments = [step.comment or "" for step in cargo.config.steps]
    return next((text.partition("=")[2] for text in reversed(comments) if text.startswith(TREE + "=")), None)
