"""A layout that is there gets one more image; an archive that would lose some is left alone."""

from __future__ import annotations

import json
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from jettison import stores
from jettison.errors import DigestMismatch, ImageError, InputError, UsageError
from jettison.image.check import check
from jettison.image.compose import compose
from jettison.image.random import random_image
from jettison.image.source import BytesSource

from . import making

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def names(folder: Path) -> list[str]:
    listings = stores.list_images(f"oci:{folder}")
    return sorted(name for listing in listings for name in listing.names)


def test_tags_are_added_and_moved(tmp_path: Path) -> None:
    one, two, three = (random_image(seed, compression="gzip") for seed in (1, 2, 3))
    stores.write_image(one, f"oci:{tmp_path}/l:one")
    stores.write_image(two, f"oci:{tmp_path}/l:two")
    stores.write_image(three, f"oci:{tmp_path}/l:team/app:3")
    assert names(tmp_path / "l") == ["docker.io/team/app:3", "one", "two"]
    stores.write_image(three, f"oci:{tmp_path}/l:one")
    for tag, image in (("one", three), ("two", two), ("team/app:3", three)):
        opened = stores.open_image(f"oci:{tmp_path}/l:{tag}")
        assert opened.digest == image.digest
        check(opened).demand()
    assert sorted(os.listdir(tmp_path / "l")) == ["blobs", "index.json", "oci-layout"]


def test_shared_blobs_are_there_once_and_stay_untouched(tmp_path: Path) -> None:
    tars = [b"".join(layer.uncompressed()) for layer in random_image(1, layers=3).layers]
    stores.write_image(compose(tars[:2]), f"oci:{tmp_path}/l:small")
    blobs = tmp_path / "l" / "blobs" / "sha256"
    before = {path.name: path.stat().st_ino for path in blobs.iterdir()}
    stores.write_image(compose(tars), f"oci:{tmp_path}/l:large")
    after = {path.name: path.stat().st_ino for path in blobs.iterdir()}
    assert len(after) == len(before) + 3  # a layer, a configuration, a manifest
    assert before.items() <= after.items()


def test_without_a_tag_the_one_without_is_replaced(tmp_path: Path) -> None:
    one, two = random_image(1), random_image(2)
    stores.write_image(one, f"oci:{tmp_path}/l")
    stores.write_image(one, f"oci:{tmp_path}/l:kept")
    stores.write_image(two, f"oci:{tmp_path}/l")
    assert len([*stores.list_images(f"oci:{tmp_path}/l")]) == 2
    assert stores.open_image(f"oci:{tmp_path}/l:kept").digest == one.digest


def test_what_others_wrote_into_the_index_stays(tmp_path: Path) -> None:
    image, other = random_image(1), random_image(2)
    about = {
        "vnd.docker.reference.type": "attestation-manifest",
        "vnd.docker.reference.digest": str(image.digest),
    }
    attestation = making.entry_of(image, digest="sha256:" + "1" * 64, annotations=about)
    named = making.entry_of(image, annotations={"org.opencontainers.image.ref.name": "1"})
    index = json.loads(making.index_of(named, attestation))
    index["manifests"][0]["com.example"] = {"x": 1.50}
    index["com.example"] = "kept"
    folder = making.write_layout(
        tmp_path / "l", {**making.blobs_of(image), "index.json": json.dumps(index).encode(), "notes/README": b"hello"}
    )
    stores.write_image(other, f"oci:{folder}:2")
    told = json.loads((folder / "index.json").read_bytes())
    assert told["com.example"] == "kept"
    assert told["manifests"][:2] == index["manifests"]
    stores.write_image(other, f"oci:{folder}:1")
    told = json.loads((folder / "index.json").read_bytes())
    assert [entry["digest"] for entry in told["manifests"]] == [other.digest, other.digest]  # its attestation went, too
    assert (folder / "notes" / "README").read_bytes() == b"hello"


def test_a_tag_of_two_images_is_not_guessed(tmp_path: Path) -> None:
    folder = tmp_path / "l"
    for name, seed in (("app:1", 1), ("web:1", 2)):
        stores.write_image(random_image(seed), f"oci:{folder}:{name}")
    before = (folder / "index.json").read_bytes()
    with pytest.raises(UsageError, match="2 images answer to '1'"):
        stores.write_image(random_image(3), f"oci:{folder}:1")
    with pytest.raises(UsageError, match="under a name or a tag"):
        stores.write_image(random_image(3), f"oci:{folder}@0")
    assert (folder / "index.json").read_bytes() == before


def test_a_failure_leaves_the_layout_as_it_was(tmp_path: Path) -> None:
    folder = tmp_path / "l"
    stores.write_image(random_image(1), f"oci:{folder}:1")
    before = {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    image = random_image(3, layers=2)
    liar = replace(image.layers[1], source=BytesSource(b"x" * 10_000))
    with pytest.raises(DigestMismatch):
        stores.write_image(replace(image, layers=(image.layers[0], liar)), f"oci:{folder}:2")
    (folder / "index.json").write_bytes(b"{")
    with pytest.raises(ImageError, match="is not JSON"):
        stores.write_image(image, f"oci:{folder}:2")
    (folder / "index.json").write_bytes(before[f"{folder}/index.json"])
    assert {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before


def test_a_blob_that_is_there_but_damaged_is_not_trusted(tmp_path: Path) -> None:
    folder = tmp_path / "l"
    image = random_image(1, layers=2)
    stores.write_image(image, f"oci:{folder}:1")
    blob = folder / "blobs" / "sha256" / (image.layers[1].digest or "")[7:]
    blob.write_bytes(b"damaged" + blob.read_bytes()[7:])
    stores.write_image(image, f"oci:{folder}:2")
    check(stores.open_image(f"oci:{folder}:2")).demand()


def test_writers_at_the_same_time_lose_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "l"
    stores.write_image(random_image(0), f"oci:{folder}:0")
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: stores.write_image(random_image(n), f"oci:{folder}:{n}"), range(1, 17)))
    assert names(folder) == sorted(str(number) for number in range(17))
    for number in range(17):
        check(stores.open_image(f"oci:{folder}:{number}")).demand()
    assert sorted(os.listdir(folder)) == ["blobs", "index.json", "oci-layout"]


def test_an_archive_of_several_images_is_not_overwritten(tmp_path: Path) -> None:
    image = random_image(1)
    config = f"{image.id.hex}.json"
    path = making.write_tar(
        tmp_path / "two.tar",
        making.file(config, image.config_bytes),
        making.file("manifest.json", making.saved((config, [], ["a:1"]), (config, [], ["b:1"]))),
    )
    before = path.read_bytes()
    for transport in ("docker-archive", "oci-archive"):
        with pytest.raises(UsageError, match="holds 2 images"):
            stores.write_image(image, f"{transport}:{path}:c:1")
    assert path.read_bytes() == before


@pytest.mark.parametrize("transport", ["oci-archive", "docker-archive"])
@pytest.mark.parametrize("compression", ["none", "gzip", "zstd"])
def test_archives_are_loaded_by_engines(
    docker: Callable[..., str], podman: Callable[..., str], tmp_path: Path, transport: str, compression: str
) -> None:
    image = compose([making.layer(making.file("hello.txt", b"hello" * 9000), making.file("b", b"b"))])
    name, path = "jettison-test/loaded:1", tmp_path / "image.tar"
    stores.write_image(image, f"{transport}:{path}:{name}", compression=compression)
    loaded = stores.open_image(str(path))
    for engine in (docker, podman):
        engine("load", "--input", path)
        try:
            said = engine("image", "inspect", "--format", "{{.Id}}", name).strip()
            assert said.removeprefix("sha256:") == loaded.id.hex
        finally:
            engine("rmi", "--force", name)


def test_a_layout_of_two_is_read_by_others(
    skopeo: Callable[..., str], umoci: Callable[..., str], tmp_path: Path
) -> None:
    for number in (1, 2):
        image = compose([making.layer(making.file(f"file{number}", b"x" * number))], compression="gzip")
        stores.write_image(image, f"oci:{tmp_path}/l:{number}")
    for number in (1, 2):
        image = stores.open_image(f"oci:{tmp_path}/l:{number}")
        assert json.loads(skopeo("inspect", f"oci:{tmp_path}/l:{number}"))["Digest"] == image.digest
        umoci("unpack", "--image", f"{tmp_path}/l:{number}", tmp_path / f"bundle{number}")
        assert os.listdir(tmp_path / f"bundle{number}" / "rootfs") == [f"file{number}"]


def test_a_layout_that_may_not_be_written(tmp_path: Path) -> None:
    folder = tmp_path / "l"
    stores.write_image(random_image(1), f"oci:{folder}:1")
    (folder / "blobs").rename(tmp_path / "b")
    (folder / "blobs").write_bytes(b"a file")
    with pytest.raises(InputError, match="cannot be written"):
        stores.write_image(random_image(2), f"oci:{folder}:2")
