"""UPX, which Debian 12 has in its backports only: fetched from Debian's mirror into the cache, not installed."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from .machine import Unavailable, cache_dir, debian_mirror, locked, run

if TYPE_CHECKING:
    from pathlib import Path

SUITES = ("bookworm-backports", "bookworm")
"""The first has UPX, the second the library that it needs; both run on anything newer."""


def folder() -> Path:
    """A directory with `upx` in it, to stand in PATH."""
    there = cache_dir() / "upx"
    with locked("upx"):
        if not (there / "bin" / "upx").exists():
            installed = shutil.which("upx") or shutil.which("upx-ucl")
            (there / "bin").mkdir(parents=True, exist_ok=True)
            program = f"exec {installed}" if installed else fetch(there)
            (there / "bin" / "upx").write_text(f'#!/bin/sh\n{program} "$@"\n')
            (there / "bin" / "upx").chmod(0o755)
    return there / "bin"


def fetch(there: Path) -> str:
    """Unpack Debian's package and the library that it needs; what to run."""
    if not shutil.which("apt-get") or not shutil.which("dpkg-deb"):
        raise Unavailable("upx: not installed, and this is no Debian to fetch it from")
    mirror = (debian_mirror() or ("http://deb.debian.org/debian",))[0]
    for part in ("lists/partial", "cache/archives/partial", "packages"):
        (there / part).mkdir(parents=True, exist_ok=True)
    key = "/usr/share/keyrings/debian-archive-keyring.gpg"
    lines = [f"deb [signed-by={key}] {mirror} {suite} main\n" for suite in SUITES]
    (there / "sources.list").write_text("".join(lines))
    options = [
        *(f"Dir::Etc::sourcelist={there}/sources.list", "Dir::Etc::sourceparts=-", "APT::Sandbox::User=root"),
        *(f"Dir::State::lists={there}/lists", f"Dir::Cache={there}/cache"),
    ]
    apt = ("apt-get", "-qq", *(word for option in options for word in ("-o", option)))
    run(*apt, "update")
    run(*apt, "download", f"upx-ucl/{SUITES[0]}", f"libucl1/{SUITES[1]}", cwd=there / "packages")
    for package in (there / "packages").glob("*.deb"):
        run("dpkg-deb", "-x", package, there / "root")
    library = next((there / "root").rglob("libucl.so.1")).parent
    return f"LD_LIBRARY_PATH={library} exec {there}/root/usr/bin/upx-ucl"
