"""`kill -9` at random moments of the real command: what is there afterwards is the old state or the new one, whole.

What a kill leaves beside is recognisable, and the next run sweeps it away.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from jettison import stores
from jettison.image.check import check
from jettison.image.compose import compose
from jettison.stores import unfinished

from . import making

if TYPE_CHECKING:
    from pathlib import Path

    from jettison.image.image import Image

KILLS = 5
"""For each target."""


def image(seed: int, size: int = 6 << 20) -> Image:
    """Three layers that squeezing changes, with bytes that no packing makes small."""
    dice = random.Random(seed)
    layers = [
        making.layer(making.file("kept", dice.randbytes(size)), making.file("gone", dice.randbytes(size))),
        making.layer(making.file(".wh.gone", b""), making.file("second", dice.randbytes(size))),
        making.layer(making.file("second", b"short"), *(making.file(f"many/{n}", b"x" * n) for n in range(500))),
    ]
    return compose(layers, compression="gzip")


@dataclass
class Command:
    """`jettison squeeze INPUT -o TARGET`, to run whole or to kill on the way."""

    source: Path
    target: str
    seconds: float = 1.0
    killed: int = field(default=0)

    def start(self) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "jettison", "squeeze", str(self.source), "-o", self.target]
        environment = {**os.environ, "JETTISON_CACHE": "off"}
        return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=environment)

    def run(self) -> None:
        start = time.monotonic()
        process = self.start()
        _, said = process.communicate()
        assert process.returncode == 0, said.decode()
        self.seconds = time.monotonic() - start

    def kill(self, dice: random.Random) -> None:
        process = self.start()
        time.sleep(dice.uniform(0.25, 1.0) * self.seconds)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        self.killed += process.returncode == -signal.SIGKILL


def strays(folder: Path) -> list[str]:
    """Names that no image, no input and no kill of ours accounts for."""
    return [name for name in os.listdir(folder) if name not in ("in.tar", "target", "layout")]


def digest_at(reference: str) -> str | None:
    opened = stores.open_image(reference)
    check(opened).demand()
    return opened.digest


@pytest.fixture
def source(tmp_path: Path) -> Path:
    stores.write_image(image(1), f"docker-archive:{tmp_path}/in.tar:app:1")
    return tmp_path / "in.tar"


@pytest.mark.parametrize("transport", ["docker-archive", "oci-archive", "oci", "in place"])
def test_the_old_state_or_the_new(transport: str, source: Path, tmp_path: Path) -> None:
    dice = random.Random(transport)
    target = f"docker-archive:{source}" if transport == "in place" else f"{transport}:{tmp_path}/target:app:1"
    whole = Command(source, f"oci:{tmp_path}/layout:app:1")
    whole.run()
    new = digest_at(whole.target)
    command = Command(source, target, whole.seconds)
    if transport != "in place":
        stores.write_image(image(2, 1000), target)
    old = digest_at(target)
    keep = source.read_bytes()
    for _ in range(KILLS):
        command.kill(dice)
        assert digest_at(target) in (old, new)
        assert all(name.startswith(unfinished.PREFIX) for name in strays(tmp_path))
        if transport == "in place":
            source.write_bytes(keep)
    assert command.killed >= KILLS // 2
    command.run()
    assert digest_at(target) == new
    assert strays(tmp_path) == []
    if transport == "oci":
        assert sorted(os.listdir(tmp_path / "target")) == ["blobs", "index.json", "oci-layout"]


@pytest.mark.parametrize("transport", ["oci", "dir"])
def test_nothing_or_all_of_a_new_directory(transport: str, source: Path, tmp_path: Path) -> None:
    dice = random.Random(transport)
    target = f"{transport}:{tmp_path}/target"
    command = Command(source, target)
    command.run()
    whole = contents(tmp_path / "target")
    subprocess.run(["rm", "-rf", tmp_path / "target"], check=True)
    for _ in range(KILLS):
        command.kill(dice)
        if (tmp_path / "target").exists():
            assert contents(tmp_path / "target") == whole
            subprocess.run(["rm", "-rf", tmp_path / "target"], check=True)
        assert all(name.startswith(unfinished.PREFIX) for name in strays(tmp_path))
    assert command.killed >= KILLS // 2
    command.run()
    assert contents(tmp_path / "target") == whole
    assert strays(tmp_path) == []


def contents(folder: Path) -> dict[str, bytes]:
    """All files below."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_what_others_are_writing_is_not_swept(tmp_path: Path) -> None:
    with unfinished.directory(str(tmp_path)) as mine, unfinished.file(str(tmp_path)) as other:
        program = "import sys; from jettison.stores.unfinished import sweep; sweep(sys.argv[1])"
        subprocess.run([sys.executable, "-c", program, tmp_path], check=True)
        assert os.path.isdir(mine)
        assert os.path.isfile(other)
    assert os.listdir(tmp_path) == []


def test_what_the_dead_left_is_swept(tmp_path: Path) -> None:
    dead = tmp_path / f"{unfinished.PREFIX}dead"
    (dead / "closed" / "below").mkdir(parents=True)
    (dead / "closed" / "below" / "file").write_bytes(b"x")
    (dead / "closed").chmod(0)
    (tmp_path / f"{unfinished.PREFIX}file").write_bytes(b"x")
    (tmp_path / "kept").write_bytes(b"x")
    (tmp_path / f"{unfinished.PREFIX}link").symlink_to(tmp_path / "kept")
    with unfinished.directory(str(tmp_path)):
        pass
    assert sorted(os.listdir(tmp_path)) == [f"{unfinished.PREFIX}link", "kept"]
