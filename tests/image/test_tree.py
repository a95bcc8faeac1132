"""Layers stacked, against the kernel's overlayfs, against umoci, and by the laws that stacking obeys."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import stat
import subprocess
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jettison.image import index, tar
from jettison.image.compose import compose
from jettison.image.entry import BLOCK, CHARACTER, DIRECTORY, FIFO, FILE, HARDLINK, OPAQUE, SYMLINK, WHITEOUT, Entry
from jettison.image.probe import NO_PROBES
from jettison.image.tree import Node, Tree, is_marker

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from random import Random

    from jettison.image.image import Image

Member = tuple[Entry, bytes]
NAMES = (b"a", b"b", b"c", b"caf\xe9")
DIGEST = {text: hashlib.sha256(text).digest() for text in (b"", b"one", b"two" * 400, b"three")}


def stacked(layers: list[list[Entry]]) -> Tree:
    """The tree of layers given as entries."""
    tree = Tree()
    for number, entries in enumerate(layers):
        tree.add(number, entries)
    return tree


# Random layers, such as an engine would unpack


@st.composite
def a_layer(draw: st.DrawFn) -> list[Member]:
    """Members in an order that can be unpacked: parents first, links after their targets, whiteouts anywhere."""
    members: list[Member] = []
    kinds: dict[bytes, int] = {b"": DIRECTORY}
    for _ in range(draw(st.integers(0, 9))):
        parents = [path for path, kind in kinds.items() if kind == DIRECTORY and path.count(b"/") < 2]
        parent = draw(st.sampled_from(parents))
        path = b"/".join(part for part in (parent, draw(st.sampled_from(NAMES))) if part)
        kind = draw(st.sampled_from((FILE, DIRECTORY, DIRECTORY, SYMLINK, HARDLINK, CHARACTER, BLOCK, FIFO)))
        for below in [other for other in kinds if other.startswith(path + b"/") and kind != DIRECTORY]:
            del kinds[below]
        targets = [other for other, there in kinds.items() if there not in (DIRECTORY, HARDLINK) and other != path]
        if kind == HARDLINK and not targets:
            kind = FILE
        link = draw(st.sampled_from(targets)) if kind == HARDLINK else b""
        members.append(draw(a_member(path, kind, link)))
        kinds[path] = kind
    for _ in range(draw(st.integers(0, 3))):
        directories = sorted(path for path, kind in kinds.items() if kind == DIRECTORY)
        name = draw(st.sampled_from([OPAQUE, *(WHITEOUT + name for name in NAMES)]))
        marker = b"/".join(part for part in (draw(st.sampled_from(directories)), name) if part)
        at = draw(st.integers(0, len(members)))
        members.insert(at, (Entry(marker, FILE, 0, 0o644, 0, 0, 0, 0, 0), b""))
    return members


@st.composite
def a_member(draw: st.DrawFn, path: bytes, kind: int, link: bytes) -> Member:
    """A member with random attributes."""
    body = draw(st.sampled_from(list(DIGEST))) if kind == FILE else b""
    xattrs = draw(st.sampled_from([None, None, {"user.note": b"x\0y"}])) if kind in (FILE, DIRECTORY) else None
    entry = Entry(
        path=path,
        kind=kind,
        size=len(body),
        mode=draw(st.sampled_from((0o644, 0o755, 0o4711, 0o1777))),
        uid=draw(st.sampled_from((0, 1000))),
        gid=draw(st.sampled_from((0, 50))),
        mtime=draw(st.sampled_from((0, 1_700_000_000_123_456_789))),
        start=0,
        end=0,
        link=draw(st.sampled_from((b"a", b"../x", b"/nowhere"))) if kind == SYMLINK else link,
        sha256=DIGEST[body] if kind == FILE else b"",
        device=(draw(st.integers(1, 9)), draw(st.integers(1, 9))) if kind in (CHARACTER, BLOCK) else None,
        xattrs=xattrs,
    )
    return entry, body


layers_of_members = st.lists(a_layer(), min_size=1, max_size=4)


# The kernel's opinion


def unpack(members: list[Member], top: Path) -> None:
    """Unpack one layer to a directory as a lower layer of overlayfs: plainly, with its own whiteouts."""
    for entry, body in members:
        if not is_marker(entry):
            put(entry, body, top)
    own = {entry.path for entry, _ in members if not is_marker(entry)}
    for entry, _ in members:
        if entry.name == OPAQUE:
            make_opaque(top / os.fsdecode(entry.parent))
        elif entry.whiteout is not None:
            place = top / os.fsdecode(entry.whiteout)
            if place.is_dir() and not place.is_symlink() and entry.whiteout in own:
                make_opaque(place)
            elif not os.path.lexists(place):
                os.mknod(place, stat.S_IFCHR, 0)
    for entry, _ in members:  # what was put into directories has changed their times
        place = top / os.fsdecode(entry.path)
        if entry.kind == DIRECTORY and place.is_dir() and not place.is_symlink() and entry.path:
            os.utime(place, ns=(entry.mtime, entry.mtime))


def make_opaque(directory: Path) -> None:
    """Hide what lower layers have in a directory."""
    times = os.stat(directory).st_mtime_ns
    os.setxattr(directory, "trusted.overlay.opaque", b"y")
    os.utime(directory, ns=(times, times))


def put(entry: Entry, body: bytes, top: Path) -> None:
    """Make one file, in place of what is there."""
    place = top / os.fsdecode(entry.path)
    replaces = os.path.lexists(place) and not (entry.kind == DIRECTORY and place.is_dir() and not place.is_symlink())
    if replaces:
        shutil.rmtree(place) if place.is_dir() and not place.is_symlink() else place.unlink()
    if entry.kind == DIRECTORY:
        place.mkdir(exist_ok=True)
        if replaces:  # a file has hidden what is below already, as where engines unpack onto the mounted tree
            make_opaque(place)
        for name in os.listxattr(place):
            if name.startswith("user."):
                os.removexattr(place, name)
    elif entry.kind == FILE:
        place.write_bytes(body)
    elif entry.kind == SYMLINK:
        place.symlink_to(os.fsdecode(entry.link))
    elif entry.kind == HARDLINK:
        os.link(top / os.fsdecode(entry.link), place, follow_symlinks=False)
        return
    elif entry.kind == FIFO:
        os.mkfifo(place)
    else:
        assert entry.device is not None
        os.mknod(place, stat.S_IFCHR if entry.kind == CHARACTER else stat.S_IFBLK, os.makedev(*entry.device))
    os.chown(place, entry.uid, entry.gid, follow_symlinks=False)
    if entry.kind != SYMLINK:
        place.chmod(entry.mode)
    for name, value in (entry.xattrs or {}).items():
        os.setxattr(place, name, value)
    os.utime(place, ns=(entry.mtime, entry.mtime), follow_symlinks=False)


KINDS = {stat.S_IFREG: FILE, stat.S_IFDIR: DIRECTORY, stat.S_IFLNK: SYMLINK, stat.S_IFCHR: CHARACTER}
KINDS |= {stat.S_IFBLK: BLOCK, stat.S_IFIFO: FIFO}


def on_disk(top: Path) -> Iterator[tuple[bytes, os.stat_result]]:
    """All paths below a directory."""
    for folder, directories, files in os.walk(os.fsencode(top)):
        for name in (*directories, *files):
            full = os.path.join(folder, name)
            with suppress(FileNotFoundError):  # overlayfs lists whiteouts where nothing is merged, and hides them
                yield os.path.relpath(full, os.fsencode(top)), os.lstat(full)


def assert_shows(tree: Tree, top: Path, *, directory_times: bool) -> None:
    """The tree is what a container would see at `top`."""
    seen = dict(on_disk(top))
    assert set(tree.nodes) - {b""} == set(seen)
    inodes: dict[tuple[int, int], Node] = {}
    for path, status in seen.items():
        node, file = tree.nodes[path], top / os.fsdecode(path)
        content = node.content
        assert content.kind == KINDS[stat.S_IFMT(status.st_mode)], path
        assert (content.uid, content.gid) == (status.st_uid, status.st_gid), path
        if directory_times or content.kind != DIRECTORY:
            assert content.mtime == status.st_mtime_ns, path
        if content.kind != SYMLINK:
            assert content.mode == stat.S_IMODE(status.st_mode), path
        else:
            assert content.link == os.fsencode(os.readlink(file))
        if content.kind == FILE:
            assert content.size == status.st_size
            assert content.sha256 == hashlib.sha256(file.read_bytes()).digest()
        if content.kind in (CHARACTER, BLOCK):
            assert content.device == (os.major(status.st_rdev), os.minor(status.st_rdev))
        if content.kind in (FILE, DIRECTORY):
            there = {name: os.getxattr(file, name) for name in os.listxattr(file) if name.startswith("user.")}
            assert (content.xattrs or {}) == there
        if content.kind != DIRECTORY:
            assert inodes.setdefault((status.st_dev, status.st_ino), node.inode) is node.inode, path


@pytest.fixture(scope="session")
def overlay(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory in which overlayfs can be mounted."""
    top = tmp_path_factory.mktemp("overlay")
    for name in ("one", "two", "merged"):
        (top / name).mkdir()
    command = ["mount", "-t", "overlay", "overlay", "-o", f"lowerdir={top}/one:{top}/two", f"{top}/merged"]
    if os.geteuid() or subprocess.run(command, capture_output=True).returncode:
        pytest.skip("needs root and overlayfs, which is the oracle")
    subprocess.run(["umount", top / "merged"], check=True)
    return top


@settings(max_examples=100, deadline=None)
@given(layers=layers_of_members)
def test_tree_is_what_overlayfs_shows(layers: list[list[Member]], overlay: Path) -> None:
    layers = [[member for member in members if member[0].path != OPAQUE] for members in layers]  # see the next test
    merged = overlay / "merged"
    places = [overlay / f"layer{number}" for number in range(len(layers))]
    for place, members in zip(places, layers, strict=True):
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir()
        unpack(members, place)
    lower = ":".join(str(place) for place in reversed(places)) + f":{overlay}/one"
    subprocess.run(["mount", "-t", "overlay", "overlay", "-o", f"lowerdir={lower}", merged], check=True)
    try:
        assert_shows(stacked([[entry for entry, _ in members] for members in layers]), merged, directory_times=True)
    finally:
        subprocess.run(["umount", merged], check=True)


def test_an_opaque_root_hides_all() -> None:
    """As the specification has it, and umoci; overlayfs merges the roots of its layers whatever they say."""
    below = [Entry(b"a", FILE, 0, 0o644, 0, 0, 0, 0, 0)]
    assert set(stacked([below, [Entry(OPAQUE, FILE, 0, 0o644, 0, 0, 0, 0, 0)]]).nodes) == {b""}


# umoci's opinion


def write_layout(image: Image, top: Path) -> None:
    """An OCI layout, by hand."""
    assert image.manifest is not None and image.manifest_bytes is not None
    blobs = top / "blobs" / "sha256"
    blobs.mkdir(parents=True)
    for layer in image.layers:
        (blobs / str(layer.digest)[7:]).write_bytes(b"".join(layer.source.chunks()))
    (blobs / hashlib.sha256(image.config_bytes).hexdigest()).write_bytes(image.config_bytes)
    digest = hashlib.sha256(image.manifest_bytes).hexdigest()
    (blobs / digest).write_bytes(image.manifest_bytes)
    descriptor = {
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "digest": f"sha256:{digest}",
        "size": len(image.manifest_bytes),
        "annotations": {"org.opencontainers.image.ref.name": "latest"},
    }
    (top / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [descriptor]}))
    (top / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')


@settings(max_examples=25, deadline=None)
@given(layers=layers_of_members, packed=st.sampled_from([None, "gzip"]))
def test_tree_is_what_umoci_unpacks(
    layers: list[list[Member]], packed: str | None, tmp_path_factory: pytest.TempPathFactory
) -> None:
    if shutil.which("umoci") is None or os.geteuid():
        pytest.skip("needs umoci and root")
    top = tmp_path_factory.mktemp("umoci")
    tars = [b"".join(tar.pack((entry, [body]) for entry, body in members)) for members in layers]
    image = compose(tars, compression=packed)
    write_layout(image, top / "layout")
    command = ["umoci", "unpack", "--image", f"{top}/layout:latest", top / "bundle"]
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    tree = stacked([index.build(layer, NO_PROBES).entries for layer in image.layers])
    assert_shows(tree, top / "bundle" / "rootfs", directory_times=False)  # umoci's whiteouts change them
    shutil.rmtree(top)


# Laws


def shape(tree: Tree) -> dict[bytes, tuple[object, ...]]:
    """All that a reader can see of a tree, and which paths are one file."""
    files: dict[int, int] = {}
    return {
        path: (
            *node.content.metadata,
            node.content.sha256,
            node.content.mtime,
            files.setdefault(id(node.inode), len(files)),
        )
        for path, node in sorted(tree.nodes.items())
    }


def entries_of(layers: list[list[Member]]) -> list[list[Entry]]:
    """The entries alone."""
    return [[entry for entry, _ in members] for members in layers]


@given(layers=layers_of_members)
def test_every_entry_is_accounted_for_once(layers: list[list[Member]]) -> None:
    stack = entries_of(layers)
    tree = stacked(stack)
    visible = [(node.layer, node.number) for node in tree.nodes.values() if node.layer >= 0]
    hidden = [(gone.layer, gone.number) for gone in tree.hidden]
    markers = [
        (layer, at) for layer, entries in enumerate(stack) for at, entry in enumerate(entries) if is_marker(entry)
    ]
    everything = [(layer, at) for layer, entries in enumerate(stack) for at in range(len(entries))]
    assert sorted(visible + hidden + markers) == everything
    for gone in tree.hidden:
        by = stack[gone.by][gone.by_number]
        assert gone.by > gone.layer or (gone.by == gone.layer and gone.by_number > gone.number)
        assert stack[gone.layer][gone.number] == gone.entry
        assert not gone.replaced or by.path == gone.entry.path or gone.entry.path in by.path


@given(layers=layers_of_members)
def test_nodes_parents_and_children_agree(layers: list[list[Member]]) -> None:
    tree = stacked(entries_of(layers))
    assert {node.entry.path: node for node in tree.root.walk()} == tree.nodes
    for path, node in tree.nodes.items():
        assert node.entry.path == path
        assert (node.children is not None) == (node.entry.kind == DIRECTORY)
        for name, child in (node.children or {}).items():
            assert child.parent is node and child.entry.name == name


@given(layers=layers_of_members, at=st.integers(0, 4))
def test_an_empty_layer_changes_nothing(layers: list[list[Member]], at: int) -> None:
    stack = entries_of(layers)
    more = [*stack[:at], [], *stack[at:]]
    assert shape(stacked(more)) == shape(stacked(stack))
    assert len(stacked(more).hidden) == len(stacked(stack).hidden)


@given(layers=layers_of_members)
def test_the_same_layer_again_changes_nothing(layers: list[list[Member]]) -> None:
    stack = entries_of(layers)
    assert shape(stacked([*stack, stack[-1]])) == shape(stacked(stack))


@given(layers=layers_of_members, dice=st.randoms(use_true_random=False))
def test_whiteouts_act_on_lower_layers_wherever_they_stand(layers: list[list[Member]], dice: Random) -> None:
    stack = entries_of(layers)
    moved = []
    for entries in stack:
        others = [entry for entry in entries if not is_marker(entry)]
        for marker in filter(is_marker, entries):
            others.insert(dice.randint(0, len(others)), marker)
        moved.append(others)
    assert shape(stacked(moved)) == shape(stacked(stack))


@given(layers=layers_of_members)
def test_a_layer_touches_nothing_but_its_paths(layers: list[list[Member]]) -> None:
    *below, top = entries_of(layers)
    before, after = stacked(below), stacked([*below, top])
    touched = [entry.path for entry in top if not is_marker(entry)]
    touched += [path for entry in top for path in (entry.whiteout,) if path is not None]
    opened = tuple(entry.opaque + b"/" if entry.opaque else b"" for entry in top if entry.opaque is not None)
    for path, node in before.nodes.items():
        if path.startswith(opened) or any(path == other or path.startswith(other + b"/") for other in touched):
            continue
        assert after.nodes[path] is not None and after.nodes[path].entry == node.entry


# Cases


def plain(path: bytes, kind: int = FILE, link: bytes = b"", mode: int = 0o644) -> Entry:
    """An entry of no special attributes."""
    return Entry(path, kind, 0, mode, 0, 0, 0, 0, 0, link=link)


def test_kaniko_writes_whiteouts_before_their_parents() -> None:
    tree = stacked(
        [[plain(b"d", DIRECTORY), plain(b"d/x")], [plain(b"d/.wh.x"), plain(b"d", DIRECTORY), plain(b"d/y")]]
    )
    assert set(tree.nodes) == {b"", b"d", b"d/y"}
    assert [(gone.entry.path, gone.by, gone.by_number, gone.replaced) for gone in tree.hidden] == [
        (b"d/x", 1, 0, False),
        (b"d", 1, 1, True),
    ]


def test_the_root_may_have_an_entry() -> None:
    tree = stacked([[plain(b"", DIRECTORY, mode=0o700)], [plain(b"", DIRECTORY, mode=0o755)]])
    assert tree.root.entry.mode == 0o755 and len(tree.hidden) == 1


def test_a_whiteout_of_nothing_is_a_note() -> None:
    tree = stacked([[plain(b".wh.x"), plain(b"x")], [plain(b".wh.")], [plain(b"d/.wh..")], [plain(b".wh...")]])
    assert b"x" in tree.nodes and len(tree.notes) == 4


def test_missing_parents_are_made_once() -> None:
    tree = stacked([[plain(b"a/b/c")], [plain(b"a", DIRECTORY, mode=0o700)], [plain(b"a/b/d")]])
    assert tree.nodes[b"a"].layer == 1 and tree.nodes[b"a/b"].layer == -1
    assert set(tree.nodes) == {b"", b"a", b"a/b", b"a/b/c", b"a/b/d"} and not tree.hidden


@pytest.mark.parametrize("kind", [FILE, SYMLINK, FIFO])
def test_a_directory_over_something_else_and_back(kind: int) -> None:
    there = [plain(b"x", kind, link=b"y" if kind == SYMLINK else b"")]
    tree = stacked([there, [plain(b"x", DIRECTORY), plain(b"x/in")]])
    assert set(tree.nodes) == {b"", b"x", b"x/in"} and len(tree.hidden) == 1
    tree.add(2, there)
    assert set(tree.nodes) == {b"", b"x"}
    assert [(gone.entry.path, gone.replaced) for gone in tree.hidden[1:]] == [(b"x", True), (b"x/in", False)]


def test_a_path_through_the_layers_own_link_is_followed() -> None:
    tree = stacked(
        [[plain(b"usr/lib", DIRECTORY), plain(b"lib", SYMLINK, b"usr/lib"), plain(b"lib/sub/x"), plain(b"lib/y")]]
    )
    assert {b"usr/lib/sub/x", b"usr/lib/y"} <= set(tree.nodes) and tree.nodes[b"lib"].entry.kind == SYMLINK
    tree.add(1, [plain(b"usr/lib/z"), plain(b"l", SYMLINK, b"/usr/lib"), plain(b"hard", HARDLINK, b"l/z")])
    assert tree.nodes[b"hard"].inode is tree.nodes[b"usr/lib/z"]


def test_a_path_through_a_lower_layers_link_replaces_it() -> None:
    tree = stacked([[plain(b"usr/lib", DIRECTORY), plain(b"lib", SYMLINK, b"usr/lib")], [plain(b"lib/x")]])
    assert tree.nodes[b"lib"].children is not None and b"usr/lib/x" not in tree.nodes
    assert len(tree.notes) == 1 and "lib" in tree.notes[0]


def test_links_that_engines_could_not_make_are_notes() -> None:
    tree = stacked([[plain(b"d", DIRECTORY), plain(b"a", HARDLINK, b"gone"), plain(b"b", HARDLINK, b"d")]])
    assert len(tree.notes) == 2 and all(tree.nodes[path].inode is tree.nodes[path] for path in (b"a", b"b"))


def test_a_link_to_itself_keeps_the_content() -> None:
    tree = stacked([[plain(b"a")], [plain(b"a", HARDLINK, b"a")]])
    assert tree.nodes[b"a"].layer == 1 and tree.nodes[b"a"].content.kind == FILE and len(tree.hidden) == 1


def test_content_stays_when_its_first_name_goes() -> None:
    tree = stacked([[plain(b"a", mode=0o600), plain(b"b", HARDLINK, b"a")], [plain(b".wh.a")]])
    assert set(tree.nodes) == {b"", b"b"} and tree.nodes[b"b"].content.mode == 0o600


def test_aufs_bookkeeping_shows_nothing_but_serves_links() -> None:
    shelf = [plain(b".wh..wh.plnk", DIRECTORY), plain(b".wh..wh.plnk/7.9", mode=0o640), plain(b".wh..wh.aufs")]
    tree = stacked([[*shelf, plain(b"x", HARDLINK, b".wh..wh.plnk/7.9")]])
    assert set(tree.nodes) == {b"", b"x"} and tree.nodes[b"x"].content.mode == 0o640 and not tree.notes


def test_links_are_resolved_as_in_a_chroot() -> None:
    tree = stacked(
        [
            [
                plain(b"etc/passwd"),
                plain(b"up", SYMLINK, b"../../../etc/passwd"),
                plain(b"absolute", SYMLINK, b"/etc"),
                plain(b"hard", HARDLINK, b"absolute"),
                plain(b"round", SYMLINK, b"trip"),
                plain(b"trip", SYMLINK, b"round"),
                plain(b"lost", SYMLINK, b"nowhere"),
            ]
        ]
    )
    there = tree.nodes[b"etc/passwd"]
    assert tree.resolve(b"up") is there and tree.resolve(b"absolute/passwd") is there
    assert tree.resolve(b"hard/../etc/./passwd") is there
    assert tree.resolve(b"round") is None and tree.resolve(b"lost") is None and tree.resolve(b"etc/passwd/x") is None
    assert tree.resolve(b"lost", follow_last=False) is tree.nodes[b"lost"] and tree.resolve(b"") is tree.root
