"""Making an image lighter: what to drop is found, the image rewritten, and the result held against the original.

Every rewrite is proved before anybody is given it: the layers as they were written are indexed again, and the tree that
they make must be the original's, path by path, but for what was meant to go or to change.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from jettison.errors import ImageError
from jettison.image.check import check
from jettison.image.tar import END
from jettison.image.tree import stack
from jettison.origin import command_of
from jettison.proof.same_tree import SameTree, same_tree
from jettison.rewrite.cargo import cargo as make_cargo
from jettison.rewrite.draft import Draft
from jettison.rewrite.finish import Choice, finish
from jettison.rewrite.links import link_duplicates
from jettison.rewrite.relayer import relayer
from jettison.rewrite.squeeze import left, squeeze
from jettison.rewrite.strip import strip_programs

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from jettison.dropping import Dropping
    from jettison.image.image import Image
    from jettison.image.index import LayerIndex
    from jettison.image.indexer import Indexer
    from jettison.image.tree import Tree
    from jettison.rewrite.spool import Spool
    from jettison.rewrite.upx import Packer, Program


WORTHWHILE = 0.01
"""The share of its bytes that a layer at the bottom must lose to be written anew."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """What to do to an image, besides squeezing it.

    The first `base` layers stay as they are; more of those at the bottom do, unless `all_layers` says otherwise, where
    they would lose next to nothing (`WORTHWHILE`): other images may share them. `layers` is a number of layers to make
    above them, None to keep the structure. `link` makes duplicates hard links, `strip` takes symbols out of programs.
    `keep_cargo` asks for what was thrown out. `name` is the command that the history tells of.
    """

    base: int = 0
    all_layers: bool = False
    choice: Choice = field(default_factory=Choice)
    layers: int | None = None
    link: bool = False
    strip: bool = False
    keep_cargo: bool = False
    name: str = "squeeze"


@dataclass(frozen=True, slots=True)
class LayerChange:
    """One layer before and after: what made it, its bytes of tar (`raw`) and of its blob (`stored`), its members.

    `before` or `after` is None for a layer that is new, or gone.
    """

    command: str
    before: LayerFacts | None
    after: LayerFacts | None

    @property
    def kept(self) -> bool:
        """True where it is the same blob."""
        return self.before is not None and self.after is not None and self.before.digest == self.after.digest

    @property
    def fate(self) -> str:
        """What became of it, in a word: `kept`, `repacked`, `rewritten`, `gone` or `new`."""
        if self.before is None or self.after is None:
            return "gone" if self.after is None else "new"
        if self.kept:
            return "kept"
        return "repacked" if self.after.diff_id == self.before.diff_id else "rewritten"


@dataclass(frozen=True, slots=True)
class LayerFacts:
    """A layer's digest, bytes of tar and of blob, what it is packed with, and its number of members.

    Digest and bytes of the blob are None of a layer that was not written.
    """

    diff_id: str | None
    digest: str | None
    raw: int
    stored: int | None
    packed: str | None
    members: int

    @classmethod
    def of(cls, index: LayerIndex) -> LayerFacts:
        """From a layer's index."""
        return cls(index.diff_id, index.blob, index.raw, index.stored, index.compression, len(index.entries))


@dataclass(frozen=True, slots=True)
class Lightened:
    """What came out: the images, the evidence, and what was done.

    `after` and `proof` are None where nothing was written. `proof` compares the trees; `gone` are paths that were
    dropped, `changed` files whose content was changed on purpose: the proof found no difference beyond them, or there
    would be no result. `dropped` tells of each wish its files and bytes, `packed` of each program that UPX packed,
    `notes` say what could not be done.
    """

    before: Image
    after: Image | None
    proof: SameTree | None
    layers: tuple[LayerChange, ...]
    gone: frozenset[bytes] = frozenset()
    changed: frozenset[bytes] = frozenset()
    dropped: tuple[tuple[str, int, int], ...] = ()
    notes: tuple[str, ...] = ()
    packed: tuple[Program, ...] = ()
    cargo: Image | None = None

    @property
    def unchanged(self) -> bool:
        """True when there was nothing to do."""
        return all(layer.kept for layer in self.layers)


@dataclass(slots=True)
class _Work:
    """A draft on its way, with the paths that are meant to differ."""

    draft: Draft
    gone: frozenset[bytes] = frozenset()
    changed: set[bytes] = field(default_factory=set)
    notes: list[str] = field(default_factory=list)


def lighten(
    image: Image,
    recipe: Recipe,
    spool: Spool,
    indexer: Indexer,
    reader: Indexer | None = None,
    *,
    dropping: Dropping | None = None,
    packer: Packer | None = None,
    progress: Callable[[int], None] | None = None,
) -> Lightened:
    """The image made lighter, proved. New layers lie in the `spool`. Raises `ImageError` where the proof fails.

    `indexer` knows the image, with probes where anything is to be dropped or stripped; `reader` indexes what was
    written (default: the same one). `packer` packs programs with UPX.
    """
    reader = reader or indexer
    indexes = indexer.image(image)
    tree = stack(indexes)
    work = plan(image, indexes, tree, recipe, dropping, packer)
    result = finish(work.draft, spool, recipe.choice, name=recipe.name, progress=progress)
    facts = [LayerFacts.of(index) for index in indexes]
    if result is image:
        return Lightened(
            image, image, same_tree(tree, tree), _changes(work.draft, facts, facts), notes=tuple(work.notes)
        )
    after = reader.image(result)
    shown = stack(after)
    proof = same_tree(tree, shown, gone=work.gone)
    beyond = proof.beyond(work.gone, work.changed, links=recipe.link) + same_tree(work.draft.tree(), shown).differences
    if beyond:
        check(image).demand()  # what is known of its layers may be older than a damage
        raise ImageError(
            f"the rewritten image would not show the same files ({len(beyond):,} differences; {beyond[0]}); "
            "nothing was written",
            where=image.reference,
            hint="this is a bug in jettison; please report it with the image's layers",
        )
    cargo = None
    if recipe.keep_cargo:
        packing = recipe.choice.changed("gzip")
        cargo = make_cargo(image, indexes, result, shown, spool, packing)
        restored = same_tree(tree, stack(reader.image(cargo)))
        if not restored.holds:
            raise ImageError(f"the cargo would not restore the image: {restored.differences[0]}", where=image.reference)
    return Lightened(
        before=image,
        after=result,
        proof=proof,
        layers=_changes(work.draft, facts, [LayerFacts.of(index) for index in after]),
        gone=frozenset(path for path in work.gone if path in tree.nodes and path not in shown.nodes),
        changed=frozenset(work.changed),
        dropped=dropping.kinds if dropping is not None else (),
        packed=tuple(packer.programs) if packer is not None else (),
        notes=tuple(work.notes),
        cargo=cargo,
    )


def preview(
    image: Image,
    indexes: Sequence[LayerIndex],
    tree: Tree,
    recipe: Recipe,
    dropping: Dropping | None = None,
    packer: Packer | None = None,
) -> Lightened:
    """What would be done, as far as that is known before the layers are packed; nothing is written."""
    work = plan(image, indexes, tree, recipe, dropping, packer)
    facts: list[LayerFacts] = []
    for layer in work.draft.layers:
        if layer.untouched and layer.origin is not None:
            facts.append(LayerFacts.of(indexes[layer.origin]))
        else:
            facts.append(LayerFacts(None, None, layer.raw + len(END), None, None, len(layer.members)))
    return Lightened(
        before=image,
        after=None,
        proof=None,
        layers=_changes(work.draft, [LayerFacts.of(index) for index in indexes], facts),
        gone=work.gone,
        changed=frozenset(work.changed),
        dropped=dropping.kinds if dropping is not None else (),
        packed=tuple(packer.programs) if packer is not None else (),
        notes=tuple(work.notes),
    )


def plan(
    image: Image,
    indexes: Sequence[LayerIndex],
    tree: Tree,
    recipe: Recipe,
    dropping: Dropping | None = None,
    packer: Packer | None = None,
) -> _Work:
    """The draft of the result; nothing but small files is read for it, and programs that are stripped or packed."""
    work = _Work(Draft.of(image, indexes, base=recipe.base))
    step = None
    if dropping is not None:
        work.notes += dropping.notes
        work.draft = dropping.edited(work.draft)
        work.changed |= dropping.edits.keys()
        work.gone = dropping.gone
        work.notes += [f"{count:,} paths stay: {why}" for why, count in left(work.draft, tree, work.gone).items()]
        step = dropping.step
    if recipe.strip:
        work.draft, stripped = strip_programs(work.draft, "programs stripped", besides=work.gone)
        work.changed |= stripped
    if packer is not None:
        work.draft = packer.pack(work.draft, besides=work.gone)
        work.changed |= packer.changed
        work.notes += packer.notes()
    work.draft = _squeezed(work, step or "squeezed", recipe)
    if recipe.link:
        work.draft = link_duplicates(work.draft, "duplicates linked")
    if recipe.layers is not None:
        work.draft = relayer(work.draft, recipe.layers, f"layers made {recipe.layers}")
    return work


def _squeezed(work: _Work, step: str, recipe: Recipe) -> Draft:
    """The work's draft, squeezed, with the layers kept that are not worth another digest."""
    squeezed = squeeze(work.draft, work.gone, step)
    if recipe.all_layers:
        return squeezed
    new = {layer.origin: layer for layer in squeezed.layers}
    base = recipe.base
    for number in range(base, len(work.draft.layers)):
        layer = work.draft.layers[number]
        raw = work.draft.indexes[number].raw if layer.untouched else 0
        if layer.origin not in new or not layer.untouched or raw - new[layer.origin].raw > raw * WORTHWHILE:
            break
        if any(member.entry.path in work.gone for member in layer.members):
            break
        base = number + 1
    return squeeze(replace(work.draft, base=base), work.gone, step) if base > recipe.base else squeezed


def _changes(draft: Draft, before: Sequence[LayerFacts], after: Sequence[LayerFacts]) -> tuple[LayerChange, ...]:
    """The layers of both images side by side; those that are gone stand where they were."""
    commands = _commands(draft.image)
    new = {layer.origin: facts for layer, facts in zip(draft.layers, after, strict=True) if layer.origin is not None}
    rows = [LayerChange(commands[number], facts, new.get(number)) for number, facts in enumerate(before)]
    fresh = [facts for layer, facts in zip(draft.layers, after, strict=True) if layer.origin is None]
    return (*rows, *(LayerChange("new layer", None, facts) for facts in fresh))


def _commands(image: Image) -> list[str]:
    return [command_of(step) for step, layer in image.steps() if layer is not None]
