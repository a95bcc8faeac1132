"""Compilers, linkers and development packages in an image that only runs what they built."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from jettison.waste import Claim, Kind, View

if TYPE_CHECKING:
    from collections.abc import Iterator

TOOLS = Kind(
    "build-tools",
    "compilers and development packages",
    rank=21,
    remedy="build in a stage of its own and copy the result, or purge them in the RUN that installs them",
    fix="stage",
    safe=False,
)
KINDS = (TOOLS,)

_PACKAGES = re.compile(
    r"(?:gcc|g\+\+|cpp|clang|llvm|gfortran|gnat|gdc)(?:-[\d.]+)?(?:-base)?|binutils.*|make|cmake.*|ninja-build|autoconf|automake"
    r"|libtool|bison|flex|pkg-config|pkgconf.*|build-essential|dpkg-dev|patch|.+-dev|.+-devel|golang.*|rustc|cargo"
    r"|rust-.*|maven|gradle|ant|openjdk-\d+-jdk(?:-headless)?|m4|gdb|strace|valgrind|musl-dev|fortify-headers"
)
_TOOLCHAINS = re.compile(rb"usr/local/go/|usr/local/rustup/|root/\.rustup/|usr/local/cargo/bin/|opt/(?:gradle|maven)/")


def detect(view: View) -> Iterator[tuple[Kind, Claim]]:
    """Files of such packages by name or section, and toolchains unpacked by hand."""
    wanted = {id(p) for p in view.inventory.packages if _is_tool(p.name, p.section)}
    for path, node in view.tree.nodes.items():
        if node.layer < 0 or node.children is not None:
            continue
        owner = view.inventory.owner(path)
        if owner is not None and id(owner) in wanted:
            yield TOOLS, Claim(node.layer, node.number, reason=owner.name)
        elif owner is None and _TOOLCHAINS.match(path):
            yield TOOLS, Claim(node.layer, node.number, reason=path.split(b"/")[2].decode("utf-8", "replace"))


def _is_tool(name: str, section: str) -> bool:
    return section.rpartition("/")[2] in ("devel", "libdevel") or _PACKAGES.fullmatch(name) is not None
