"""The ledger: every byte of waste is booked once, under the first kind that claims it.

Hidden entries come first, then what package managers and installers leave, then packages nobody asked for, then
matters of taste; `Kind.rank` is that order. A file with several hard links weighs only when all its names are
claimed; a claim on a part of a file (its symbol tables) books that part and leaves the rest alone.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from jettison.finding import Measure
from jettison.image.entry import DIRECTORY, FILE, HARDLINK, SYMLINK, WHITEOUT
from jettison.waste import MAX_NAME, Claim, Kind, View, is_sane, kinds, modules
from jettison.waste.links import in_use

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from jettison.image.entry import Entry
    from jettison.image.weight import Weights

Key = tuple[int, int]
"""An entry: the number of its layer, and its number there."""


_LEFT = (b"tmp/", b"var/tmp/", b"var/log/")
"""Directories of leftovers that are told by a function."""


def _is_left(kind: Kind) -> bool:
    """True for what installing and building leave behind, as opposed to packages and matters of taste."""
    return kind.counts and kind.safe


@dataclass(frozen=True, slots=True)
class Item:
    """One path of a finding: its bytes, and the entry that they are booked on."""

    path: bytes
    raw: int
    compressed: float
    layer: int
    number: int


@dataclass(slots=True)
class Waste:
    """All of one kind that one layer carries and, for hidden entries, one layer hides (`by`).

    `raw` and `compressed` are the sums over `items`; `reasons` counts raw bytes by what the claims say.
    """

    kind: Kind
    layer: int
    by: int | None
    items: list[Item] = field(default_factory=list)
    reasons: Counter[str] = field(default_factory=Counter)

    @property
    def raw(self) -> int:
        """Uncompressed bytes."""
        return sum(item.raw for item in self.items)

    @property
    def compressed(self) -> int:
        """Bytes as transferred."""
        return round(sum(item.compressed for item in self.items))

    @property
    def measure(self) -> Measure:
        """Both sums."""
        return Measure(self.raw, self.compressed)


def payload(entry: Entry) -> int:
    """The bytes of content that an entry carries: a file's, holes of sparse files left out; 0 for all else."""
    return min(entry.size, entry.end - entry.start)


class Classifier:
    """Matches paths against all kinds that are told by path, in their order."""

    def __init__(self, candidates: Sequence[Kind]) -> None:
        self._rules = [
            (kind, re.compile(place or b""), re.compile(named) if named else None)
            for kind in candidates
            for place, named in ((kind.directory, kind.named), *kind.also)
            if place is not None or named is not None
        ]
        self._known: dict[bytes, list[tuple[Kind, re.Pattern[bytes] | None]]] = {}

    def kinds(self, path: bytes) -> Iterator[Kind]:
        """The kinds that match, in order; one may come twice."""
        directory, slash, name = path.rpartition(b"/")
        candidates = self._known.get(directory)
        if candidates is None and not is_sane(path):
            return
        if candidates is None:
            candidates = [(kind, named) for kind, place, named in self._rules if place.match(directory + slash)]
            self._known[directory] = candidates
        if len(name) > MAX_NAME:
            return
        for kind, named in candidates:
            if named is None or named.fullmatch(name):
                yield kind


class Ledger:
    """Books claims. `booked` maps an entry to the kind it was booked under."""

    def __init__(self, view: View, weights: Sequence[Weights]) -> None:
        self._view = view
        self._weights = weights
        self._found: dict[tuple[str, int, int | None], Waste] = {}
        self._claims: list[tuple[Kind, Claim, Entry]] = []
        self._in_use: Callable[[bytes], bool] = lambda path: False
        self.booked: dict[Key, Kind] = {}

    def run(self) -> list[Waste]:
        """Let all kinds claim in order; the findings, largest first."""
        started = self._view.started
        classifier = Classifier([kind for kind in kinds() if not (kind.used_by and re.search(kind.used_by, started))])
        self._in_use = in_use(
            self._view.tree, lambda path: path.startswith(_LEFT) or any(map(_is_left, classifier.kinds(path)))
        )
        by_path = self._match_paths(classifier)
        detected: dict[int, dict[str, list[Claim]]] = {}
        for kind in kinds():
            for claim in by_path.pop(kind.name, ()):
                self._claim(kind, claim)
            for number, module in enumerate(modules()):
                if kind in module.KINDS and hasattr(module, "detect"):
                    if number not in detected:
                        detected[number] = {}
                        for found, claim in module.detect(self._view):
                            detected[number].setdefault(found.name, []).append(claim)
                    for claim in detected[number].get(kind.name, ()):
                        self._claim(kind, claim)
        self._book()
        return sorted(self._found.values(), key=lambda waste: (-waste.raw, waste.kind.rank, waste.layer))

    def _match_paths(self, classifier: Classifier) -> dict[str, list[Claim]]:
        found: dict[str, list[Claim]] = {}
        for path, node in self._view.tree.nodes.items():
            if node.layer < 0 or node.entry.kind not in (FILE, HARDLINK, SYMLINK):
                continue
            for kind in classifier.kinds(path):
                if kind.links or node.entry.kind != SYMLINK:
                    found.setdefault(kind.name, []).append(Claim(node.layer, node.number))
        return found

    def _claim(self, kind: Kind, claim: Claim) -> None:
        key = (claim.layer, claim.number)
        if _is_left(kind) and self._is_seen(key) and self._in_use(self._entry(key).path):
            return
        behind = self._view.misses.get(key)
        if key in self.booked and behind is not None and behind not in self.booked:
            key = behind  # the visible file should not be there; what it says of its kind holds for the hidden one
            claim = replace(claim, layer=key[0], number=key[1])
        if key in self.booked:
            return
        self.booked[key] = kind
        self._view.taken.add(key)
        self._claims.append((kind, claim, self._entry(key)))

    def _entry(self, key: Key) -> Entry:
        return self._view.indexes[key[0]].entries[key[1]]

    def _is_seen(self, key: Key) -> bool:
        node = self._view.tree.get(self._entry(key).path)
        return node is not None and (node.layer, node.number) == key

    def _book(self) -> None:
        links = self._links()
        for kind, claim, entry in self._claims:
            key = (claim.layer, claim.number)
            if claim.raw is not None:
                size = payload(entry)
                share = min(claim.raw, size) / (entry.end - entry.start)
                self._enter(kind, claim, entry, min(claim.raw, size), share)
            elif entry.kind == HARDLINK:
                self._book_link(kind, claim, entry, links)
            elif key not in links.names or all(name in self.booked for name in links.names[key]):
                self._enter(kind, claim, entry, payload(entry))

    def _book_link(self, kind: Kind, claim: Claim, entry: Entry, links: _Links) -> None:
        """A claimed hard link: it weighs nothing itself, but takes along content that no other name shows any more."""
        self._enter(kind, claim, entry, 0)
        content = links.contents.get((claim.layer, claim.number))
        if content is None or content in self.booked or content in links.visible:
            return
        if all(name in self.booked for name in links.names[content]):
            self.booked[content] = kind
            held = self._view.indexes[content[0]].entries[content[1]]
            self._enter(kind, replace(claim, layer=content[0], number=content[1]), held, payload(held), path=entry.path)

    def _enter(
        self, kind: Kind, claim: Claim, entry: Entry, raw: int, share: float = 1.0, path: bytes | None = None
    ) -> None:
        compressed = self._weights[claim.layer].between(entry.start, entry.end) * share
        place = (kind.name, claim.layer, claim.by)
        waste = self._found.get(place)
        if waste is None:
            waste = self._found[place] = Waste(kind, claim.layer, claim.by)
        waste.items.append(Item(path or entry.path, raw, compressed, claim.layer, claim.number))
        if claim.reason:
            waste.reasons[claim.reason] += raw

    def _links(self) -> _Links:
        links = _Links()
        for node in self._view.tree.nodes.values():
            if node.entry.kind == HARDLINK and node.inode is not node and node.inode.layer >= 0:
                name, content = (node.layer, node.number), (node.inode.layer, node.inode.number)
                links.contents[name] = content
                links.names.setdefault(content, []).append(name)
                if self._view.tree.get(node.inode.entry.path) is node.inode:
                    links.visible.add(content)
        return links


@dataclass(slots=True)
class _Links:
    """The visible hard links: each name's content, each content's further names, and which have their own path too."""

    contents: dict[Key, Key] = field(default_factory=dict)
    names: dict[Key, list[Key]] = field(default_factory=dict)
    visible: set[Key] = field(default_factory=set)


def shipped(entries: Sequence[Entry]) -> int:
    """The payload of a layer."""
    return sum(payload(entry) for entry in entries)


def is_marker(entry: Entry) -> bool:
    """True for whiteouts and opaque markers, which are not content."""
    return entry.name.startswith(WHITEOUT) and entry.kind != DIRECTORY
