"""The laws of rewriting, on random images: the same tree, never larger, nothing twice, the same bytes for everybody."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from images_on_demand import agreeing_image, indexer

from jettison.errors import ImageError
from jettison.image.check import check
from jettison.image.random import random_image
from jettison.image.tree import Tree, stack
from jettison.proof.same_tree import fingerprint, same_tree
from jettison.rewrite.cargo import cargo, restore
from jettison.rewrite.draft import Draft
from jettison.rewrite.finish import Choice, finish
from jettison.rewrite.links import link_duplicates
from jettison.rewrite.packing import Packing
from jettison.rewrite.relayer import relayer
from jettison.rewrite.spool import Spool
from jettison.rewrite.squeeze import demand_links, removable, squeeze

if TYPE_CHECKING:
    from jettison.image.image import Image
    from jettison.image.index import LayerIndex

SEEDS = st.integers(0, 10**9)


def sound(image: Image) -> bool:
    """False where a hard link leads to a directory or to nothing, which no engine unpacks."""
    draft, tree = drafted(image)
    try:
        demand_links(draft, tree)
    except ImageError:
        return False
    return True


IMAGES = st.one_of(SEEDS.map(random_image), SEEDS.map(agreeing_image)).filter(sound)
PACKINGS = st.sampled_from([None, Packing("gzip", 1), Packing("gzip", 6), Packing("zstd", 3), Packing(None)])


@dataclass
class Written:
    """A rewritten image that was read back."""

    image: Image
    indexes: list[LayerIndex]
    tree: Tree


def written(draft: Draft, spool: Spool, choice: Choice | None = None) -> Written:
    image = finish(draft, spool, choice)
    check(image).demand()
    indexes = indexer().image(image)
    return Written(image, indexes, stack(indexes))


def drafted(image: Image, base: int = 0) -> tuple[Draft, Tree]:
    indexes = indexer().image(image)
    return Draft.of(image, indexes, base=base), stack(indexes)


def demand_same(before: Tree, after: Tree) -> None:
    proof = same_tree(before, after)
    assert proof.holds, [str(difference) for difference in proof.differences]
    assert fingerprint(before) == fingerprint(after)


@given(IMAGES, st.integers(0, 3), PACKINGS)
@settings(max_examples=150, deadline=None)
def test_squeezing_keeps_the_tree(image: Image, base: int, packing: Packing | None) -> None:
    draft, tree = drafted(image, base)
    with Spool() as spool:
        result = written(squeeze(draft, step="squeezed"), spool, Choice(packing))
        demand_same(tree, result.tree)
        assert sum(index.raw for index in result.indexes) <= sum(index.raw for index in draft.indexes)
        for number in range(min(base, len(image.layers))):
            assert result.image.layers[number].diff_id == image.layers[number].diff_id


@given(IMAGES, st.integers(0, 3))
@settings(max_examples=80, deadline=None)
def test_squeezing_twice_changes_nothing(image: Image, base: int) -> None:
    draft, _ = drafted(image, base)
    with Spool() as spool:
        once = finish(squeeze(draft, step="squeezed"), spool)
        again = squeeze(Draft.of(once, indexer().image(once), base=draft.base), step="squeezed")
        assert again.unchanged
        assert finish(again, spool) is once


@given(IMAGES, st.integers(0, 2), st.integers(1, 5))
@settings(max_examples=120, deadline=None)
def test_other_layers_show_the_same_tree(image: Image, base: int, count: int) -> None:
    draft, tree = drafted(image, base)
    with Spool() as spool:
        once = written(relayer(squeeze(draft), count, "relayered"), spool)
        demand_same(tree, once.tree)
        assert len(once.image.layers) <= draft.base + count
        twice = Draft.of(once.image, once.indexes, base=draft.base)
        assert finish(relayer(squeeze(twice), count, "relayered"), spool) is once.image


@given(IMAGES, st.integers(0, 2), st.data())
@settings(max_examples=150, deadline=None)
def test_dropping_leaves_exactly_the_rest_and_cargo_gives_it_back(image: Image, base: int, data: st.DataObject) -> None:
    draft, tree = drafted(image, base)
    paths = sorted(path for path in tree.nodes if path)
    wanted = frozenset(data.draw(st.sets(st.sampled_from(paths))) if paths else ())
    gone = removable(draft, tree, wanted)
    with Spool() as spool:
        result = written(squeeze(draft, wanted, "dropped"), spool)
        proof = same_tree(tree, result.tree, gone=gone)
        assert not proof.beyond(gone, ())
        for path in gone - result.tree.nodes.keys():
            assert path not in result.tree.nodes
        indexes = indexer().image(image)
        kept = cargo(image, indexes, result.image, result.tree, spool, Packing("gzip", 1))
        demand_same(tree, stack(indexer().image(kept)))
        restored = restore(result.image, kept, indexer())
        check(restored).demand()
        demand_same(tree, stack(indexer().image(restored)))


@given(SEEDS.map(agreeing_image).filter(sound), st.data())
@settings(max_examples=80, deadline=None)
def test_what_is_dropped_is_gone(image: Image, data: st.DataObject) -> None:
    draft, tree = drafted(image)
    paths = sorted(path for path, node in tree.nodes.items() if path and node.children is None)
    wanted = frozenset(data.draw(st.sets(st.sampled_from(paths))) if paths else ())
    with Spool() as spool:
        result = written(squeeze(draft, wanted, "dropped"), spool)
        assert not wanted & result.tree.nodes.keys()


@given(IMAGES)
@settings(max_examples=60, deadline=None)
def test_linked_duplicates_show_the_same_content(image: Image) -> None:
    draft, tree = drafted(image)
    with Spool() as spool:
        result = written(link_duplicates(squeeze(draft)), spool)
        assert not same_tree(tree, result.tree).beyond((), (), links=True)


@pytest.mark.parametrize("packing", ["gzip", "gzip:9", "zstd", "zstd:7"])
def test_any_number_of_threads_gives_the_same_bytes(packing: str) -> None:
    data = random_image(7, members=400).layers[-1]
    tar = b"".join(data.uncompressed()) * 40
    digests = set()
    with Spool() as spool:
        for threads, size in ((1, 1000), (2, 1 << 20), (5, 70_000)):
            parts = (tar[at : at + size] for at in range(0, len(tar), size))
            digests.add(spool.write(parts, Packing.parse(packing, threads)).digest)
    assert len(digests) == 1


@pytest.mark.parametrize(
    "seed", [1000076, 1000098, 1000110, 1000219, 1000225, 1000871, 1001055, 1001171, 1001185, 1001352, 216, 7558]
)
def test_what_once_went_wrong(seed: int) -> None:
    dice = random.Random(seed)
    image = (random_image if seed % 2 else agreeing_image)(seed)
    if not sound(image):
        return
    draft, tree = drafted(image, dice.randrange(4))
    paths = sorted(path for path in tree.nodes if path)
    wanted = (
        frozenset(dice.sample(paths, dice.randrange(len(paths) + 1))) if paths and dice.random() < 0.6 else frozenset()
    )
    gone = removable(draft, tree, wanted)
    with Spool() as spool:
        squeezed = squeeze(draft, wanted, "dropped")
        if dice.random() < 0.3:
            squeezed = relayer(squeezed, dice.randrange(1, 4), "relayered")
        result = written(squeezed, spool)
        assert not same_tree(tree, result.tree, gone=gone).beyond(gone, ())
        demand_same(squeezed.tree(), result.tree)
        kept = cargo(image, indexer().image(image), result.image, result.tree, spool, Packing("gzip", 1))
        demand_same(tree, stack(indexer().image(kept)))
