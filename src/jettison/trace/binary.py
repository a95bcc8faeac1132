"""The sensor as a program: a static executable for an architecture.

A wheel carries one for each of `ARCHITECTURES`. A clone has none: there it is built from the source, once, into the
cache, by a C compiler for that architecture that can link statically, else by the `ziglang` package where that is
installed, which builds for all.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from jettison.errors import NotAssessed
from jettison.image.cache import default_directory
from jettison.oci.platform import host

SOURCE = Path(__file__).parent / "sensor"
ARCHITECTURES = {"amd64": "x86_64", "arm64": "aarch64"}
"""What the sensor runs on: in Go's names, and in compilers'."""

_FLAGS = ("-O2", "-static", "-s", "-std=gnu11")


def sensor(architecture: str) -> Path:
    """The sensor for an architecture in Go's names; built where there is none. Raises `NotAssessed`."""
    machine = ARCHITECTURES.get(architecture)
    if machine is None:
        raise NotAssessed(
            f"runs of {architecture} images cannot be traced",
            hint=f"the sensor knows {' and '.join(ARCHITECTURES)}",
        )
    shipped = SOURCE / f"sensor-{machine}"
    if shipped.exists():
        return shipped
    directory = default_directory() or Path(tempfile.gettempdir()) / f"jettison-{os.getuid()}"
    built = directory / "sensor" / f"{source_digest()[:16]}-{machine}"
    if not built.exists():
        try:
            built.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            build(machine, built)
        except OSError as error:
            raise NotAssessed(f"the sensor cannot be kept: {error.strerror}", where=str(built)) from None
    return built


def source_digest() -> str:
    """What tells one version of the source from another: hexadecimal digits."""
    digest = hashlib.sha256()
    for path in sorted(SOURCE.glob("*.[ch]")):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def build(machine: str, target: Path) -> None:
    """Compile the sensor for `machine` into `target`, whole or not at all. Raises `NotAssessed`."""
    said: list[str] = []
    unfinished = target.with_name(f".{target.name}.{os.getpid()}")
    for compiler in _compilers(machine):
        try:
            ended = subprocess.run(
                [*compiler, *_FLAGS, "-o", str(unfinished), str(SOURCE / "sensor.c")],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                errors="replace",
            )
        except OSError as error:
            said.append(f"{compiler[0]}: {error.strerror}")
            continue
        if ended.returncode == 0:
            unfinished.chmod(0o755)
            unfinished.replace(target)
            return
        said.append(f"{compiler[0]}: {(ended.stderr.strip().splitlines() or ['failed'])[-1][:200]}")
    unfinished.unlink(missing_ok=True)
    raise NotAssessed(
        f"there is no sensor for {machine} here, and none can be built" + (f" ({'; '.join(said)})" if said else ""),
        hint="install Jettison from its wheel, or a C compiler with a static C library, or `pip install ziglang`",
    )


def _compilers(machine: str) -> list[list[str]]:
    """Compilers to try, the first first."""
    found = []
    own = ARCHITECTURES.get(host().architecture) == machine and sys.platform == "linux"
    names = ["gcc", "cc"] if own else [f"{machine}-linux-gnu-gcc"]
    found += [[path] for name in names if (path := shutil.which(name))]
    if importlib.util.find_spec("ziglang"):
        found.append([sys.executable, "-m", "ziglang", "cc", "-target", f"{machine}-linux-musl"])
    return found
