"""Compilers, linkers and development packages in an image that only runs what they built."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from jettison.packages.package import SYSTEM
from jettison.waste import Claim, Kind, View

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jettison.packages import Package

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
    r"(?:gcc|g\+\+|cpp|clang|llvm|gfortran|gnat|gdc)(?:[-\d.]+)?(?:-[a-z0-9_-]+-linux-gnu)?|gcc-c\+\+|binutils.*|make"
    r"|cmake.*|ninja(?:-build)?|meson|scons|bazel.*|autoconf|automake.*|libtool|bison|flex|byacc|nasm|yasm|swig.*|ccache|lld.*"
    r"|pkg-config|pkgconf.*|build-essential|build-base|base-devel|\.build-deps|abuild|rpm-build|dpkg-dev|debhelper|fakeroot"
    r"|patch|gettext|doxygen|.+-dev|.+-devel|linux-headers.*|kernel-headers|golang.*|go|rust|rustc|cargo|rust-.*|maven"
    r"|gradle|ant|openjdk-?\d+-jdk(?:-headless)?|java-.*-openjdk-devel|m4|gdb|strace|ltrace|valgrind|fortify-headers"
)
_BY_HAND = re.compile(
    rb"usr/local/(go)/|(?:usr/local/|(?:root|home/[^/]+)/\.)(rustup)/|(?:usr/local/cargo|(?:root|home/[^/]+)/\.cargo)/bin/"
    rb"(cargo(?:-[a-z]+)?|rust[a-z-]+|clippy-driver|rls)$|opt/(gradle|(?:apache-)?maven)(?:-[\d.]+)?/|usr/share/(gradle|maven)(?:-[\d.]+)?/"
    rb"|usr/(?:share|lib)/(dotnet)/(?:sdk|packs|templates|sdk-manifests)/|opt/(android-sdk|emsdk|cmake)[^/]*/"
    rb"|(?:root|home/[^/]+)/\.sdkman/candidates/(gradle|maven|kotlin|scala|sbt)/"
)
"""Toolchains unpacked by hand. Of ~/.cargo/bin only rustup's own names: programs are installed there too."""


def detect(view: View) -> Iterator[tuple[Kind, Claim]]:
    """Files of such packages by name or section, and toolchains unpacked by hand."""
    wanted = {id(package) for package in view.inventory.packages if _is_tool(package)}
    for path, node in view.tree.nodes.items():
        if node.layer < 0 or node.children is not None:
            continue
        owner = view.inventory.owner(path)
        if owner is not None and id(owner) in wanted:
            yield TOOLS, Claim(node.layer, node.number, reason=owner.name)
        elif owner is None and (by_hand := _BY_HAND.match(path)) is not None:
            name = next(group for group in by_hand.groups() if group)
            yield TOOLS, Claim(node.layer, node.number, reason=name.decode("utf-8", "replace"))


def _is_tool(package: Package) -> bool:
    """By name or section, of the system's packages only: a wheel named cmake is a library's dependency."""
    if package.kind not in SYSTEM or package.essential:
        return False
    section = package.section.rpartition("/")[2]
    return section in ("devel", "libdevel") or _PACKAGES.fullmatch(package.name) is not None
