"""Which packages exist to build software with: compilers, headers, static libraries, build systems."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jettison.packages.package import Package

_SECTIONS = frozenset({"devel", "libdevel", "golang", "rust", "haskell", "ocaml"})
"""Debian's archive sections of what is only compiled with; a component may stand before (`universe/libdevel`)."""

_DEBIAN_TOOLS = re.compile(
    r"(?:build-essential|(?:gcc|g\+\+|cpp|clang|llvm|gfortran|gdc|gccgo)(?:-\d+(?:\.\d+)?)?(?:-[a-z0-9-]*-linux-gnu)?"
    r"|dpkg-dev|debhelper|(?:python3?(?:\.\d+)?|ruby(?:\d+\.\d+)?|php(?:\d+\.\d+)?)-dev|lib.+-dev|linux-headers-.+)"
)
_APK_TOOLS = re.compile(
    r"(?:\.build-deps|build-base|alpine-sdk|abuild|.+-dev|gcc|g\+\+|clang\d*|llvm\d*|binutils|make|cmake|samurai|ninja"
    r"|automake|autoconf|libtool|linux-headers|fortify-headers|patch|pkgconf|cargo|rust|go|meson|bison|flex)"
)
_RPM_TOOLS = re.compile(
    r"(?:.+-devel|gcc(?:-.+)?|cpp|clang|llvm|binutils|make|cmake|ninja-build|automake|autoconf|libtool|kernel-headers"
    r"|glibc-headers.*|rpm-build|redhat-rpm-config|patch|bison|flex|pkgconf(?:-.+)?|golang.*|cargo|rust|meson)"
)


def is_dev_tool(package: Package) -> bool:
    """True for a system package that a running program has no use for, by its section or its name.

    By name alone nothing is known for sure: a program may call a compiler. That is for whoever removes it to prove.
    """
    if package.kind == "deb":
        section = package.section.rpartition("/")[2]
        return section in _SECTIONS or _DEBIAN_TOOLS.fullmatch(package.name) is not None
    if package.kind == "apk":
        return _APK_TOOLS.fullmatch(package.name) is not None
    return package.kind == "rpm" and _RPM_TOOLS.fullmatch(package.name) is not None
