"""`jettison squeeze` and `jettison restore`: what they write, what they refuse, and what is left after a failure."""

from __future__ import annotations

import errno
import json
import os
from typing import TYPE_CHECKING

import pytest
from images_on_demand import file, image_of

from jettison.cli.main import main
from jettison.image.check import check
from jettison.stores import open_image, write_image

if TYPE_CHECKING:
    from pathlib import Path

BIG = bytes(range(256)) * 400
LAYERS = [[file("a", BIG), file("keep", b"k")], [file(".wh.a"), file("usr/share/doc/x/manual", b"m" * 9000)]]


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    path = tmp_path / "in.tar"
    write_image(image_of(*LAYERS), f"docker-archive:{path}:app:1")
    return path


def test_it_writes_what_it_says(archive: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["squeeze", str(archive), "-o", f"oci:{tmp_path}/out:1"]) == 0
    out = capsys.readouterr().out
    assert "proof: 7 paths" in out
    assert "0 differences" in out
    image = open_image(f"oci:{tmp_path}/out:1")
    check(image).demand()
    assert all(layer.compression() == "gzip" for layer in image.layers)
    assert sorted(os.listdir(tmp_path)) == ["in.tar", "out"]


def test_output_may_be_the_input(archive: Path) -> None:
    before = archive.stat().st_size
    assert main(["squeeze", str(archive), "-o", f"docker-archive:{archive}"]) == 0
    image = open_image(str(archive))
    check(image).demand()
    assert image.names == ("app:1",)
    assert archive.stat().st_size < before - len(BIG) + 2048
    assert os.listdir(archive.parent) == ["in.tar"]


def test_json_tells_all(archive: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["squeeze", str(archive), "-o", f"oci:{tmp_path}/out:1", "--format", "json", "--drop", "docs"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["proof"]["unexpected_differences"] == 0
    assert told["gone"] == ["usr/share/doc/x/manual"]
    assert told["dropped"] == [{"what": "docs", "files": 1, "bytes": 9000}]
    assert [layer["fate"] for layer in told["layers"]] == ["rewritten", "rewritten"]
    assert told["digest"]["after"] == open_image(f"oci:{tmp_path}/out:1").digest


def test_markdown_has_a_row_a_layer(archive: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["squeeze", str(archive), "-o", f"oci:{tmp_path}/out:1", "--format", "markdown"]) == 0
    assert capsys.readouterr().out.count("\n| ") == 4


def test_a_dry_run_writes_nothing(archive: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["squeeze", str(archive), "--dry-run"]) == 0
    assert "would save" in capsys.readouterr().out
    assert os.listdir(archive.parent) == ["in.tar"]


def test_cargo_lies_beside_the_result_in_its_layout(archive: Path, tmp_path: Path) -> None:
    layout = f"oci:{tmp_path}/layout"
    words = ["--drop", "docs", "--cargo", f"{layout}:app-cargo"]
    assert main(["squeeze", str(archive), "-o", f"{layout}:app", *words]) == 0
    blobs = set(os.listdir(tmp_path / "layout" / "blobs" / "sha256"))
    result, cargo = open_image(f"{layout}:app"), open_image(f"{layout}:app-cargo")
    check(cargo).demand()
    assert [layer.digest for layer in cargo.layers[:-1]] == [layer.digest for layer in result.layers]
    assert len(blobs) == len(result.layers) + 1 + 4  # the cargo's layer; each image's configuration and manifest
    assert main(["restore", f"{layout}:app", "--cargo", f"{layout}:app-cargo", "-o", f"{layout}:app"]) == 0
    check(open_image(f"{layout}:app")).demand()


def test_what_was_dropped_comes_back(archive: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    result, cargo, again = (f"oci:{tmp_path}/{name}:1" for name in ("result", "cargo", "again"))
    assert main(["squeeze", str(archive), "-o", result, "--drop", "docs", "--cargo", cargo]) == 0
    kept = open_image(cargo)
    assert kept.manifest is not None
    assert kept.manifest.subject is not None
    assert kept.manifest.subject.digest == open_image(result).digest
    assert main(["restore", result, "--cargo", cargo, "-o", again]) == 0
    check(open_image(again)).demand()
    assert main(["restore", str(archive), "--cargo", cargo, "-o", f"oci:{tmp_path}/wrong:1"]) == 4
    assert "this is not the cargo of" in capsys.readouterr().err
    assert not (tmp_path / "wrong").exists()


@pytest.mark.parametrize(
    ("words", "status", "told"),
    [
        ([], 2, "name it with -o"),
        (["-o", "oci:{0}/x:1", "--compress", "lzma"], 2, "'lzma' is no compression"),
        (["-o", "oci:{0}/x:1", "--compress", "gzip:13"], 2, "levels 0 to 12"),
        (["-o", "oci:{0}/x:1", "--layers", "0"], 2, "--layers '0'"),
        (["-o", "oci:{0}/x:1", "--keep-base"], 2, "the base image is not known"),
        (["-o", "oci:{0}/x:1", "--base", "{0}/other.tar"], 2, "they share no layer"),
        (["-o", "oci:{0}/x:1", "--drop", "everything"], 2, "no kind of waste 'everything'"),
        (["-o", "oci:{0}/x:1", "--drop-path", "nowhere"], 4, "no path matches"),
        (["-o", "oci:{0}/x:1", "--cargo", "oci:{0}/x:1"], 2, "cannot be one image"),
        (["-o", "oci-archive:{0}/x:1", "--cargo", "oci-archive:{0}/x:2"], 2, "cannot be one image"),
        (["-o", "oci:{0}/x:1", "--cargo", "docker-archive:{0}/in.tar:c:1"], 2, "cannot take the place"),
        (["-o", "oci:{0}/none/x:1"], 4, "No such file or directory"),
    ],
)
def test_what_is_refused(
    archive: Path, words: list[str], status: int, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    if "--base" in words:
        write_image(image_of([file("other")]), f"docker-archive:{archive.parent}/other.tar:other:1")
    before = sorted(os.listdir(archive.parent))
    outcome = main(["squeeze", str(archive), *(word.format(archive.parent) for word in words)])
    assert (outcome, told in capsys.readouterr().err) == (status, True)
    assert sorted(os.listdir(archive.parent)) == before


def test_no_space_left_leaves_nothing(
    archive: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(descriptor: int, data: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("jettison.rewrite.spool.os.write", full)
    assert main(["squeeze", str(archive), "-o", f"docker-archive:{archive}"]) == 4
    monkeypatch.undo()
    assert "No space left on device" in capsys.readouterr().err
    assert os.listdir(archive.parent) == ["in.tar"]
    check(open_image(str(archive))).demand()


def test_a_damaged_layer_is_named_and_nothing_is_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "in.tar"
    write_image(image_of([file("a", BIG), file("keep", BIG[::-1])], [file(".wh.a")]), f"docker-archive:{path}:app:1")
    assert main(["squeeze", str(path), "--dry-run"]) == 0  # its index is known from now on
    path.write_bytes(path.read_bytes().replace(BIG[::-1][:1000], b"\1" * 1000, 1))
    capsys.readouterr()
    assert main(["squeeze", str(path), "-o", f"oci:{tmp_path}/out:1"]) == 4
    assert "layer 0: the diff_id is" in capsys.readouterr().err
    assert os.listdir(tmp_path) == ["in.tar"]
