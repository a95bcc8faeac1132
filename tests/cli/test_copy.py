"""`jettison copy`: from any store to any other, digests kept, nothing sent twice, nothing half-written."""

from __future__ import annotations

import errno
import gzip
import hashlib
import itertools
import json
import os
from typing import TYPE_CHECKING, Any

import pytest

from cli.multi import graph_of, image_for
from jettison import stores
from jettison.cli.main import main
from jettison.image.check import check
from jettison.image.compose import compose
from jettison.image.random import random_image
from jettison.oci.platform import Platform
from jettison.oci.reference import parse
from jettison.stores import outputs
from jettison.stores.writing import manifest_json, write_legacy

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture
def layout(tmp_path: Path) -> str:
    """A layout with an image of two platforms and an attestation of each, as `oci:DIR:multi`."""
    reference = f"oci:{tmp_path}/in:multi"
    stores.write_graph(graph_of(image_for(1, "amd64"), image_for(2, "arm64")), reference)
    return reference


def root_of(reference: str) -> bytes:
    return stores.open_graph(parse(reference)).root.data


def told(capsys: pytest.CaptureFixture[str]) -> Any:
    return json.loads(capsys.readouterr().out)


def test_all_platforms_go_anywhere_byte_for_byte(
    layout: str, tmp_path: Path, registry: str, capsys: pytest.CaptureFixture[str]
) -> None:
    stops = [layout, f"docker://{registry}/multi:1", f"oci-archive:{tmp_path}/a.tar:x", f"oci:{tmp_path}/out:y"]
    for source, target in itertools.pairwise(stops):
        assert main(["copy", source, target]) == 0
        out = capsys.readouterr().out
        assert "as it was" in out
        assert out.count("layers") == 2
    assert len({root_of(stop) for stop in stops}) == 1
    assert len(stores.open_image(stops[-1], Platform("amd64", "linux")).attestations) == 1
    for architecture in ("amd64", "arm64"):
        check(stores.open_image(stops[-1], Platform(architecture, "linux"))).demand()


def test_nothing_is_sent_twice(layout: str, registry: str, capsys: pytest.CaptureFixture[str]) -> None:
    target = f"docker://{registry}/twice"
    assert main(["copy", layout, f"{target}:1", "--format", "json"]) == 0
    first = told(capsys)
    assert first["bytes"]["skipped"] == 0
    assert first["bytes"]["sent"] == sum(blob["size"] for blob in first["blobs"])
    assert main(["copy", layout, f"{target}:2", "--format", "json"]) == 0
    second = told(capsys)
    assert second["bytes"] == {"sent": 0, "skipped": first["bytes"]["sent"], "elsewhere": 0}
    assert main(["copy", f"{target}:2", f"docker://{registry}/elsewhere:2", "--format", "json"]) == 0
    assert {blob["fate"] for blob in told(capsys)["blobs"]} == {"mounted"}


def test_one_platform(layout: str, registry: str, capsys: pytest.CaptureFixture[str]) -> None:
    target = f"docker://{registry}/one:1"
    assert main(["copy", layout, target, "--platform", "linux/arm64", "--format", "json"]) == 0
    report = told(capsys)
    assert [image["platform"] for image in report["images"]] == ["linux/arm64"]
    assert report["kind"] == "manifest"
    assert report["digest"]["before"] == report["digest"]["after"]
    assert stores.open_image(target).digest == stores.open_image(layout, Platform("arm64", "linux")).digest


@pytest.mark.parametrize(("how", "kind"), [("zstd", "zstd"), ("zstd:9", "zstd"), ("none", None)])
def test_recompression_keeps_the_files(
    layout: str, tmp_path: Path, how: str, kind: str | None, capsys: pytest.CaptureFixture[str]
) -> None:
    target = f"oci:{tmp_path}/out:1"
    assert main(["copy", layout, target, "--compress", how, "--format", "json"]) == 0
    report = told(capsys)
    assert report["digest"]["before"] != report["digest"]["after"]
    assert report["attestations_left_out"] == 2  # they speak of the manifests that were
    for architecture in ("amd64", "arm64"):
        before, after = (stores.open_image(name, Platform(architecture, "linux")) for name in (layout, target))
        check(after).demand()
        assert after.config_bytes == before.config_bytes
        assert {layer.compression() for layer in after.layers} == {kind}
    again = f"oci:{tmp_path}/again:1"
    assert main(["copy", layout, again, "--compress", how]) == 0
    assert root_of(again) == root_of(target)


def test_what_is_packed_so_stays(layout: str, tmp_path: Path) -> None:
    assert main(["copy", layout, f"oci:{tmp_path}/out:1", "--compress", "gzip"]) == 0
    assert root_of(f"oci:{tmp_path}/out:1") == root_of(layout)


@pytest.mark.parametrize("age", ["Docker 24", "Docker 26", "kaniko"])
def test_a_docker_archive_gets_gzip_where_it_travels(tmp_path: Path, registry: str, age: str) -> None:
    plain = compose([b"".join(layer.uncompressed()) for layer in random_image(3, layers=2).layers])
    path = f"{tmp_path}/old.tar"
    if age == "Docker 26":
        stores.write_image(plain, f"docker-archive:{path}:app:1")
    elif age == "Docker 24":
        with outputs.archive(path) as output:
            write_legacy(output, plain, names=["app:1"])
    else:  # packed layers, and no manifest
        with outputs.archive(path) as output:
            paths = []
            for number, layer in enumerate(plain.layers):
                paths.append(f"{number}.tar.gz")
                output.add(paths[-1], gzip.compress(b"".join(layer.uncompressed()), mtime=0))
            output.add("config.json", plain.config_bytes)
            output.add("manifest.json", manifest_json("config.json", paths, ["app:1"]))
    target = f"docker://{registry}/travels:1"
    assert main(["copy", path, target]) == 0
    after = stores.open_image(target)
    check(after).demand()
    assert after.config_bytes == plain.config_bytes
    assert {layer.compression() for layer in after.layers} == {"gzip"}
    if age == "kaniko":
        blobs = [b"".join(layer.source.chunks()) for layer in after.layers]
        assert blobs == [gzip.compress(b"".join(layer.uncompressed()), mtime=0) for layer in plain.layers]


def test_an_index_does_not_fit_everywhere(layout: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = f"docker-archive:{tmp_path}/out.tar:app:1"
    assert main(["copy", layout, target, "--all-platforms"]) == 2
    assert "docker-archive holds images of one platform" in capsys.readouterr().err
    assert not os.path.exists(f"{tmp_path}/out.tar")
    assert main(["copy", layout, target, "--platform", "arm64"]) == 0
    assert stores.open_image(target).config.architecture == "arm64"


def test_source_and_target_may_be_one(layout: str, tmp_path: Path, registry: str) -> None:
    before = root_of(layout)
    assert main(["copy", layout, layout]) == 0
    assert main(["copy", layout, layout[: -len("multi")] + "other"]) == 0
    assert root_of(layout) == root_of(layout[: -len("multi")] + "other") == before
    archive = f"oci-archive:{tmp_path}/a.tar:x"
    for source, target in ((layout, archive), (archive, archive)):
        assert main(["copy", source, target]) == 0
        assert root_of(archive) == before
    remote = f"docker://{registry}/self:1"
    for source, target in ((layout, remote), (remote, remote)):
        assert main(["copy", source, target]) == 0
        assert root_of(remote) == before


def test_a_layout_keeps_its_other_images(layout: str, tmp_path: Path) -> None:
    image = image_for(9, "amd64")
    stores.write_image(image, f"oci:{tmp_path}/in:other")
    folder = tmp_path / "in"
    damaged = folder / "blobs" / "sha256" / str(image.layers[0].digest)[7:]
    damaged.write_bytes(b"x" * damaged.stat().st_size)
    stores.write_image(image, f"oci:{tmp_path}/source:1")
    assert main(["copy", f"oci:{tmp_path}/source:1", f"oci:{folder}:other"]) == 0
    check(stores.open_image(f"oci:{folder}:other")).demand()  # what was there and damaged was written again
    assert len(stores.open_graph(parse(layout)).images()) == 2


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (["{layout}", "out"], 2, "say where that is"),
        (["{layout}", "oci:{tmp}/out:1", "--compress", "lzma"], 2, "is no compression"),
        (["{layout}", "oci:{tmp}/out:1", "--platform", "windows/amd64"], 4, "no image for windows/amd64"),
        (["oci:{tmp}/nowhere:1", "oci:{tmp}/out:1"], 4, "does not exist"),
        (["oci:{tmp}/in:nothing", "oci:{tmp}/out:1"], 4, "no image 'nothing'"),
        (["{layout}", "oci:{tmp}/no/such/out:1"], 4, "No such file or directory"),
        (["{layout}", "docker://127.0.0.1:1/app:1"], 4, "cannot be reached"),
        (["{layout}", "dir:{tmp}/in"], 2, "exists already"),
    ],
)
def test_what_is_refused(
    layout: str,
    tmp_path: Path,
    words: list[str],
    status: int,
    said: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    before = sorted(os.listdir(tmp_path))
    outcome = main(["copy", *(word.format(layout=layout, tmp=tmp_path) for word in words)])
    error = capsys.readouterr().err
    assert (outcome, said in error) == (status, True), error
    assert sorted(os.listdir(tmp_path)) == before


def test_a_damaged_blob_is_named_and_nothing_is_written(
    layout: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    image = stores.open_image(layout, Platform("amd64", "linux"))
    blob = tmp_path / "in" / "blobs" / "sha256" / str(image.layers[1].digest)[7:]
    blob.write_bytes(b"x" * blob.stat().st_size)
    for target in (f"oci:{tmp_path}/out:1", f"oci-archive:{tmp_path}/out.tar:1"):
        assert main(["copy", layout, target]) == 4
        assert str(image.layers[1].digest) in capsys.readouterr().err
    assert os.listdir(tmp_path) == ["in"]


def test_a_bare_path_with_a_tag_is_found_in_the_layout(layout: str, tmp_path: Path) -> None:
    assert main(["copy", layout, f"oci-archive:{tmp_path}/one.tar:tag", "--platform", "arm64"]) == 0
    assert main(["copy", f"{tmp_path}/one.tar:tag", f"oci:{tmp_path}/out:1"]) == 0
    assert stores.open_image(f"oci:{tmp_path}/out:1").digest == stores.open_image(f"{tmp_path}/one.tar:tag").digest


@pytest.mark.parametrize("target", ["oci:{tmp}/out:1", "oci-archive:{tmp}/out.tar:1"])
def test_no_space_left_leaves_nothing(
    layout: str, tmp_path: Path, target: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("os.fsync", full)
    assert main(["copy", layout, target.format(tmp=tmp_path)]) == 4
    monkeypatch.undo()
    assert "No space left on device" in capsys.readouterr().err
    assert os.listdir(tmp_path) == ["in"]


def test_a_hundred_platforms(tmp_path: Path, registry: str, capsys: pytest.CaptureFixture[str]) -> None:
    images = [image_for(number % 5, f"arch{number}") for number in range(100)]
    source, target = f"oci:{tmp_path}/in:1", f"docker://{registry}/hundred:1"
    stores.write_graph(graph_of(*images), source)
    assert main(["copy", source, target, "--format", "json"]) == 0
    report = told(capsys)
    assert (len(report["images"]), report["documents"]) == (100, 201)
    assert root_of(target) == root_of(source)


def test_skopeo_sees_the_same(
    layout: str, tmp_path: Path, registry: str, skopeo: Callable[..., str], capsys: pytest.CaptureFixture[str]
) -> None:
    ours, theirs = f"docker://{registry}/ours:1", f"docker://{registry}/theirs:1"
    assert main(["copy", layout, ours]) == 0
    skopeo("copy", "--quiet", "--all", "--dest-tls-verify=false", layout, theirs)
    raw = [skopeo("inspect", "--raw", "--tls-verify=false", name) for name in (ours, theirs)]
    assert hashlib.sha256(raw[0].encode()).hexdigest() == hashlib.sha256(raw[1].encode()).hexdigest()
    assert raw[0].encode() == root_of(layout)
    skopeo("copy", "--quiet", "--all", "--src-tls-verify=false", ours, f"oci:{tmp_path}/skopeo:1")
    assert root_of(f"oci:{tmp_path}/skopeo:1") == root_of(layout)
    assert main(["copy", f"oci:{tmp_path}/skopeo:1", f"oci-archive:{tmp_path}/back.tar:1"]) == 0
    skopeo("copy", "--quiet", "--all", f"oci-archive:{tmp_path}/back.tar:1", f"oci:{tmp_path}/once-more:1")
    assert root_of(f"oci:{tmp_path}/once-more:1") == root_of(layout)
