"""eStargz, judged by the reference implementation: its reader opens what is written, and every chunk verifies."""

from __future__ import annotations

import hashlib
import json
import os
import random
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from images_on_demand import agreeing_image, file, image_of, indexer, other

from jettison.cli.main import main
from jettison.errors import DigestMismatch, ImageError
from jettison.image.check import check
from jettison.image.compose import compose
from jettison.image.entry import CHARACTER, DIRECTORY, FIFO, FILE, HARDLINK, SYMLINK
from jettison.image.source import BytesSource
from jettison.image.tree import stack
from jettison.lighten import Recipe, lighten
from jettison.proof.same_tree import same_tree
from jettison.rewrite.estargz import CHUNK, TABLE_DIGEST
from jettison.rewrite.finish import Choice
from jettison.rewrite.packing import Packing
from jettison.rewrite.spool import Spool
from jettison.stores import open_image, write_image

if TYPE_CHECKING:
    from collections.abc import Callable

    from jettison.image.image import Image

KINDS = {"reg": FILE, "hardlink": HARDLINK, "symlink": SYMLINK, "char": CHARACTER, "dir": DIRECTORY, "fifo": FIFO}
LARGE = random.Random(1).randbytes(2 * CHUNK + 12345)
MEMBERS = [
    other("d", DIRECTORY, mode=0o1750, uid=42, gid=43),
    file("d/large", LARGE, mode=0o4755),
    file("d/exact", LARGE[:CHUNK]),
    file("d/small", b"small", xattrs={"user.a": b"\0\xff"}),
    file("d/empty"),
    other("d/again", HARDLINK, link=b"d/small"),
    other("link", SYMLINK, link=b"d/large", mode=0o777),
    other("null", CHARACTER, device=(1, 3)),
    other("pipe", FIFO),
    file("ünï", b"u" * 700),
    file("long/" + "x" * 200, b"l"),
    file("d/.wh.nothing"),
]


@pytest.fixture(scope="session")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program around stargz-snapshotter's own library."""
    if not shutil.which("go"):
        if os.environ.get("JETTISON_TEST_REQUIRE"):
            pytest.fail("go is not installed", pytrace=False)
        pytest.skip("go is not installed")
    folder = tmp_path_factory.mktemp("reader")
    shutil.copytree(Path(__file__).parent / "lazy", folder / "lazy")
    program = folder / "verify"
    done = subprocess.run(["go", "build", "-o", program, "."], cwd=folder / "lazy", capture_output=True, check=False)
    if done.returncode:
        problem = f"the reference implementation cannot be built: {done.stderr.decode()[-300:]}"
        (pytest.fail if os.environ.get("JETTISON_TEST_REQUIRE") else pytest.skip)(problem)
    return program


def lazy(image: Image, spool: Spool, **more: Any) -> Image:
    """The image as eStargz, through the whole of squeezing and its proof."""
    recipe = Recipe(choice=Choice(Packing.parse("estargz:6", more.pop("threads", None))), **more)
    done = lighten(image, recipe, spool, indexer())
    assert done.after is not None
    check(done.after).demand()
    return done.after


def rows(reader: Path, image: Image, number: int, folder: Path) -> dict[str, list[str]]:
    """What the reference implementation reads of a layer, its digests verified."""
    layer = image.layers[number]
    assert layer.descriptor is not None
    digest = (layer.descriptor.annotations or {})[TABLE_DIGEST]
    blob = folder / f"blob{number}"
    blob.write_bytes(b"".join(layer.source.chunks()))
    done = subprocess.run([reader, blob, digest], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found: list[list[str]] = [json.loads(line) for line in done.stdout.splitlines()]
    return {row[1]: row for row in found}


def demand_read(reader: Path, image: Image, folder: Path) -> None:
    """Every layer reads as its tar says: kinds, sizes, contents, modes, owners, links, devices."""
    for number, layer in enumerate(image.layers):
        found = rows(reader, image, number, folder)
        entries = {entry.path: entry for entry in indexer().index(layer).entries if entry.path}
        for path, entry in entries.items():
            kind, _, size, digest, mode, uid, gid, link, device = found[path.decode()]
            if entry.kind == HARDLINK:
                target = entries[entry.link]
                assert digest == target.sha256.hex()
                continue
            assert KINDS[kind] == entry.kind
            assert (int(size), digest) == (entry.size, entry.sha256.hex())
            assert (int(mode), int(uid), int(gid)) == (entry.mode, entry.uid, entry.gid)
            assert link == (os.fsdecode(entry.link) if entry.kind == SYMLINK else "")
            assert device == (f"{entry.device[0]},{entry.device[1]}" if entry.device else "0,0")


@pytest.mark.parametrize("compression", [None, "gzip", "zstd"])
def test_the_reference_implementation_reads_it(reader: Path, tmp_path: Path, compression: str | None) -> None:
    image = image_of(MEMBERS, [file("second", b"2" * 3000)], [], compression=compression)
    with Spool() as spool:
        result = lazy(image, spool, all_layers=True)
        demand_read(reader, result, tmp_path)
        assert {layer.compression() for layer in result.layers} == {"gzip"}
        found = rows(reader, result, 0, tmp_path)
        assert found["d/large"][3] == hashlib.sha256(LARGE).hexdigest()


@pytest.mark.parametrize("seed", range(12))
def test_it_reads_what_random_images_become(reader: Path, tmp_path: Path, seed: int) -> None:
    with Spool() as spool:
        try:
            result = lazy(agreeing_image(seed), spool, all_layers=True, layers=1)
        except ImageError as error:
            assert "no word for" in str(error) or "leads to nothing" in str(error)
        else:
            demand_read(reader, result, tmp_path)


def test_sparse_files_are_whole(reader: Path, tmp_path: Path) -> None:
    with (tmp_path / "sparse").open("wb") as out:
        out.seek(6_000_000)
        out.write(b"end")
        out.truncate(9_000_000)
    command = ["tar", "--sparse", "--format=posix", "-cf", "-", "-C", str(tmp_path), "sparse"]
    image = compose([subprocess.run(command, capture_output=True, check=True).stdout])
    with Spool() as spool:
        result = lazy(image, spool, all_layers=True)
        digest = hashlib.sha256((tmp_path / "sparse").read_bytes()).hexdigest()
        assert rows(reader, result, 0, tmp_path)["sparse"][3] == digest


def test_the_bytes_do_not_depend_on_the_number_of_threads() -> None:
    image = image_of(MEMBERS)
    with Spool() as spool:
        digests = {lazy(image, spool, threads=number).digest for number in (1, 2, 5)}
    assert len(digests) == 1


def test_the_command_writes_it_and_leaves_it_the_next_time(
    reader: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_image(image_of(MEMBERS, [file("e", b"e" * 5000)]), f"docker-archive:{tmp_path}/in.tar:app:1")
    once, twice, copied = (f"oci:{tmp_path}/{name}:1" for name in ("once", "twice", "copied"))
    assert main(["squeeze", f"{tmp_path}/in.tar", "-o", once, "--compress", "estargz"]) == 0
    result = open_image(once)
    check(result).demand()
    demand_read(reader, result, tmp_path)
    assert main(["squeeze", once, "-o", twice, "--compress", "estargz"]) == 0
    assert open_image(twice).digest == result.digest
    assert main(["copy", f"{tmp_path}/in.tar", copied, "--compress", "estargz"]) == 0
    demand_read(reader, open_image(copied), tmp_path)
    assert main(["copy", once, f"oci:{tmp_path}/zstd:1", "--compress", "zstd"]) == 0
    plain = open_image(f"oci:{tmp_path}/zstd:1")
    check(plain).demand()
    assert all(TABLE_DIGEST not in (layer.descriptor.annotations or {}) for layer in plain.layers if layer.descriptor)
    trees = [
        stack(indexer().image(open_image(where))) for where in (f"{tmp_path}/in.tar", once, f"oci:{tmp_path}/zstd:1")
    ]
    assert same_tree(trees[0], trees[1]).holds
    assert same_tree(trees[0], trees[2]).holds


def test_a_layer_that_lies_is_not_converted() -> None:
    image = image_of(MEMBERS, [file("x", b"x")])
    index = indexer()
    index.image(image)
    other_bytes = b"".join(image.layers[1].source.chunks())
    liar = replace(image.layers[1], source=BytesSource(other_bytes.replace(b"x" * 1 + bytes(511), b"y" + bytes(511))))
    recipe = Recipe(choice=Choice(Packing.parse("estargz")), all_layers=True)
    with Spool() as spool, pytest.raises((DigestMismatch, ImageError)):
        lighten(replace(image, layers=(image.layers[0], liar)), recipe, spool, index)


def test_what_it_has_no_word_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, layers in {
        "link": [[file("a", b"a" * 4000)], [other("b", HARDLINK, link=b"a")]],
        "name": [[(file("a", b"a")[0].__class__(b"\xff", FILE, 0, 0o644, 0, 0, 0, 0, 0), b"")]],
    }.items():
        write_image(image_of(*layers), f"docker-archive:{tmp_path}/{name}.tar:app:1")
        words = ["--compress", "estargz", "-o", f"oci:{tmp_path}/out:1"]
        assert main(["squeeze", f"{tmp_path}/{name}.tar", *words]) == 4
        assert "which eStargz has no word for" in capsys.readouterr().err
        assert not (tmp_path / "out").exists()
    words = ["--layers", "merge", "--compress", "estargz", "-o", f"oci:{tmp_path}/out:1", "--no-keep-base"]
    assert main(["squeeze", f"{tmp_path}/link.tar", *words]) == 0


def test_engines_load_it(docker: Callable[..., str], podman: Callable[..., str], tmp_path: Path) -> None:
    members = [member for member in MEMBERS if b".wh." not in member[0].path]
    write_image(image_of(members), f"docker-archive:{tmp_path}/in.tar:app:1")
    name = "jettison-test/lazy:1"
    assert (
        main(["squeeze", f"{tmp_path}/in.tar", "-o", f"oci-archive:{tmp_path}/out.tar:{name}", "--compress", "estargz"])
        == 0
    )
    for engine in (docker, podman):
        engine("load", "--input", tmp_path / "out.tar")
        container = engine("create", name, "/none").strip()
        try:
            engine("export", "--output", tmp_path / "export.tar", container)
        finally:
            engine("rm", container)
            engine("rmi", "--force", name)
        listed = subprocess.run(["tar", "-tf", tmp_path / "export.tar"], capture_output=True, text=True, check=True)
        assert "d/large" in listed.stdout
        assert "stargz.index.json" not in listed.stdout
