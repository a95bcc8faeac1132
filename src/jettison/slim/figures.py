"""What an image weighs and offers: the figures of the ladder, before and after."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from jettison.image.entry import FILE, SYMLINK

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Mapping

    from jettison.image.tree import Node, Tree
    from jettison.packages import Package

SHELLS = frozenset({"ash", "bash", "busybox", "csh", "dash", "fish", "ksh", "mksh", "rbash", "sh", "tcsh", "zsh"})
MANAGERS = frozenset(
    {"apk", "apt", "apt-get", "aptitude", "conda", "corepack", "dnf", "dpkg", "gem", "mamba", "microdnf", "npm", "npx"}
    | {"composer", "pip", "pip3", "pnpm", "poetry", "rpm", "tdnf", "uv", "yarn", "yum", "zypper"}
)
_PROGRAMS = (b"bin", b"sbin", b"usr/bin", b"usr/sbin", b"usr/local/bin", b"usr/local/sbin")


@dataclass(frozen=True, slots=True)
class Figures:
    """Counted over the visible tree.

    `files` are regular files, one with several names once, `raw` their bytes; `executables` those that anybody may
    execute, `setuid` those with the setuid or setgid bit; `shells` and `managers` the names of such programs on the
    usual paths. `packages` are those of which something is there, `system` those among them that the system's own
    manager installed. `writable` are files and directories, links left out, that everybody may write to.
    """

    files: int
    raw: int
    directories: int
    packages: int
    system: int
    executables: int
    setuid: int
    writable: int
    shells: tuple[str, ...]
    managers: tuple[str, ...]


def figures(
    tree: Tree,
    packages: Iterable[Package],
    *,
    gone: Container[bytes] = (),
    sizes: Mapping[bytes, int] | None = None,
) -> Figures:
    """The figures of a tree without the paths in `gone`; `sizes` has those of files that get other content."""
    nodes = [node for path, node in tree.nodes.items() if path not in gone]
    files: dict[int, Node] = {id(node.inode): node for node in nodes if node.content.kind == FILE}
    changed = sizes or {}
    listed = list(packages)
    programs = {name.decode("utf-8", "replace") for name in _programs(tree, gone)}
    return Figures(
        files=len(files),
        raw=sum(changed.get(node.entry.path, node.content.size) for node in files.values()),
        directories=sum(1 for node in nodes if node.children is not None),
        packages=len(listed),
        system=sum(1 for package in listed if package.kind in ("deb", "apk", "rpm")),
        executables=sum(1 for node in files.values() if node.content.mode & 0o111),
        setuid=sum(1 for node in files.values() if node.content.mode & 0o6000),
        writable=sum(1 for node in nodes if node.content.mode & 0o002 and node.content.kind != SYMLINK and node.parent),
        shells=tuple(sorted(programs & SHELLS)),
        managers=tuple(sorted(programs & MANAGERS)),
    )


def _programs(tree: Tree, gone: Container[bytes]) -> Iterable[bytes]:
    for directory in _PROGRAMS:
        node = tree.resolve(directory)
        for name, child in ((node.children if node is not None else None) or {}).items():
            target = tree.resolve(child.entry.path)
            if child.entry.path not in gone and target is not None and target.entry.path not in gone:
                yield name
