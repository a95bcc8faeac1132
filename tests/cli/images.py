"""Images on disk for the commands' tests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jettison.stores import write_image
from waste.layering import GONE, Layer, file, image

if TYPE_CHECKING:
    from pathlib import Path

CONTAINER = {
    "Cmd": ["app", "--serve"],
    "Env": ["PATH=/bin", "LEVEL=1"],
    "Labels": {"maintainer": "somebody"},
    "ExposedPorts": {"80/tcp": {}},
    "User": "app",
}
COMMANDS = ["ADD root.tar /", "RUN build", None, "COPY . ."]


def layers(*, new: bool = False) -> list[Layer]:
    """Three layers: a base, a build, sources. `new` is the next release of the same."""
    status = "Package: lib\nStatus: install ok installed\nArchitecture: all\nVersion: {}\n"
    base: Layer = {"bin/app": b"app" * 2000, "etc/app.conf": b"a = 1\n"}
    built: Layer = {
        "var/lib/dpkg/status": status.format("1.10-1" if new else "1.9-1").encode(),
        "usr/lib/lib.so": (b"new" if new else b"old!") * 3000,
        "var/cache/apt/archives/lib.deb": b"archive" * 1000,
    }
    sources: Layer = {"app/main.py": b"print()\n", "etc/app.conf": file(b"a = 1\n", mode=0o600)}
    if new:
        sources = {**sources, "app/more.py": b"more\n", "var/cache/apt/archives/lib.deb": GONE}
    return [base, built, sources]


def write(folder: Path, name: str = "app:1", *, to: str = "oci", new: bool = False, **container: Any) -> str:
    """Write one of the two, and return its reference."""
    made = image(*layers(new=new), commands=COMMANDS, container={**CONTAINER, **container}, names=(name,))
    where = f"{folder}/{name.replace(':', '-')}"
    if to == "oci":
        write_image(made, f"oci:{where}:latest", compression="gzip")
        return f"oci:{where}:latest"
    write_image(made, f"docker-archive:{where}.tar:{name}")
    return f"{where}.tar"
