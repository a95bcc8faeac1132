"""What to drop from an image: kinds of waste, globs and packages become paths that go and databases that follow."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from jettison.errors import NotFound, UsageError
from jettison.image.entry import HARDLINK
from jettison.image.tree import stack
from jettison.rewrite.databases import follow
from jettison.rewrite.draft import Draft
from jettison.rewrite.edit import edit
from jettison.rewrite.squeeze import left, removable
from jettison.waste import kinds

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jettison.analysis import Analysis
    from jettison.image.tree import Tree
    from jettison.packages import Package

ALL_SAFE = "all-safe"
_WHOLE_PACKAGES = {"recommended-packages": "recommends", "orphaned-packages": "orphan"}
_OTHERWISE = {
    "duplicates": "--hardlink",
    "debug-symbols": "--strip",
    "deleted-later": "squeezing",
    "overwritten": "squeezing",
    "metadata-copy": "squeezing",
    "written-twice": "squeezing",
    "dockerignore-misses": "naming it in .dockerignore and building again",
}
"""Kinds that no removal of whole files takes away, and what does.

What a missing line of .dockerignore let in may hide what the build made (`node_modules`): without it there would be
neither, and the program needs one of them.
"""


@dataclass(frozen=True, slots=True)
class Wishes:
    """What somebody asked to drop: names of kinds (or `all-safe`), globs of paths, names of packages."""

    kinds: tuple[str, ...] = ()
    globs: tuple[str, ...] = ()
    packages: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.kinds or self.globs or self.packages)


@dataclass(slots=True)
class Dropping:
    """The paths that go, the files whose content follows, and each wish with its files and bytes."""

    gone: frozenset[bytes] = frozenset()
    edits: dict[bytes, bytes] = field(default_factory=dict)
    kinds: tuple[tuple[str, int, int], ...] = ()
    notes: list[str] = field(default_factory=list)
    step: str = "squeezed"

    def edited(self, draft: Draft) -> Draft:
        """The draft with the databases that follow."""
        return edit(draft, self.edits) if self.edits else draft


def chosen_kinds(names: Sequence[str]) -> set[str]:
    """The kinds that `names` mean. Raises `UsageError` for an unknown one."""
    known = {kind.name: kind for kind in kinds()}
    found: set[str] = set()
    for name in names:
        if name == ALL_SAFE:
            found.update(kind.name for kind in known.values() if kind.safe and kind.name not in _OTHERWISE)
        elif name in _OTHERWISE:
            raise UsageError(f"{name} is not dropped but taken away by {_OTHERWISE[name]}")
        elif name in known:
            found.add(name)
        else:
            there = ", ".join(sorted(known.keys() - _OTHERWISE.keys()))
            raise UsageError(f"there is no kind of waste {name!r}", hint=f"known are {ALL_SAFE}, {there}")
    return found


def resolve(wishes: Wishes, analysis: Analysis, *, base: int = 0) -> Dropping:
    """The paths and edits that the wishes mean for an analysed image. Raises `UsageError` or `NotFound`.

    What the first `base` layers have stays there, so databases go on telling of it; notes say what stays.
    """
    tree = analysis.tree
    wanted = chosen_kinds(wishes.kinds)
    rows = [(kind.name, _of_kind(analysis, kind.name)) for kind in kinds() if kind.name in wanted]
    rows += [(glob, matching(tree, glob)) for glob in wishes.globs]
    named = [package for name in wishes.packages for package in _named(analysis, name)]
    whole = {reason for name, reason in _WHOLE_PACKAGES.items() if name in wanted}
    rows += [(str(package), set(package.files)) for package in named]
    leaving = named + [package for package in analysis.inventory.packages if package.installed_by in whole]
    indexes = [layer.index for layer in analysis.layers]
    draft = Draft.of(analysis.image, indexes, base=base)
    wanted_gone = frozenset(path for _, paths in rows for path in paths)
    gone = removable(draft, tree, wanted_gone)
    rows = [(name, paths & gone) for name, paths in rows]
    going = [package for package in leaving if gone.issuperset(package.files)]
    followed = follow(draft, stack(indexes), analysis.inventory, gone, going)
    words = [*wishes.kinds, *wishes.globs, *wishes.packages]
    return Dropping(
        gone=frozenset(followed.gone),
        edits=followed.edits,
        kinds=tuple((name, len(paths), _bytes(tree, paths)) for name, paths in rows if paths or name in wishes.kinds),
        notes=[
            *followed.notes,
            *_staying(draft, tree, wanted_gone),
            *(f"{package} stays: files of it are in base layers" for package in leaving if package not in going),
            *_needed(analysis, [package for package in named if package in going]),
        ],
        step=f"squeezed, dropped {', '.join(words)}",
    )


def _staying(draft: Draft, tree: Tree, gone: frozenset[bytes]) -> list[str]:
    """A sentence for each reason why some of the paths stay."""
    return [f"{count:,} paths stay: {why}" for why, count in left(draft, tree, gone).items()]


def _of_kind(analysis: Analysis, name: str) -> set[bytes]:
    """The visible paths that a kind claims."""
    found: set[bytes] = set()
    for waste in analysis.waste:
        if waste.kind.name == name:
            for item in waste.items:
                node = analysis.tree.get(item.path)
                if node is not None and node.inode.layer == item.layer:
                    found.add(item.path)
    return found


def matching(tree: Tree, glob: str) -> set[bytes]:
    """The paths that match, and all below them. `*` and `?` do not match a `/`; `**/` matches any directories."""
    pattern = re.compile(_pattern(os.fsencode(glob.strip("/"))), re.DOTALL)
    found: set[bytes] = set()
    for path, node in tree.nodes.items():
        if path and pattern.fullmatch(path):
            found.update(child.entry.path for child in node.walk())
    if not found:
        raise NotFound(f"no path matches {glob!r}")
    return found


_WILD = {b"**/": b"(?:[^/]+/)*", b"**": b".+", b"*": b"[^/]*", b"?": b"[^/]"}


def _pattern(glob: bytes) -> bytes:
    """The glob as a regular expression."""
    parts = re.split(rb"(\*\*/|\*\*|\*|\?|\[[^/\]]+\])", glob)
    return b"".join(_WILD.get(part) or (part if part[:1] == b"[" else re.escape(part)) for part in parts)


def _named(analysis: Analysis, name: str) -> list[Package]:
    found = [package for package in analysis.inventory.packages if package.name == name]
    if not found:
        raise NotFound(f"no package {name!r} is installed", where=analysis.image.reference)
    return found


def _needed(analysis: Analysis, leaving: Sequence[Package]) -> list[str]:
    """A sentence for each package that others depend on."""
    going = set(leaving)
    notes = []
    for package in leaving:
        names = {package.name, *package.provides}
        users = sorted(
            other.name
            for other in analysis.inventory.packages
            if other not in going and any(names.issuperset(requirement) for requirement in other.depends)
        )
        if users:
            notes.append(f"{package.name} is needed by {', '.join(users[:5])}{' and others' if len(users) > 5 else ''}")
    return notes


def _bytes(tree: Tree, paths: set[bytes]) -> int:
    nodes = [tree.nodes[path] for path in paths if path in tree.nodes]
    return sum(node.entry.size for node in nodes if node.entry.kind != HARDLINK)
