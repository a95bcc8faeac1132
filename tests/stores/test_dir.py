"""Root file systems as images: what is in the directory is in the layer, as it is."""

from __future__ import annotations

import os
import stat
import subprocess
import tarfile
from typing import TYPE_CHECKING

import pytest

from jettison import stores
from jettison.errors import InputError
from jettison.image import tar
from jettison.image.check import check
from jettison.image.entry import BLOCK, CHARACTER, DIRECTORY, FIFO, FILE, HARDLINK, SYMLINK, Entry
from jettison.image.random import random_image
from jettison.image.tree import stack

if TYPE_CHECKING:
    from pathlib import Path

    from jettison.image.indexer import Indexer

ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="making devices and reading what nobody may read takes root")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A small root file system."""
    root = tmp_path / "root"
    for name in ("etc", "usr/bin", "var/log", "tmp"):
        (root / name).mkdir(parents=True)
    (root / "etc/passwd").write_bytes(b"root:x:0:0::/:/bin/sh\n")
    (root / "usr/bin/a").write_bytes(b"x" * 300_000)
    (root / "usr/bin/b").hardlink_to(root / "usr/bin/a")
    (root / "usr/bin/c").symlink_to("../../../../../etc/passwd")
    (root / "tmp").chmod(0o1777)
    (root / "usr/bin/a").chmod(0o4755)
    os.mkfifo(root / "var/fifo")
    with open(os.fsencode(root) + b"/var/\xff\xfe", "wb") as file:
        file.write(b"odd")
    os.utime(root / "etc/passwd", ns=(0, 1_600_000_000_123_456_789))
    return root


def test_a_directory_is_one_layer(root: Path, indexer: Indexer) -> None:
    image = stores.open_image(f"dir:{root}", indexer=indexer)
    assert check(image).ok
    assert image.config.platform.known
    assert image.config.steps == []
    tree = stack(indexer.image(image))
    kinds = {path: (node.entry.kind, node.entry.mode) for path, node in tree.nodes.items()}
    assert kinds[b"usr/bin/a"] == (FILE, 0o4755)
    assert kinds[b"usr/bin/b"][0] == HARDLINK
    assert kinds[b"usr/bin/c"][0] == SYMLINK
    assert kinds[b"tmp"] == (DIRECTORY, 0o1777)
    assert kinds[b"var/fifo"][0] == FIFO
    assert tree.nodes[b"var/\xff\xfe"].entry.size == 3
    assert tree.nodes[b"etc/passwd"].entry.mtime == 1_600_000_000_123_456_789
    assert tree.nodes[b"usr/bin/b"].content.size == 300_000


def test_the_same_directory_gives_the_same_layer(root: Path, indexer: Indexer) -> None:
    first = stores.open_image(f"dir:{root}", indexer=indexer)
    second = stores.open_image(str(root), indexer=indexer)
    assert first.layers[0].diff_id == second.layers[0].diff_id
    assert first.config_bytes == second.config_bytes


@ROOT
def test_gnu_tar_unpacks_it_again(root: Path, tmp_path: Path, indexer: Indexer) -> None:
    os.mknod(root / "null", 0o666 | stat.S_IFCHR, os.makedev(1, 3))
    os.mknod(root / "disk", 0o660 | stat.S_IFBLK, os.makedev(8, 300_000))
    os.chown(root / "etc", 2_500_000, 70_000)
    os.setxattr(root / "etc/passwd", "user.note", b"a\0=\n")
    image = stores.open_image(f"dir:{root}", indexer=indexer)
    packed = tmp_path / "layer.tar"
    packed.write_bytes(b"".join(image.layers[0].uncompressed()))
    (tmp_path / "again").mkdir()
    subprocess.run(
        ["tar", "-xpf", packed, "-C", tmp_path / "again", "--xattrs", "--xattrs-include=*", "--numeric-owner"],
        check=True,
    )
    again = stores.open_image(f"dir:{tmp_path / 'again'}", indexer=indexer)
    assert again.layers[0].diff_id == image.layers[0].diff_id


def test_unreadable_files_are_named(root: Path, indexer: Indexer, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.open

    def refuse(path: object, *arguments: int, **more: object) -> int:
        if path == os.fsencode(root) + b"/etc/passwd":
            raise PermissionError(13, "Permission denied")
        return real(path, *arguments, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(InputError, match=r"etc/passwd cannot be read: Permission denied") as caught:
        stores.open_image(f"dir:{root}", indexer=indexer)
    assert str(root) in str(caught.value)


def test_a_name_that_means_a_removal_is_refused(root: Path, indexer: Indexer) -> None:
    (root / "etc/.wh.passwd").write_bytes(b"")
    with pytest.raises(InputError, match="means a removal"):
        stores.open_image(f"dir:{root}", indexer=indexer)


def test_other_directories_are_not_taken_for_root_file_systems(tmp_path: Path, indexer: Indexer) -> None:
    (tmp_path / "project").mkdir()
    (tmp_path / "project/Dockerfile").write_text("FROM scratch\n")
    with pytest.raises(InputError, match="neither an OCI layout nor a root file system"):
        stores.open_image(f"{tmp_path}/project", indexer=indexer)
    (tmp_path / "project/version").write_text("Directory Transport Version: 1.1\n")
    (tmp_path / "project/manifest.json").write_text("{}")
    for name in (f"{tmp_path}/project", f"dir:{tmp_path}/project"):
        with pytest.raises(InputError) as caught:
            stores.open_image(name, indexer=indexer)
        assert "skopeo" in (caught.value.hint or "")


def test_what_tar_writes_python_reads(tmp_path: Path) -> None:
    """Python's tarfile agrees with every entry of random images, packed again by us."""
    body = b"body"
    entries = [
        Entry(b"d" * 80 + b"/" + b"e" * 60, FILE, 4, 0o644, 0, 0, 5 * 10**9, 0, 0),
        Entry(b"d" * 300, FILE, 4, 0o644, 8**7, 8**8, -1_500_000_000, 0, 0),
        Entry(b"caf\xe9", FILE, 4, 0o600, 1, 2, 0, 0, 0, xattrs={"user.x": b"\0\xff\n="}),
        Entry("ünï".encode(), SYMLINK, 0, 0o777, 1, 2, 8**11 * 10**9, 0, 0, link=b"t" * 101),
        Entry(b"null", CHARACTER, 0, 0o666, 0, 0, 0, 0, 0, device=(1, 8**7 + 1)),
        Entry(b"sda", BLOCK, 0, 0o666, 0, 0, 0, 0, 0, device=(8, 0)),
        Entry(b"dir", DIRECTORY, 0, 0o1755, 0, 0, 1, 0, 0),
    ]
    path = tmp_path / "a.tar"
    path.write_bytes(b"".join(tar.pack((entry, [body]) for entry in entries)))
    with tarfile.open(path) as archive:
        read = archive.getmembers()
        assert [os.fsencode(member.name) for member in read] == [entry.path for entry in entries]
        assert [os.fsencode(member.linkname) for member in read] == [entry.link for entry in entries]
        assert [(m.uid, m.gid, m.mode) for m in read] == [(e.uid, e.gid, e.mode) for e in entries]
        assert [member.mtime for member in read] == pytest.approx([entry.mtime / 10**9 for entry in entries], abs=1e-6)
        assert (read[4].devmajor, read[4].devminor) == (1, 8**7 + 1)
        content = archive.extractfile(read[0])
        assert content is not None and content.read() == body


@pytest.mark.parametrize("size", [3, 5])
def test_a_body_of_another_size_is_an_error(size: int) -> None:
    with pytest.raises(InputError, match="where 4 were expected"):
        [*tar.pack([(Entry(b"f", FILE, 4, 0, 0, 0, 0, 0, 0), [b"x" * size])])]


@pytest.mark.parametrize("seed", range(30))
def test_packing_what_was_read_gives_the_same_entries(seed: int, indexer: Indexer) -> None:
    """Reading is the inverse of writing, but for hard data such as sparse maps and offsets."""
    import msgspec

    from jettison.image.layer import Layer
    from jettison.image.source import BytesSource
    from jettison.oci.digest import Digest

    for index in indexer.image(random_image(seed)):
        entries = index.entries
        packed = b"".join(tar.pack((entry, [bytes(entry.size)]) for entry in entries))
        again = indexer.index(Layer(Digest.of(packed), BytesSource(packed))).entries
        plain = [[msgspec.structs.replace(e, start=0, end=0, sha256=b"") for e in them] for them in (entries, again)]
        assert plain[0] == plain[1]
