"""Laws of the ledger, on images on demand: nothing is booked twice, and no sum exceeds what there is."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from hypothesis import given, settings
from hypothesis import strategies as st

from jettison.analysis import Analysis, analyze, probes
from jettison.image.cache import Cache
from jettison.image.entry import HARDLINK
from jettison.image.indexer import Indexer
from jettison.image.random import random_image
from jettison.waste.ledger import is_marker, payload
from waste.binaries import unstripped
from waste.layering import GONE, OPAQUE, analysis, directory, file, hard, image, link

if TYPE_CHECKING:
    from jettison.image.image import Image
    from waste.layering import Layer, Member

seeds = st.integers(0, 2**32)
compressions = st.sampled_from([None, "gzip", "zstd"])
slow = settings(deadline=None, max_examples=60)


def analysed(image: Image) -> Analysis:
    return analyze(image, indexer=Indexer(probes(), Cache(None)))


PATHS = [
    "app/main.py",
    "app/__pycache__/main.cpython-311.pyc",
    "usr/share/doc/x/README",
    "usr/share/doc/x/copyright",
    "usr/share/man/man1/x.1",
    "var/cache/apt/archives/x.deb",
    "var/lib/apt/lists/x_Packages",
    "var/log/x.log",
    "tmp/x/y",
    "root/.cache/pip/http/a",
    "src/.git/objects/pack",
    "lib/libx.a",
    "opt/a/b/c",
    "opt/a/b/d",
]
DIRECTORIES = ["app", "usr/share/doc/x", "usr", "opt/a", "opt/a/b", "var", "tmp"]
BODIES = [b"", b"short", b"a" * 5000, b"b" * 5000, bytes(range(256)) * 40]


@st.composite
def layers(draw: st.DrawFn) -> dict[str, Member]:
    """A layer without contradictions, so that the order of its members says nothing."""
    paths = draw(st.lists(st.sampled_from(PATHS), unique=True, max_size=8))
    members: dict[str, Member] = {}
    for path in paths:
        what = draw(st.sampled_from(["file", "file", "file", "chmod", "link", "gone"]))
        if what == "gone":
            members[path] = GONE
        elif what == "link":
            members[path] = link("/nowhere")
        else:
            members[path] = file(draw(st.sampled_from(BODIES)), mode=0o755 if what == "chmod" else 0o644)
    for name in draw(st.lists(st.sampled_from(DIRECTORIES), unique=True, max_size=2)):
        inside = any(path.startswith(name + "/") for path in members)
        members[name] = directory() if inside else draw(st.sampled_from([OPAQUE, GONE, directory()]))
    return members


@st.composite
def linked_layers(draw: st.DrawFn) -> dict[str, Member]:
    """The same with hard links to files of the layer, which come after them."""
    members = draw(layers())
    files = [path for path, member in members.items() if isinstance(member, tuple)]
    free = [path for path in PATHS if path not in members]
    for path in draw(st.lists(st.sampled_from(free), unique=True, max_size=3)) if files and free else []:
        members[path] = hard(draw(st.sampled_from(files)))
    return members


def check(found: Analysis) -> None:
    seen: set[tuple[int, int]] = set()
    raw: Counter[int] = Counter()
    compressed: Counter[int] = Counter()
    for waste in found.waste:
        for item in waste.items:
            entry = found.layers[item.layer].index.entries[item.number]
            assert (item.layer, item.number) not in seen, "booked twice"
            seen.add((item.layer, item.number))
            assert item.layer == waste.layer
            assert 0 <= item.raw <= payload(entry)
            raw[item.layer] += item.raw
            compressed[item.layer] += item.compressed
    for layer in found.layers:
        assert raw[layer.number] == layer.waste <= layer.raw <= layer.index.raw
        assert compressed[layer.number] <= layer.compressed + 1e-6
        if layer.index.compression:
            assert layer.compressed <= layer.index.stored
    assert (found.wasted.raw or 0) <= (found.total.raw or 0)
    assert 0.0 <= found.efficiency <= 1.0


def check_accounts(found: Analysis) -> None:
    """Every entry is visible, hidden, a marker, or a link to itself; and each in one way only."""
    visible = {(n.layer, n.number) for n in found.tree.nodes.values() if n.layer >= 0}
    hidden = [(h.layer, h.number) for h in found.tree.hidden]
    assert len(hidden) == len(set(hidden))
    assert not visible & set(hidden)
    for number, layer in enumerate(found.layers):
        for position, entry in enumerate(layer.index.entries):
            key = (number, position)
            if key not in visible and key not in hidden:
                assert is_marker(entry) or entry.kind == HARDLINK, entry


@slow
@given(seeds, compressions)
def test_random_images(seed: int, compression: str | None) -> None:
    found = analysed(random_image(seed, compression=compression))
    check(found)
    check_accounts(found)


@slow
@given(st.lists(linked_layers(), min_size=1, max_size=4), compressions)
def test_images_full_of_waste(stack: list[Layer], compression: str | None) -> None:
    found = analysed(image(*stack, compression=compression))
    check(found)
    check_accounts(found)
    check_links(found)
    check_shown(found)


@slow
@given(st.data(), st.integers(1, 4), compressions)
def test_with_what_a_dockerignore_missed(data: st.DataObject, count: int, compression: str | None) -> None:
    paths = [f"app/node_modules/{name}/{file}" for name in "xy" for file in ("i.js", "README.md", "test/t.js")]
    paths += ["app/.github/ci.yml", "app/Dockerfile", "usr/share/doc/x/README"]
    bodies = st.sampled_from(BODIES) | st.sampled_from([GONE])
    stack = [data.draw(st.dictionaries(st.sampled_from(paths), bodies, max_size=6)) for _ in range(count)]
    commands = [data.draw(st.sampled_from(["COPY . .", "RUN npm ci", "ADD root.tar /"])) for _ in range(count)]
    found = analysed(image(*stack, commands=commands, compression=compression))
    check(found)
    check_accounts(found)
    check_links(found)


def check_links(found: Analysis) -> None:
    """Content that a visible name shows which nobody claims is never waste."""
    claimed = {(item.layer, item.number) for waste in found.waste for item in waste.items}
    weighs = {(item.layer, item.number) for waste in found.waste for item in waste.items if item.raw}
    for node in found.tree.nodes.values():
        if node.layer >= 0 and (node.layer, node.number) not in claimed:
            assert (node.inode.layer, node.inode.number) not in weighs


def check_shown(found: Analysis) -> None:
    """What is shipped is what is shown and what is booked as hidden."""
    contents = {(node.inode.layer, node.inode.number): node.inode for node in found.tree.nodes.values()}
    shown = sum(payload(node.entry) for node in contents.values() if node.layer >= 0)
    hidden = sum(waste.raw for waste in found.waste if waste.kind.rank < 10)
    assert shown + hidden == found.total.raw


def shape(found: Analysis) -> Counter[tuple[str, bytes, int, int, int | None]]:
    return Counter(
        (waste.kind.name, item.path, item.raw, waste.layer, waste.by)
        for waste in found.waste
        for item in waste.items
        if item.raw
    )


@slow
@given(st.lists(layers(), min_size=1, max_size=4), st.randoms(use_true_random=False))
def test_the_order_of_members_says_nothing(stack: list[dict[str, Member]], dice: object) -> None:
    shuffled = []
    for layer in stack:
        members = list(layer.items())
        dice.shuffle(members)  # type: ignore[attr-defined]
        shuffled.append(members)
    one, other = analysis(*stack), analysis(*shuffled)
    assert shape(one) == shape(other)
    assert one.efficiency == other.efficiency


def test_a_part_of_a_linked_file_can_go_though_its_names_stay() -> None:
    found = analysis({"bin/a": unstripped(4000), "bin/b": hard("bin/a"), "bin/c": hard("bin/a")})
    ((waste, item),) = [(waste, item) for waste in found.waste for item in waste.items if item.raw]
    assert (waste.kind.name, item.path, item.raw) == ("debug-symbols", b"bin/a", 4000)
    check(found)
