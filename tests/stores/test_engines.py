"""What other tools write is read, and what is written here is read by other tools, with the same digests."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from jettison import stores
from jettison.errors import NotFound
from jettison.image import dialects, tar
from jettison.image.check import check
from jettison.image.compose import compose
from jettison.image.entry import DIRECTORY, FILE, HARDLINK, SYMLINK, Entry
from jettison.image.tree import stack
from jettison.stores import outputs, writing

if TYPE_CHECKING:
    from pathlib import Path

    from engine.machine import Tool
    from jettison.image.image import Image
    from jettison.image.indexer import Indexer

NAME = "jettison-tests/stores:1"


def member(path: bytes, kind: int, body: bytes = b"", link: bytes = b"", mode: int = 0o644) -> bytes:
    return dialects.member(Entry(path, kind, len(body), mode, 0, 0, 10**18, 0, 0, link=link), body)


@pytest.fixture
def image() -> Image:
    """Three layers: files, links and a long name; a removal and a change; the first layer once more."""
    first = [
        member(b"etc", DIRECTORY, mode=0o755),
        member(b"etc/passwd", FILE, b"root:x:0:0::/:/bin/sh\n"),
        member(b"etc/link", SYMLINK, link=b"passwd"),
        member(b"etc/hard", HARDLINK, link=b"etc/passwd"),
        member(b"l" * 90 + b"/" + b"n" * 120, FILE, b"x" * 5000),
        member("ünïcödé".encode(), FILE, b"name"),
    ]
    second = [member(b"etc/.wh.link", FILE), member(b"etc/passwd", FILE, b"root:x:0:0::/root:/bin/sh\n")]
    tars = [b"".join([*part, tar.END]) for part in (first, second, first)]
    return compose(tars, names=[NAME], container={"Cmd": ["/bin/true"], "Labels": {"test": "stores"}})


def demand_same(opened: Image, image: Image, indexer: Indexer) -> None:
    check(opened).demand()
    assert opened.id == image.id
    trees = [stack(indexer.image(one)) for one in (opened, image)]
    shown = [sorted((path, node.entry, node.inode.entry.path) for path, node in tree.nodes.items()) for tree in trees]
    assert shown[0] == shown[1]


@pytest.mark.parametrize("form", ["legacy", "keep", "gzip", "zstd"])
def test_docker_loads_and_saves(form: str, image: Image, docker: Tool, tmp_path: Path, indexer: Indexer) -> None:
    written, saved = f"{tmp_path}/written.tar", f"{tmp_path}/saved.tar"
    with outputs.archive(written) as output:
        if form == "legacy":
            writing.write_legacy(output, image, names=[NAME])
        else:
            writing.write_saved(output, image, names=[NAME], compression=form)
    docker("load", "--input", written)
    try:
        docker("save", "--output", saved, NAME)
    finally:
        docker("rmi", NAME)
    opened = stores.open_image(f"docker-archive:{saved}:{NAME}", indexer=indexer)
    demand_same(opened, image, indexer)
    assert opened.names == (NAME,)
    assert opened.digest is not None


@pytest.mark.parametrize(
    "target", ["oci:{}/a:one", "oci-archive:{}/a.tar:one", "docker-archive:{}/a.tar:one/two:three"]
)
def test_skopeo_writes(target: str, image: Image, skopeo: Tool, tmp_path: Path, indexer: Indexer) -> None:
    stores.write_image(image, f"oci:{tmp_path}/written:it")
    target = target.format(tmp_path)
    skopeo("copy", f"oci:{tmp_path}/written:it", target)
    demand_same(stores.open_image(target, indexer=indexer), image, indexer)


@pytest.mark.parametrize("compression", ["keep", "gzip", "zstd"])
@pytest.mark.parametrize("transport", ["oci", "oci-archive", "docker-archive"])
def test_skopeo_reads(transport: str, compression: str, image: Image, skopeo: Tool, tmp_path: Path) -> None:
    name = NAME if transport == "docker-archive" else "it"
    written = f"{transport}:{tmp_path}/written:{name}"
    stores.write_image(image, written, compression=compression)
    skopeo("copy", written, f"oci:{tmp_path}/copy:it")
    copied = stores.open_image(f"oci:{tmp_path}/copy:it")
    assert check(copied).demand().layers == 3
    assert copied.config.diff_ids == image.config.diff_ids  # skopeo may rewrite the configuration for OCI


def test_umoci_unpacks(image: Image, umoci: Tool, tmp_path: Path) -> None:
    stores.write_image(image, f"oci:{tmp_path}/written:it", compression="gzip")
    umoci("unpack", "--image", f"{tmp_path}/written:it", f"{tmp_path}/bundle")
    root = tmp_path / "bundle" / "rootfs"
    assert (root / "etc/link").is_symlink()
    assert (root / "etc/passwd").stat().st_nlink == 2
    assert (root / "ünïcödé").read_bytes() == b"name"


def test_containers_storage(
    image: Image, skopeo: Tool, tmp_path: Path, indexer: Indexer, monkeypatch: pytest.MonkeyPatch
) -> None:
    from engine.containers import environment

    for key, value in environment().items():
        monkeypatch.setenv(key, value)
    name = "localhost/jettison-tests/stores:1"
    stores.write_image(image, f"oci:{tmp_path}/written:it", compression="gzip")
    skopeo("copy", f"oci:{tmp_path}/written:it", f"containers-storage:{name}")
    try:
        demand_same(stores.open_image(f"containers-storage:{name}", indexer=indexer), image, indexer)
        assert any(name in listing.names for listing in stores.list_images("containers-storage:*"))
    finally:
        skopeo("delete", f"containers-storage:{name}")
    with pytest.raises(NotFound, match="could not export"):
        stores.open_image(f"containers-storage:{name}", indexer=indexer)
