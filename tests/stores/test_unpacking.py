"""An image's final tree written out: by root as it is, by others as far as they may, and never outside the root."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import msgspec
import pytest

from jettison import stores
from jettison.errors import ImageError, InputError, UsageError
from jettison.image import dialects, tar
from jettison.image.cache import Cache
from jettison.image.compose import compose
from jettison.image.entry import CHARACTER, DIRECTORY, FIFO, FILE, HARDLINK, SYMLINK, Entry
from jettison.image.indexer import Indexer
from jettison.image.source import BytesSource
from jettison.image.tree import stack
from jettison.proof.same_tree import same_tree

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from jettison.image.image import Image

root_only = pytest.mark.skipif(os.geteuid() != 0, reason="owners and devices are root's to give")
TIME = 1_234_567_890_123_456_789


def member(path: str, kind: int = FILE, body: bytes = b"", **fields: object) -> bytes:
    plain = Entry(path.encode(), kind, len(body), 0o755 if kind == DIRECTORY else 0o644, 0, 0, TIME, 0, 0)
    return dialects.member(msgspec.structs.replace(plain, **fields), body)


def image_of(*layers: list[bytes], compression: str | None = None) -> Image:
    return compose([b"".join([*members, tar.END]) for members in layers], compression=compression)


FULL = (
    [
        member("", DIRECTORY, mode=0o711, uid=5),
        member("etc", DIRECTORY, mode=0o750, uid=42, gid=43),
        member("etc/old", body=b"old"),
        member("etc/shadow", body=b"s" * 300_000, mode=0o400, gid=42, xattrs={"user.note": b"\0x"}),
        member("bin/su", body=b"su", mode=0o4755),
        member("bin/same", HARDLINK, link=b"bin/su", mode=0o4755),
        member("capable", body=b"c", xattrs={"security.capability": bytes.fromhex("0100000200040000" + "0" * 24)}),
        member("tmp", DIRECTORY, mode=0o1777),
        member("dev/null", CHARACTER, device=(1, 3), mode=0o666),
        member("pipe", FIFO, mode=0o600, uid=7),
        member("link", SYMLINK, link=b"/etc/shadow", mode=0o777, uid=9),
        member("dangling", SYMLINK, link=b"../../../nowhere", mode=0o777),
        member("samelink", HARDLINK, link=b"link", mode=0o777, uid=9),
        member("empty", body=b"", mode=0),
        member("closed", DIRECTORY, mode=0),
        member("closed/in", body=b"in"),
        member("ünï", body=b"u", mtime=-5),
    ],
    [member("etc/.wh.old"), member("etc/new", body=b"new", mtime=1), member(".wh.empty")],
)


def read(folder: Path) -> object:
    indexer = Indexer(cache=Cache(None))
    return stack(indexer.image(stores.open_image(f"dir:{folder}", indexer=indexer)))


@root_only
@pytest.mark.parametrize("compression", [None, "gzip", "zstd"])
def test_root_gets_the_tree_as_it_is(tmp_path: Path, compression: str | None) -> None:
    image = image_of(*FULL, compression=compression)
    assert stores.write_image(image, f"dir:{tmp_path}/root") == ()
    expected = stack(Indexer(cache=Cache(None)).image(image))
    proof = same_tree(expected, read(tmp_path / "root"))  # type: ignore[arg-type]
    implied = {b"bin", b"dev"}  # directories that no entry made have the time of the unpacking
    assert [str(one) for one in proof.differences if not (one.path in implied and one.what == "time")] == []
    assert (tmp_path / "root" / "bin" / "su").stat().st_ino == (tmp_path / "root" / "bin" / "same").stat().st_ino
    assert os.listdir(tmp_path) == ["root"]


def test_what_an_ordinary_user_gets(tmp_path: Path) -> None:
    """In a process of its own, since nobody comes back from being nobody."""
    archive, out = tmp_path / "image.tar", tmp_path / "out"
    stores.write_image(image_of(*FULL), f"docker-archive:{archive}:app:1")
    out.mkdir()
    out.chmod(0o777)
    archive.chmod(0o644)
    for parent in [tmp_path, *tmp_path.parents][:-2]:
        if parent.stat().st_uid == os.geteuid():
            parent.chmod(parent.stat().st_mode | 0o055)
    program = (
        "import os, sys; from jettison import stores; import jettison.stores.dir, jettison.stores.docker_archive;"
        "os.geteuid() or (os.setgroups([]), os.setgid(65534), os.setuid(65534));"
        "print(*stores.write_image(stores.open_image(sys.argv[1]), 'dir:' + sys.argv[2]), sep='\\n')"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(archive), f"{out}/root"],
        env={**os.environ, "JETTISON_CACHE": "off"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    notes = done.stdout.splitlines()
    assert any(note.startswith("devices were left out: 1 paths, such as dev/null (only root may)") for note in notes)
    assert any(note.startswith("owners could not be given: ") for note in notes)
    assert any(note.startswith("setuid and setgid bits were left out") for note in notes)
    root = out / "root"
    assert not (root / "dev" / "null").exists()
    assert (root / "bin" / "su").stat().st_mode & 0o7777 == 0o755
    assert (root / "etc" / "new").lstat().st_mtime_ns == 1
    assert os.readlink(root / "link") == "/etc/shadow"
    assert os.listdir(out) == ["root"]


def test_links_are_never_followed_out(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "victim").write_bytes(b"safe")
    there = str(outside).encode()
    hostile = image_of(
        [
            member("a", SYMLINK, link=there),
            member("b", SYMLINK, link=b"../outside"),
            member("c", DIRECTORY),
            member("d", HARDLINK, link=b"a/victim"),
            member("e", SYMLINK, link=there + b"/victim"),
            member("/../../../outside/victim", body=b"overwritten"),
        ],
        [
            member("a/victim", body=b"overwritten"),
            member("b/victim", body=b"overwritten", mode=0o4777),
            member("c", SYMLINK, link=there),
            member("c/victim", body=b"overwritten"),
            member("e", body=b"overwritten"),
            member("f", SYMLINK, link=there),
            member("f/new", DIRECTORY),
            member("f/.wh.victim"),
        ],
    )
    stores.write_image(hostile, f"dir:{tmp_path}/root")
    assert (outside / "victim").read_bytes() == b"safe"
    assert (outside / "victim").stat().st_mode & 0o7777 == 0o644
    assert os.listdir(outside) == ["victim"]
    assert sorted(os.listdir(tmp_path)) == ["outside", "root"]


def test_deep_trees_come_and_go(tmp_path: Path) -> None:
    deep = "d/" * 1200
    image = image_of([member(deep + "f", body=b"x"), member("z", body=b"zzz")])
    liar = replace(
        image.layers[0], source=BytesSource(b"".join(image.layers[0].source.chunks()).replace(b"zzz", b"yyy"))
    )
    indexer = Indexer(cache=Cache(None))
    indexer.image(image)
    stores.write_image(image, f"dir:{tmp_path}/root")
    with pytest.raises(ImageError):
        stores.write_image(replace(image, layers=(liar,)), f"dir:{tmp_path}/other")
    assert os.listdir(tmp_path) == ["root"]
    subprocess.run(["rm", "-rf", tmp_path / "root"], check=True)  # too deep for pytest's own clearing up


def test_what_is_there_stays(tmp_path: Path) -> None:
    (tmp_path / "root").mkdir()
    (tmp_path / "root" / "file").write_bytes(b"mine")
    image = image_of([member("file", body=b"x")])
    with pytest.raises(UsageError, match="not an empty directory"):
        stores.write_image(image, f"dir:{tmp_path}/root")
    with pytest.raises(UsageError, match="no layers to pack"):
        stores.write_image(image, f"dir:{tmp_path}/other", compression="gzip")
    with pytest.raises(InputError, match="cannot be written"):
        stores.write_image(image, f"dir:{tmp_path}/no/such/place")
    assert (tmp_path / "root" / "file").read_bytes() == b"mine"
    (tmp_path / "empty").mkdir()
    stores.write_image(image, f"dir:{tmp_path}/empty/")
    assert (tmp_path / "empty" / "file").read_bytes() == b"x"


def test_sparse_files_are_whole(tmp_path: Path) -> None:
    source = tmp_path / "sparse"
    with source.open("wb") as file:
        file.seek(5_000_000)
        file.write(b"end")
        file.truncate(9_000_000)
    packed = subprocess.run(
        ["tar", "--sparse", "--format=posix", "-cf", "-", "-C", str(tmp_path), "sparse"],
        capture_output=True,
        check=True,
    ).stdout
    stores.write_image(compose([packed]), f"dir:{tmp_path}/root")
    assert (tmp_path / "root" / "sparse").read_bytes() == source.read_bytes()


@root_only
def test_docker_exports_the_same(docker: Callable[..., str], tmp_path: Path) -> None:
    """Docker unpacks the image itself, and GNU tar what it exports; lstat compares."""
    image = image_of(*FULL)
    stores.write_image(image, f"docker-archive:{tmp_path}/image.tar:jettison-test/unpacked:1")
    docker("load", "--input", tmp_path / "image.tar")
    container = docker("create", "jettison-test/unpacked:1", "/none").strip()
    try:
        docker("export", "--output", tmp_path / "export.tar", container)
    finally:
        docker("rm", container)
        docker("rmi", "--force", "jettison-test/unpacked:1")
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    subprocess.run(["tar", "-xpf", tmp_path / "export.tar", "--xattrs", "-C", theirs], check=True)
    stores.write_image(image, f"dir:{tmp_path}/ours")
    ours, expected = seen(tmp_path / "ours"), seen(theirs)
    assert {path: ours.get(path) for path in ours} == {path: expected.get(path) for path in ours}


def seen(root: Path) -> dict[str, object]:
    """What lstat says, but for what Docker makes anew in each container."""
    found: dict[str, object] = {}
    for folder, folders, files in os.walk(root):
        for name in folders + files:
            path = os.path.join(folder, name)
            where = os.path.relpath(path, root)
            if where.startswith(("dev", "proc", "sys")) or where in ("etc", "bin"):
                continue
            status = os.lstat(path)
            kind = stat.S_IFMT(status.st_mode)
            seconds = None if kind == stat.S_IFDIR else max(0, status.st_mtime_ns // 10**9)  # Docker's begin in 1970
            found[where] = (status.st_mode, status.st_uid, status.st_gid, seconds)
    return found
