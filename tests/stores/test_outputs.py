"""Nothing half-written: what fails leaves what was there."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from jettison import stores
from jettison.errors import DigestMismatch, InputError, UsageError
from jettison.image.check import check
from jettison.image.random import random_image
from jettison.image.source import BytesSource

if TYPE_CHECKING:
    from pathlib import Path

TARGETS = ["oci:{}/target", "oci-archive:{}/target", "docker-archive:{}/target"]


@pytest.mark.parametrize("compression", ["keep", "none", "gzip", "zstd"])
@pytest.mark.parametrize("target", TARGETS)
def test_a_layer_that_lies_is_not_written(target: str, compression: str, tmp_path: Path) -> None:
    image = random_image(3, layers=2)
    liar = replace(image.layers[1], source=BytesSource(b"".join(image.layers[0].source.chunks())))
    with pytest.raises(DigestMismatch):
        stores.write_image(
            replace(image, layers=(image.layers[0], liar)), target.format(tmp_path), compression=compression
        )
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("transport", ["oci-archive", "docker-archive"])
def test_a_failure_keeps_the_old_archive(transport: str, tmp_path: Path) -> None:
    path = tmp_path / "a.tar"
    path.write_bytes(b"old")
    image = random_image(3, layers=1)
    with pytest.raises(DigestMismatch):
        stores.write_image(
            replace(image, layers=(replace(image.layers[0], source=BytesSource(b"")),)), f"{transport}:{path}"
        )
    assert os.listdir(tmp_path) == ["a.tar"]
    assert path.read_bytes() == b"old"
    stores.write_image(image, f"{transport}:{path}")
    assert check(stores.open_image(str(path))).ok
    assert path.stat().st_mode & 0o777 == 0o666 & ~umask()


def umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def test_a_directory_that_is_not_empty_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "kept").write_bytes(b"")
    with pytest.raises(UsageError, match="not an empty directory"):
        stores.write_image(random_image(1), f"oci:{tmp_path}")
    (tmp_path / "empty").mkdir()
    stores.write_image(random_image(1), f"oci:{tmp_path}/empty")
    assert check(stores.open_image(f"oci:{tmp_path}/empty")).ok


def test_places_that_cannot_be_written(tmp_path: Path) -> None:
    image = random_image(1)
    with pytest.raises(InputError, match="cannot be written"):
        stores.write_image(image, f"oci-archive:{tmp_path}/no/such/folder/a.tar")
    with pytest.raises(UsageError, match="say how to write it"):
        stores.write_image(image, f"{tmp_path}/a.tar")
    with pytest.raises(UsageError, match="no compression"):
        stores.write_image(image, f"oci:{tmp_path}/a", compression="rar")
    with pytest.raises(UsageError, match="is a directory"):
        stores.write_image(image, f"oci-archive:{tmp_path}")


WRITER = """
import sys
from jettison.image.random import random_image
from jettison.stores import write_image
for target in sys.argv[1:]:
    print("start", flush=True)
    write_image(random_image(7, layers=5, members=200), target, compression="gzip")
"""


@pytest.mark.parametrize("attempt", range(6))
def test_a_kill_leaves_the_old_state_or_the_new(attempt: int, tmp_path: Path) -> None:
    archive, layout = tmp_path / "a.tar", tmp_path / "layout"
    archive.write_bytes(b"old")
    process = subprocess.Popen(
        [sys.executable, "-c", WRITER, f"oci-archive:{archive}", f"oci:{layout}"], stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    process.stdout.readline()
    time.sleep(random.Random(attempt).random() * 0.4)
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    assert archive.read_bytes() == b"old" or check(stores.open_image(str(archive))).ok
    assert not layout.exists() or check(stores.open_image(f"oci:{layout}")).ok
