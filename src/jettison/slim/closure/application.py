"""The application: what the Dockerfile itself brought, which no package manager owns, stays whole.

That are files of layers that a COPY or ADD made above the base; files that a RUN made outside the system's directories;
and what lies below the working directory and the home of the image's user.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from jettison.slim.kept import NEEDED, Need
from jettison.slim.view import below

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jettison.slim.view import View

_SYSTEM = frozenset(
    {b"usr", b"lib", b"lib32", b"lib64", b"libx32", b"bin", b"sbin", b"etc", b"var", b"boot", b"root", b"tmp", b"run"}
    | {b"dev", b"proc", b"sys"}
)
_LITTER = (b".git/", b".cache/", b".npm/")


def always(view: View) -> Iterator[Need]:
    """All files of the application."""
    for path, node in view.tree.nodes.items():
        if node.children is None and node.layer >= view.base and view.own(path):
            if node.layer in view.copied:
                yield Need(path, "the application: a COPY of the Dockerfile brought it", None, NEEDED)
            elif path.partition(b"/")[0] not in _SYSTEM:
                yield Need(path, "the application: a step above the base made it", None, NEEDED)
    for place, why in ((view.workdir, "in the working directory"), (_home(view), "in the user's home")):
        directory = view.directory(place) if _is_place(place) else None
        for node in below(directory) if directory is not None else ():
            if view.own(node.entry.path) and not any(part in node.entry.path for part in _LITTER):
                yield Need(node.entry.path, f"the application: it lies {why}", None, NEEDED)


def _is_place(path: bytes) -> bool:
    """True for a directory that is an application's, and no whole system below it."""
    top, slash, _ = path.partition(b"/")
    return bool(path) and (top not in _SYSTEM or (bool(slash) and path.count(b"/") >= 2) or top == b"root")


def _home(view: View) -> bytes:
    """The home of the image's user, by etc/passwd; b"" where it is not known."""
    user = (view.container.user or "root").partition(":")[0] or "root"
    for content in view.read([b"etc/passwd"]).values():
        for line in content.decode("utf-8", "surrogateescape").splitlines():
            fields = line.split(":")
            if len(fields) >= 6 and user in (fields[0], fields[2]):
                return os.fsencode(fields[5].strip("/"))
    return b""
