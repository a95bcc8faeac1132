"""Faults of the place and of the input: no room, no right, an input that changes or lies. Nothing is half-written."""

from __future__ import annotations

import contextlib
import os
import random
import subprocess
from typing import TYPE_CHECKING

import pytest

from jettison import stores
from jettison.cli.main import main
from jettison.errors import DigestMismatch, InputError
from jettison.image.cache import Cache
from jettison.image.check import check
from jettison.image.compose import compose
from jettison.image.entry import DIRECTORY, FILE, HARDLINK, SYMLINK
from jettison.image.indexer import Indexer
from jettison.image.random import random_image

from . import making
from .test_hostile import raw, written_layout

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from jettison.image.image import Image

TARGETS = ["docker-archive", "oci-archive", "oci", "dir"]
KEPT = random.Random(0).randbytes(3 << 20)


def large() -> Image:
    """An image of which squeezing leaves three megabytes."""
    layers = [
        making.layer(making.file("kept", KEPT), making.file("gone", b"g" * 100_000)),
        making.layer(making.file(".wh.gone", b"")),
    ]
    return compose(layers, compression="gzip")


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """The image as an archive, in a place of its own."""
    (tmp_path / "in").mkdir()
    stores.write_image(large(), f"docker-archive:{tmp_path}/in/image.tar:app:1")
    return tmp_path / "in" / "image.tar"


@contextlib.contextmanager
def mounted(folder: Path, options: str) -> Iterator[Path]:
    """A file system in memory; skips where none may be mounted."""
    folder.mkdir(exist_ok=True)
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", folder], capture_output=True, check=False)
    if done.returncode:
        pytest.skip(f"no tmpfs can be mounted: {done.stderr.decode().strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", folder], check=True)


def everything(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    ("transport", "room"),
    [(transport, room) for transport in TARGETS for room in ("1m", "4m") if (transport, room) != ("oci", "4m")],
)
def test_no_space_left(
    transport: str, room: str, source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With one megabyte the new layer finds no room, with four the image made of it.

    A layout has room then: it links to the layer instead of copying it.
    """
    with mounted(tmp_path / "small", f"size={room}") as small:
        if transport != "dir":
            stores.write_image(random_image(1, layers=1), f"{transport}:{small}/out:app:1")
        before = everything(small)
        target = f"{transport}:{small}/out" + (":app:1" if transport != "dir" else "")
        assert main(["squeeze", str(source), "-o", target]) == 4
        assert "No space left on device" in capsys.readouterr().err
        assert everything(small) == before
        assert os.listdir(small) == [*({"out"} if before else {})]


@pytest.mark.parametrize("transport", TARGETS)
def test_a_target_that_is_read_only(
    transport: str, source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with mounted(tmp_path / "ro", "size=20m") as folder:
        if transport != "dir":
            stores.write_image(random_image(1, layers=1), f"{transport}:{folder}/out:app:1")
        before = everything(folder)
        subprocess.run(["mount", "-o", "remount,ro", folder], check=True)
        target = f"{transport}:{folder}/out" + (":app:1" if transport != "dir" else "")
        assert main(["squeeze", str(source), "-o", target]) == 4
        assert "Read-only file system" in capsys.readouterr().err
        with pytest.raises(InputError, match="cannot be written: Read-only file system"):
            stores.write_image(random_image(2), target)
        assert everything(folder) == before


def shrink(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def turn_a_bit(path: Path) -> None:
    data = bytearray(path.read_bytes())
    at = data.index(KEPT[1000:1100]) if KEPT[1000:1100] in data else len(data) // 2
    data[at] ^= 1
    path.write_bytes(data)


def exchange(path: Path) -> None:
    path.unlink()
    stores.write_image(random_image(9), f"docker-archive:{path}:app:1")


@pytest.mark.parametrize("change", [shrink, turn_a_bit, exchange])
@pytest.mark.parametrize("transport", TARGETS)
@pytest.mark.parametrize("packed", [None, "gzip"])
def test_an_input_that_changes_while_it_is_read(
    transport: str, change: object, packed: str | None, tmp_path: Path
) -> None:
    """The image is opened and indexed; then its file changes; then it is to be written."""
    path = tmp_path / "image.tar"
    image = compose([b"".join(layer.uncompressed()) for layer in large().layers], compression=packed)
    stores.write_image(image, f"docker-archive:{path}:app:1")
    indexer = Indexer()
    opened = stores.open_image(str(path), indexer=indexer)
    indexer.image(opened)
    assert callable(change)
    change(path)
    with pytest.raises(InputError) as caught:
        stores.write_image(opened, f"{transport}:{tmp_path}/out")
    print(caught.value)
    assert os.listdir(tmp_path) == ["image.tar"]


@pytest.mark.parametrize("change", [shrink, turn_a_bit, exchange])
def test_squeezing_what_changes_under_it(
    change: object, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The file changes between being indexed and being rewritten."""
    from jettison import lighten

    plan = lighten.plan

    def changed(*arguments: object, **more: object) -> object:
        assert callable(change)
        change(source)
        return plan(*arguments, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(lighten, "plan", changed)
    assert main(["squeeze", str(source), "-o", f"oci:{tmp_path}/out:1"]) == 4
    said = capsys.readouterr().err
    assert said.startswith("jettison: ")
    assert "Traceback" not in said
    assert os.listdir(tmp_path) == ["in"]


HOSTILE = {
    "leads out": [raw(b"../../etc/passwd", FILE)],
    "links out": [raw(b"out", SYMLINK, b"/etc"), making.file("out/passwd", b"x")],
    "hard link out": [raw(b"x", HARDLINK, b"../../etc/passwd")],
    "hard links in circles": [raw(b"a", HARDLINK, b"b"), raw(b"b", HARDLINK, b"a")],
    "hard link to a directory": [raw(b"d", DIRECTORY), raw(b"l", HARDLINK, b"d")],
    "deep": [raw(b"/".join([b"d"] * 1500), FILE)],
    "root replaced": [raw(b"", FILE)],
    "whiteout of all": [raw(b".wh..wh..opq", FILE), raw(b".wh.", FILE)],
    "same name often": [making.file("f", b"%d" % number) for number in range(100)],
    "cut off": [making.file("f", b"x" * 5000)[:3000]],
    "no tar": [b"garbage" * 1000],
    "odd names": [raw(b"\xff\xfe\n\x1b[31m", FILE), raw(b"l", HARDLINK, b"\x1b[31m")],
}


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("transport", TARGETS)
def test_hostile_layers(
    name: str, transport: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Refused with a word, or written whole; never a traceback, never a byte anywhere else."""
    from jettison.image import dialects

    monkeypatch.setenv("JETTISON_CACHE", "off")
    members = [part if isinstance(part, bytes) else dialects.member(part, b"") for part in HOSTILE[name]]
    where = written_layout(tmp_path / "in", making.layer(making.file("ok", b"ok")), making.layer(*members))
    (tmp_path / "out").mkdir()
    before = everything(tmp_path / "in")
    status = main(["squeeze", where, "-o", f"{transport}:{tmp_path}/out/image"])
    said = capsys.readouterr().err
    print(status, said)
    assert status in (0, 4)
    assert "Traceback" not in said
    assert "\x1b" not in said
    assert everything(tmp_path / "in") == before
    assert os.listdir(tmp_path / "out") == (["image"] if status == 0 else [])
    assert sorted(os.listdir(tmp_path)) == ["in", "out"]
    if status == 0 and transport != "dir":
        check(stores.open_image(f"{transport}:{tmp_path}/out/image")).demand()
    subprocess.run(["rm", "-rf", tmp_path / "out"], check=True)  # too deep for pytest


def test_a_lie_of_the_cache_is_found(tmp_path: Path) -> None:
    """An index that is remembered may be older than a damage; what is unpacked is held against it."""
    image = large()
    indexer = Indexer(cache=Cache(None))
    indexer.image(image)
    path = tmp_path / "image.tar"
    stores.write_image(image, f"docker-archive:{path}:app:1", compression="none")
    opened = stores.open_image(str(path))
    Indexer().image(opened)
    turn_a_bit(path)
    with pytest.raises(DigestMismatch, match="has not the content"):
        stores.write_image(opened, f"dir:{tmp_path}/out")
    assert os.listdir(tmp_path) == ["image.tar"]
