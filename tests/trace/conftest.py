"""The sensor, programs for it to watch, and images to run."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from jettison.oci.platform import host
from jettison.trace import log as logs
from jettison.trace.binary import sensor

if TYPE_CHECKING:
    from collections.abc import Callable

PROGRAMS = Path(__file__).parent / "programs"


@pytest.fixture(scope="session")
def sensor_path() -> str:
    """The sensor for this machine."""
    if host().architecture not in ("amd64", "arm64"):
        pytest.skip("the sensor knows x86-64 and arm64")
    return str(sensor(host().architecture))


@pytest.fixture(scope="session")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., str]:
    """`compiled("calls")` is a program out of `programs/calls.c`; more arguments go to the compiler."""
    folder = tmp_path_factory.mktemp("programs")

    def compile(name: str, *flags: str) -> str:
        target = folder / "-".join([name, *(flag.strip("-") for flag in flags)])
        if not target.exists():
            command = ["gcc", "-O1", "-w", *flags, "-o", str(target), str(PROGRAMS / f"{name}.c"), "-pthread"]
            ended = subprocess.run(command, capture_output=True, text=True)
            if ended.returncode:
                pytest.skip(f"gcc {' '.join(flags)} does not work here: {ended.stderr[-200:]}")
        return str(target)

    if shutil.which("gcc") is None:
        pytest.skip("there is no gcc")
    return compile


@pytest.fixture
def traced(sensor_path: str, tmp_path: Path) -> Callable[..., tuple[logs.Log, subprocess.CompletedProcess[bytes]]]:
    """`traced("ls", "/")` runs a program behind the sensor: what it logged, and how the program ended."""

    def run(
        *command: str, flags: tuple[str, ...] = (), **options: object
    ) -> tuple[logs.Log, subprocess.CompletedProcess[bytes]]:
        path = tmp_path / f"log-{len(os.listdir(tmp_path))}"
        words = [sensor_path, "-l", str(path), *flags, "--", *command]
        ended = subprocess.run(words, capture_output=True, timeout=120, **options)
        return logs.parse(path.read_bytes()), ended

    return run
