"""Users, groups and names: the databases as they are, the modules that nsswitch.conf asks for, and PAM's."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from jettison.slim.kept import NEEDED, SPARE, Need

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jettison.image.tree import Node
    from jettison.slim.view import View

_FILES = (
    *(b"etc/passwd", b"etc/group", b"etc/shadow", b"etc/gshadow", b"etc/subuid", b"etc/subgid", b"etc/nsswitch.conf"),
    *(b"etc/hosts", b"etc/host.conf", b"etc/hostname", b"etc/resolv.conf", b"etc/gai.conf"),
    *(b"etc/services", b"etc/protocols", b"etc/networks"),
    *(b"etc/os-release", b"usr/lib/os-release", b"etc/debian_version", b"etc/alpine-release", b"etc/redhat-release"),
    *(b"etc/system-release", b"etc/lsb-release", b"etc/issue", b"etc/machine-id", b"etc/shells", b"etc/environment"),
    b"etc/profile",
)
"""Small files that programs and scanners look up by their well-known names."""
_LIBC = re.compile(rb"(?:.*/)?libc\.so\.6\Z")
_STUB = 16 << 10
"""Bytes that the modules have which are in the C library itself since 2.34 (files, dns) and stay for old programs."""
_PAM = re.compile(rb"(?:.*/)?libpam\.so\.0(?:\..*)?\Z")
_MODULE = re.compile(rb"\bpam_[a-z0-9_]+\.so\b")


def always(view: View) -> Iterator[Need]:
    """The databases themselves."""
    for path in _FILES:
        if view.tree.get(path) is not None:
            yield Need(path, "users, groups, hosts and the system's name stay as they are", None, NEEDED)


def follow(view: View, fresh: list[Node]) -> Iterator[Need]:
    """Modules that the C library and PAM load by what their configuration says."""
    for node in fresh:
        path = node.entry.path
        if _LIBC.match(path):
            directory = path.rpartition(b"/")[0]
            for service in _services(view):
                module = view.file(directory + b"/libnss_" + service + b".so.2")
                if module is not None and module.content.size > _STUB:
                    yield Need(module.entry.path, "nsswitch.conf names it", path)
        elif _PAM.match(path) and node.children is None:
            yield from _pam(view, path)


def _services(view: View) -> list[bytes]:
    """The services of nsswitch.conf (nsswitch.conf(5)); without it, files and dns."""
    found: dict[bytes, None] = {b"files": None, b"dns": None}
    for content in view.read([b"etc/nsswitch.conf"]).values():
        for line in content.split(b"\n"):
            _, colon, services = line.partition(b"#")[0].partition(b":")
            if colon:
                found.update(dict.fromkeys(re.findall(rb"[a-z0-9_]+", re.sub(rb"\[[^]]*\]", b"", services))))
    return list(found)


def _pam(view: View, library: bytes) -> Iterator[Need]:
    configuration = [b"etc/pam.conf"]
    for folder in (b"etc/pam.d", b"etc/security"):
        directory = view.directory(folder)
        configuration += [child.entry.path for child in (directory.children or {}).values()] if directory else []
    names: set[bytes] = set()
    for path, content in view.read(configuration).items():
        yield Need(path, "PAM's configuration", library, SPARE)
        names.update(_MODULE.findall(content))
    home = library.rpartition(b"/")[0]
    for name in sorted(names):
        for folder in (home + b"/security/", b"usr/" + home + b"/security/"):
            yield from _there(view, folder + name, "PAM's configuration names it", library)


def _there(view: View, path: bytes, why: str, by: bytes) -> Iterator[Need]:
    if view.file(path) is not None:
        yield Need(path, why, by)
