"""Independent witnesses: Docker, umoci and podman unpack the original and the result, tarfile and lstat compare."""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
import tarfile
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from images_on_demand import agreeing_image, file, image_of, indexer, other

from jettison.cli.main import main
from jettison.errors import ImageError
from jettison.image.entry import DIRECTORY, FIFO, HARDLINK, SYMLINK
from jettison.lighten import Recipe, lighten
from jettison.rewrite.finish import Choice
from jettison.rewrite.packing import Packing
from jettison.rewrite.spool import Spool
from jettison.stores import open_image, write_image

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from jettison.image.image import Image

LONG = "d/" + "x" * 150
LAYERS: list[list[Any]] = [
    [
        *(
            other("tmp", DIRECTORY, mode=0o1777),
            other("d", DIRECTORY, mode=0o750, uid=42, gid=43, mtime=1_234_567_890 * 10**9),
        ),
        *(file("d/old", b"o" * 5000), file("d/changed", b"one"), file("d/chmod", b"c" * 4000), file("gone/deep/file")),
        *(file("linked", b"l" * 3000, uid=7), other("linked2", HARDLINK, link=b"linked", uid=7)),
        *(other("linked3", HARDLINK, link=b"linked", uid=7), other("sym", SYMLINK, link=b"/d/old", mode=0o777)),
        *(
            other("replaced", DIRECTORY, uid=9),
            file("replaced/inner", b"x"),
            file("capable", b"c", xattrs={"user.a": b"b"}),
        ),
    ],
    [
        *(file("d/.wh.old"), file("d/changed", b"two"), file("d/chmod", b"c" * 4000, mode=0o4711), file(".wh.gone")),
        *(other("d", DIRECTORY, mode=0o750, uid=42, gid=43, mtime=1_300_000_000 * 10**9), file(".wh.linked")),
        *(file(LONG, b"long"), other("pipe", FIFO), file("replaced", b"now a file"), file("ünï", b"u")),
    ],
    [
        *(file(".wh.replaced"), other("d", DIRECTORY, mode=0o700, uid=42, gid=43), file("d/new", b"n")),
        *(file(f"{LONG}2", b"x"), other("e", DIRECTORY, uid=1), file("e/f", b"f"), file("linked2", b"replaced")),
    ],
    [
        other("replaced", DIRECTORY, uid=8, mode=0o711),
        file("replaced/other", b"y"),
        other("e", DIRECTORY, uid=1),
        file("e/.wh.f"),
    ],
]
RECIPES = [
    pytest.param(Recipe(), id="squeezed"),
    pytest.param(Recipe(base=1), id="base kept"),
    pytest.param(Recipe(base=2, layers=1), id="merged above the base"),
    pytest.param(Recipe(layers=1), id="merged"),
    pytest.param(Recipe(layers=3, choice=Choice(Packing("zstd", 3))), id="three layers of zstd"),
    pytest.param(Recipe(link=True), id="linked"),
]


@contextlib.contextmanager
def rewritten(image: Image, recipe: Recipe) -> Iterator[Image]:
    with Spool() as spool:
        done = lighten(image, recipe, spool, indexer())
        assert done.after is not None
        yield done.after


def exported(docker: Callable[..., str], archive: Path, name: str) -> dict[str, tuple[object, ...]]:
    """What a container of the image shows, read by tarfile from what the engine exports."""
    docker("load", "--input", archive)
    container = docker("create", name, "/none").strip()
    out = archive.with_suffix(".export")
    try:
        docker("export", "--output", out, container)
    finally:
        docker("rm", container)
        docker("rmi", "--force", name)
    with tarfile.open(out) as tar:
        return {
            member.name: _shown(tar, member)
            for member in tar
            if not member.name.startswith((".dockerenv", "dev", "etc", "proc", "sys"))
        }


def _shown(tar: tarfile.TarFile, member: tarfile.TarInfo) -> tuple[object, ...]:
    content = tar.extractfile(member) if member.isreg() or member.islnk() else None
    body = hashlib.sha256(content.read()).hexdigest() if content else ""
    kind = "file" if member.islnk() else member.type
    time = int(member.mtime)
    return (
        b"0" if kind == "file" else kind,
        member.mode,
        member.uid,
        member.gid,
        time,
        body,
        "" if member.islnk() else member.linkname,
    )


@pytest.mark.parametrize("recipe", RECIPES)
def test_docker_shows_the_same_files(docker: Callable[..., str], tmp_path: Path, recipe: Recipe) -> None:
    image = image_of(*LAYERS)
    write_image(image, f"docker-archive:{tmp_path}/before.tar:jettison-test/before:1")
    before = exported(docker, tmp_path / "before.tar", "jettison-test/before:1")
    assert before["d/new"]
    with rewritten(image, recipe) as after:
        write_image(after, f"docker-archive:{tmp_path}/after.tar:jettison-test/after:1")
    assert exported(docker, tmp_path / "after.tar", "jettison-test/after:1") == before


def listing(root: Path) -> dict[str, object]:
    """All that lstat, the content and the attributes say, and which paths are one file."""
    found: dict[str, object] = {}
    same: dict[int, list[str]] = {}
    for folder, folders, files in os.walk(os.fsencode(root)):
        for name in folders + files:
            path = os.path.join(folder, name)
            status = os.lstat(path)
            where = os.fsdecode(os.path.relpath(path, os.fsencode(root)))
            content: object = None
            if stat.S_ISREG(status.st_mode):
                with open(path, "rb") as opened:
                    content = hashlib.sha256(opened.read()).hexdigest()
            elif stat.S_ISLNK(status.st_mode):
                content = os.readlink(path)
            if not stat.S_ISDIR(status.st_mode):
                same.setdefault(status.st_ino, []).append(where)
            attributes = {
                n: os.getxattr(path, n, follow_symlinks=False) for n in os.listxattr(path, follow_symlinks=False)
            }
            found[where] = (
                status.st_mode,
                status.st_uid,
                status.st_gid,
                status.st_mtime_ns,
                status.st_rdev,
                content,
                attributes,
            )
    found["hard links"] = sorted(sorted(paths) for paths in same.values() if len(paths) > 1)
    return found


def unpacked(umoci: Callable[..., str], image: Image, folder: Path) -> dict[str, object]:
    write_image(image, f"oci:{folder}/layout:latest")
    umoci("unpack", "--image", f"{folder}/layout:latest", folder / "bundle")
    return listing(folder / "bundle" / "rootfs")


@pytest.mark.parametrize("recipe", RECIPES[:-1])
def test_umoci_shows_the_same_files(umoci: Callable[..., str], tmp_path: Path, recipe: Recipe) -> None:
    image = image_of(*LAYERS, compression="gzip")
    for name in ("before", "after"):
        (tmp_path / name).mkdir()
    with rewritten(image, replace(recipe, choice=Choice())) as after:  # this umoci knows no zstd
        assert unpacked(umoci, after, tmp_path / "after") == unpacked(umoci, image, tmp_path / "before")


@given(st.integers(0, 10**6), st.integers(0, 2), st.sampled_from([None, 1, 3]))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_umoci_shows_the_same_files_of_random_images(
    umoci: Callable[..., str], tmp_path_factory: pytest.TempPathFactory, seed: int, base: int, layers: int | None
) -> None:
    image = agreeing_image(seed, compression="gzip")
    folder = tmp_path_factory.mktemp("random")
    try:
        before = unpacked(umoci, image, _made(folder / "before"))
    except Exception:
        return  # umoci does not take it
    with contextlib.suppress(ImageError), rewritten(image, Recipe(base=base, layers=layers)) as after:
        assert without_implied(unpacked(umoci, after, _made(folder / "after"))) == without_implied(before)


def _made(path: Path) -> Path:
    path.mkdir()
    return path


def without_implied(shown: dict[str, object]) -> dict[str, object]:
    """The listing without the times of directories: those that no entry made have the time of the unpacking."""
    return {
        path: row[:3] + row[4:] if isinstance(row, tuple) and stat.S_ISDIR(row[0]) else row
        for path, row in shown.items()
    }


def test_a_real_image_squeezed_and_restored(
    built_image: Callable[[str], Any], docker: Callable[..., str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    built = built_image("apt-three-runs")
    result, cargo, restored = (f"docker-archive:{tmp_path}/{name}.tar" for name in ("result", "cargo", "restored"))
    assert (
        main(
            [
                "squeeze",
                f"docker-archive:{built.before}",
                "-o",
                f"{result}:jettison-test/result:1",
                "--drop",
                "all-safe",
                "--cargo",
                f"{cargo}:jettison-test/cargo:1",
            ]
        )
        == 0
    )
    told = capsys.readouterr().out
    assert "0 differences" in told
    docker("load", "--input", tmp_path / "result.tar")
    try:
        program = ("python3", "-c", "import json, ssl, pip; print(json.dumps([pip.__version__, ssl.OPENSSL_VERSION]))")
        answer = docker("run", "--rm", "jettison-test/result:1", *program)
        assert answer == docker("run", "--rm", built.load(docker), *program)
        packages = ("dpkg-query", "--show")
        listed = docker("run", "--rm", "jettison-test/result:1", *packages)
        assert listed == docker("run", "--rm", built.load(docker), *packages)
    finally:
        docker("rmi", "--force", "jettison-test/result:1")
    assert main(["restore", result, "--cargo", cargo, "-o", f"{restored}:jettison-test/restored:1"]) == 0
    assert (tmp_path / "result.tar").stat().st_size < built.before.stat().st_size - 300_000_000
    open_image(restored)
