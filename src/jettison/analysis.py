"""The analysis of an image: where the weight is, whose line put it there, what can go, and what would be left."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from jettison import packages
from jettison.finding import Measure
from jettison.image.indexer import Indexer
from jettison.image.probe import ProbeSet
from jettison.image.tree import stack
from jettison.origin import Origin, Step, origins
from jettison.waste import View, context
from jettison.waste.exposed import Exposure, exposures
from jettison.waste.ledger import Ledger, Waste, payload, shipped

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from jettison.image.image import Image
    from jettison.image.index import LayerIndex
    from jettison.image.layer import Layer
    from jettison.image.tree import Tree
    from jettison.packages import Inventory


@dataclass(frozen=True, slots=True)
class LayerReport:
    """One layer: bytes of content (`raw`) and as transferred (`compressed`), its members, where it comes from."""

    number: int
    layer: Layer
    index: LayerIndex
    origin: Origin
    raw: int
    compressed: int
    waste: int
    """Raw bytes of this layer that are waste."""


@dataclass(frozen=True, slots=True)
class Prediction:
    """What would be left after a change of the Dockerfile, all changes named before it included."""

    title: str
    fixes: tuple[str, ...]
    saved: Measure
    left: Measure


@dataclass(frozen=True, slots=True)
class Analysis:
    """All that was found. Bytes are uncompressed content (`raw`) or as transferred (`compressed`).

    `exact` tells whether compressed bytes were read off stored blobs or, where the image is stored unpacked, sampled
    as gzip (see `jettison.image.weight`). `efficiency` is the share of shipped bytes that are neither hidden,
    duplicated nor left over by installers (docs/efficiency.md).
    """

    image: Image
    layers: tuple[LayerReport, ...]
    tree: Tree
    inventory: Inventory
    waste: tuple[Waste, ...]
    exposures: tuple[Exposure, ...]
    predictions: tuple[Prediction, ...]
    total: Measure
    visible: int
    efficiency: float
    exact: bool
    base_layers: int | None
    notes: tuple[str, ...]

    @property
    def wasted(self) -> Measure:
        """The sum of all waste."""
        return Measure(sum(w.raw for w in self.waste), sum(w.compressed for w in self.waste))

    @property
    def reclaimable(self) -> int:
        """Raw bytes of the kinds that count against the efficiency."""
        return sum(w.raw for w in self.waste if w.kind.counts)


def probes() -> ProbeSet:
    """The probes that an analysis needs."""
    return ProbeSet(packages.probes())


def analyze(
    image: Image,
    *,
    steps: Sequence[Step] | None = None,
    base: Image | None = None,
    indexer: Indexer | None = None,
    progress: Callable[[Layer], None] | None = None,
) -> Analysis:
    """Analyse an image. Raises `ImageError` where its bytes are wrong.

    `steps` are the final stage's instructions of its Dockerfile (`jettison.dockerfile`), `base` the image it was built
    from, where they are known.
    """
    indexer = indexer or Indexer(probes(), progress=progress)
    indexes = indexer.image(image)
    weights = indexer.weigh(image, indexes)
    tree = stack(indexes)
    base_layers = _shared_layers(image, base) if base is not None else None
    sources = origins(image, steps, base_layers)
    if base_layers is None and any(origin.base is not None for origin in sources):
        base_layers = sum(1 for origin in sources if origin.base)
    inventory = packages.inventory(tree, indexes, base_layers=base_layers if base_layers is not None else 1)
    view = View(image, indexes, tree, inventory, sources)
    context.find(view)
    waste = Ledger(view, weights).run()
    raw = [shipped(index.entries) for index in indexes]
    compressed = [weight.total for weight in weights]
    total = Measure(sum(raw), sum(compressed))
    wasted_in: dict[int, int] = {}
    for found in waste:
        wasted_in[found.layer] = wasted_in.get(found.layer, 0) + found.raw
    reclaimable = sum(found.raw for found in waste if found.kind.counts)
    reports = tuple(
        LayerReport(n, layer, index, origin, raw[n], compressed[n], wasted_in.get(n, 0))
        for n, (layer, index, origin) in enumerate(zip(image.layers, indexes, sources, strict=True))
    )
    return Analysis(
        image=image,
        layers=reports,
        tree=tree,
        inventory=inventory,
        waste=tuple(waste),
        exposures=tuple(exposures(view)),
        predictions=tuple(_predict(waste, total, base_layers or 0)),
        total=total,
        visible=sum(payload(node.entry) for node in {node.inode for node in tree.nodes.values()}),
        efficiency=1.0 - reclaimable / sum(raw) if sum(raw) else 1.0,
        exact=all(weight.exact for weight in weights),
        base_layers=base_layers,
        notes=tuple(f"layer {n}: {note}" for n, index in enumerate(indexes) for note in index.notes)
        + tuple(tree.notes),
    )


_CHANGES = (
    ("do and clean up in one RUN", ("one-run",)),
    ("and --no-install-recommends", ("no-recommends",)),
    ("and a complete .dockerignore", ("ignore",)),
    ("and production dependencies only", ("production",)),
    ("and build tools left in a build stage", ("stage",)),
    ("and documentation, locales, bytecode, duplicates dropped", ("drop",)),
)


def _predict(waste: Sequence[Waste], total: Measure, base_layers: int) -> list[Prediction]:
    """What each change of the Dockerfile would leave. A Dockerfile cannot take bytes out of its base image."""
    found: list[Prediction] = []
    done: tuple[str, ...] = ()
    for title, fixes in _CHANGES:
        done += fixes
        gone = [w for w in waste if w.kind.fix in done and w.layer >= base_layers]
        if not any(w.kind.fix in fixes and w.layer >= base_layers for w in waste):
            continue
        saved = Measure(sum(w.raw for w in gone), sum(w.compressed for w in gone))
        left = Measure((total.raw or 0) - (saved.raw or 0), (total.compressed or 0) - (saved.compressed or 0))
        found.append(Prediction(title if found else title.removeprefix("and "), done, saved, left))
    return found


def _shared_layers(image: Image, base: Image) -> int:
    """How many layers at the bottom both images share, by diff_id."""
    shared = 0
    for mine, theirs in zip(image.layers, base.layers, strict=False):
        if mine.diff_id != theirs.diff_id:
            break
        shared += 1
    return shared
