"""docker-archive in all its ages."""

from __future__ import annotations

import gzip
import os
import random
import re
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from jettison import stores
from jettison.errors import DigestMismatch, ImageError, InputError, NotFound, UsageError
from jettison.image import dialects, tar
from jettison.image.check import check
from jettison.image.compose import compose
from jettison.image.entry import DIRECTORY, HARDLINK, SYMLINK
from jettison.oci.platform import Platform
from jettison.stores.docker_archive import open_saved
from jettison.stores.streamed import StreamedArchive

from .making import entry, file, layer, link, saved, simple, write_tar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from jettison.image.indexer import Indexer

DIVE = Path(os.environ.get("JETTISON_DIVE", Path(__file__).parents[3] / "shared" / "data" / "dive"))


def config_file(image: stores.Image, name: str | None = None) -> bytes:
    return file(name or f"{image.id.hex}.json", image.config_bytes)


@pytest.fixture
def two(tmp_path: Path) -> Path:
    """An archive of two images, one with two names."""
    one, other = simple("one"), simple("other")
    tars = [b"".join(image.layers[0].source.chunks()) for image in (one, other)]
    return write_tar(
        tmp_path / "two.tar",
        file("a/layer.tar", tars[0]),
        file("b/layer.tar", tars[1]),
        config_file(one),
        config_file(other),
        file(
            "manifest.json",
            saved(
                (f"{one.id.hex}.json", ["a/layer.tar"], ["one:1", "one:latest"]),
                (f"{other.id.hex}.json", ["b/layer.tar"], ["registry.example/team/other:2"]),
            ),
        ),
    )


@pytest.mark.parametrize(
    ("selector", "name"),
    [
        (":one:1", "one:1"),
        (":one", "one:1"),
        (":docker.io/library/one:latest", "one:1"),
        (":registry.example/team/other:2", "registry.example/team/other:2"),
        ("@0", "one:1"),
        ("@1", "registry.example/team/other:2"),
        (f"@{simple('other').id}", "registry.example/team/other:2"),
    ],
)
@pytest.mark.parametrize("transport", ["docker-archive:", ""])
def test_one_of_several(two: Path, selector: str, name: str, transport: str, indexer: Indexer) -> None:
    image = stores.open_image(f"{transport}{two}{selector}", indexer=indexer)
    assert name in image.names
    assert check(image).ok


def test_several_and_none_chosen(two: Path) -> None:
    with pytest.raises(UsageError, match=r"2 images: one:1 one:latest, registry\.example/team/other:2"):
        stores.open_image(str(two))
    with pytest.raises(NotFound, match="there are: one:1"):
        stores.open_image(f"{two}:three:3")
    assert [listing.names for listing in stores.list_images(str(two))] == [
        ("one:1", "one:latest"),
        ("registry.example/team/other:2",),
    ]


def test_several_platforms_under_one_name(tmp_path: Path, indexer: Indexer) -> None:
    images = [simple("x", platform=Platform(os="linux", architecture=name)) for name in ("amd64", "arm64", "s390x")]
    archive = write_tar(
        tmp_path / "platforms.tar",
        file("layer.tar", b"".join(images[0].layers[0].source.chunks())),
        *[config_file(image) for image in images],
        file("manifest.json", saved(*[(f"{image.id.hex}.json", ["layer.tar"], ["x:1"]) for image in images])),
    )
    arm = stores.open_image(str(archive), Platform(os="linux", architecture="arm64"), indexer)
    assert arm.config.architecture == "arm64"
    with pytest.raises(InputError):
        stores.open_image(str(two_platform(tmp_path, images[2])), Platform(os="linux", architecture="arm64"), indexer)


def two_platform(folder: Path, image: stores.Image) -> Path:
    return write_tar(
        folder / "single.tar",
        file("layer.tar", b"".join(image.layers[0].source.chunks())),
        config_file(image),
        file("manifest.json", saved((f"{image.id.hex}.json", ["layer.tar"], []))),
    )


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gzip"])
@pytest.mark.parametrize(
    ("kind", "target"), [(SYMLINK, "../a/layer.tar"), (SYMLINK, "./.././a//layer.tar"), (HARDLINK, "a/layer.tar")]
)
def test_layer_that_links_to_another(
    kind: int, target: str, packed: bool, tmp_path: Path, indexer: Indexer, gzip_file: Callable[[Path], Path]
) -> None:
    tarred = layer(file("f", b"twice"))
    image = compose([tarred, tarred])
    archive = write_tar(
        tmp_path / "links.tar",
        file("a/layer.tar", tarred),
        link("b/layer.tar", target, kind),
        config_file(image),
        file("manifest.json", saved((f"{image.id.hex}.json", ["a/layer.tar", "b/layer.tar"], []))),
    )
    opened = stores.open_image(str(gzip_file(archive) if packed else archive), indexer=indexer)
    assert [one.stored_size for one in opened.layers] == [len(tarred)] * 2
    assert check(opened).ok


@pytest.mark.parametrize(
    ("target", "problem"),
    [
        ("../../layer.tar", "leads out of the archive"),
        ("/etc/passwd", "leads out of the archive"),
        ("../b/layer.tar", "link through more than"),
        ("../c", "is a directory, not a file"),
        ("../nothing", "layer 0 of 1 is missing"),
    ],
)
def test_layer_that_links_astray(target: str, problem: str, tmp_path: Path, indexer: Indexer) -> None:
    image = simple()
    archive = write_tar(
        tmp_path / "links.tar",
        link("b/layer.tar", target, SYMLINK),
        dialects.member(entry(b"c", DIRECTORY)),
        config_file(image),
        file("manifest.json", saved((f"{image.id.hex}.json", ["b/layer.tar"], []))),
    )
    with pytest.raises(InputError, match=problem) as caught:
        stores.open_image(str(archive), indexer=indexer)
    assert str(archive) in str(caught.value)


def test_kaniko(tmp_path: Path, indexer: Indexer) -> None:
    image = compose([layer(file("f", b"kaniko"))], compression="gzip")
    blob = b"".join(image.layers[0].source.chunks())
    archive = write_tar(
        tmp_path / "kaniko.tar",
        config_file(image, image.id),
        file("abc.tar.gz", blob),
        file("manifest.json", saved((image.id, ["abc.tar.gz"], ["k:1"]))),
    )
    opened = stores.open_image(str(archive), indexer=indexer)
    assert opened.layers[0].compression() == "gzip"
    assert check(opened).ok


def test_configuration_must_have_its_name(tmp_path: Path, indexer: Indexer) -> None:
    image = simple()
    archive = write_tar(
        tmp_path / "liar.tar",
        file("layer.tar", b"".join(image.layers[0].source.chunks())),
        file(f"{'0' * 64}.json", image.config_bytes),
        file("manifest.json", saved((f"{'0' * 64}.json", ["layer.tar"], []))),
    )
    with pytest.raises(DigestMismatch, match="not the digest that it is named by"):
        stores.open_image(str(archive), indexer=indexer)


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gzip"])
def test_manifest_json_twice_is_refused(
    packed: bool, two: Path, indexer: Indexer, gzip_file: Callable[[Path], Path]
) -> None:
    two.write_bytes(two.read_bytes()[:-1024] + file("./manifest.json", b"[]") + tar.END)
    with pytest.raises(ImageError, match=r"two members are named manifest"):
        stores.open_image(f"{gzip_file(two) if packed else two}:one", indexer=indexer)


def test_other_archives_are_named(tmp_path: Path) -> None:
    legacy = write_tar(tmp_path / "old.tar", file("repositories", b"{}"), file("a/layer.tar", b""))
    with pytest.raises(NotFound) as caught:
        stores.open_image(f"docker-archive:{legacy}")
    assert "1.10" in (caught.value.hint or "")
    layout = write_tar(tmp_path / "oci.tar", file("index.json", b"{}"))
    with pytest.raises(NotFound) as caught:
        stores.open_image(f"docker-archive:{layout}")
    assert "oci-archive:" in (caught.value.hint or "")
    with pytest.raises(ImageError, match="no image: it has neither") as caught:
        stores.open_image(str(write_tar(tmp_path / "rootfs.tar", file("etc/passwd", b""))))
    assert "dir:" in (caught.value.hint or "")


def test_a_pipe_is_read_once(two: Path, tmp_path: Path, indexer: Indexer) -> None:
    pipe = tmp_path / "pipe.tar"
    os.mkfifo(pipe)

    def feed() -> None:
        with pipe.open("wb") as end:
            end.write(gzip.compress(two.read_bytes()))

    thread = threading.Thread(target=feed)
    thread.start()
    image = stores.open_image(f"docker-archive:{pipe}:one:1", indexer=indexer)
    thread.join()
    assert [index.entries[0].path for index in indexer.image(image)] == [b"hello.txt"]
    with pytest.raises(InputError, match="only once"):
        [*image.layers[0].uncompressed()]


@pytest.mark.parametrize("size", [1, 3, 511, 700])
def test_streams_may_come_in_small_pieces(size: int, indexer: Indexer, tmp_path: Path) -> None:
    image = compose([layer(file("f", b"small pieces"))], compression="gzip")
    path = tmp_path / "a.tar"
    stores.write_image(image, f"docker-archive:{path}")
    data = path.read_bytes()

    def start() -> Iterator[bytes]:
        return (data[at : at + size] for at in range(0, len(data), size))

    opened = open_saved(StreamedArchive("pieces", start, indexer), "pieces", None, None)
    assert opened.layers[0].compression() == "gzip"
    assert check(opened).ok
    assert indexer.image(opened)[0].compression == "gzip"


def test_what_only_looks_like_a_layer_does_not_disturb(
    tmp_path: Path, indexer: Indexer, gzip_file: Callable[[Path], Path]
) -> None:
    """Broken tars and packed texts in an archive matter only where the image has them as layers."""
    noise = random.Random(1).randbytes(3_000_000)
    image = simple("sound")
    members = [
        file("notes.gz", gzip.compress(noise)),
        file("broken.tar", layer(file("a", noise[:2000]))[:-1024] + noise),
        file("broken.tar.gz", gzip.compress(layer(file("a", noise[:2000]))[:-1024] + noise)[:-1000]),
        file("layer.tar", b"".join(image.layers[0].source.chunks())),
        config_file(image),
    ]
    for number, name in enumerate(("layer.tar", "broken.tar", "broken.tar.gz")):
        listed = saved((f"{image.id.hex}.json", [name], []))
        archive = gzip_file(write_tar(tmp_path / f"{number}.tar", *members, file("manifest.json", listed)))
        if name == "layer.tar":
            assert check(stores.open_image(str(archive), indexer=indexer)).ok
        else:
            with pytest.raises(ImageError, match=re.escape(f"{archive}: {name}")):
                stores.open_image(str(archive), indexer=indexer)


def test_streaming_reads_a_layer_again(two: Path, indexer: Indexer, gzip_file: Callable[[Path], Path]) -> None:
    image = stores.open_image(f"{gzip_file(two)}:one:1", indexer=indexer)
    assert b"one" in b"".join(image.layers[0].uncompressed())


@pytest.mark.skipif(not DIVE.is_dir(), reason="no archives of dive's tests; JETTISON_DIVE names their folder")
@pytest.mark.parametrize(
    ("name", "layers", "members"),
    [
        ("test-docker-image.tar", 14, 451),
        ("test-kaniko-image.tar", 14, 470),
        ("test-oci-gzip-image.tar", 1, 1),
        ("test-oci-zstd-image.tar", 1, 1),
        ("test-oci-estargz-image.tar", 1, 1),
        ("test-oci-uncompressed-image.tar", 1, 1),
    ],
)
def test_archives_of_dives_tests(name: str, layers: int, members: int) -> None:
    report = check(stores.open_image(str(DIVE / name))).demand()
    assert (report.layers, report.members) == (layers, members)
