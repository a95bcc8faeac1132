"""What stays, and why: every path with its reason, which leads to the next one, up to the trace or to a rule."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from jettison.image.entry import SYMLINK

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from jettison.image.tree import Node, Tree

SEEN, SPARE, NEEDED = range(3)
"""How much a path is wanted.

SEEN: somebody asked whether it is there, or listed it. SPARE: it belongs to something that is used, and no use of the
path itself is known. NEEDED: it was used, or what is used cannot do without.
"""

_MAX_HOPS = 40


class Need(NamedTuple):
    """A wish to keep what `path` leads to, with all links on the way.

    `path` has no leading `/` and may go through links and `..`; `why` is a clause in English; `by` is the kept path
    that asks, None where a rule or the trace does.
    """

    path: bytes
    why: str
    by: bytes | None = None
    strength: int = NEEDED


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a path stays: a clause, the path that asked, and how much it is wanted."""

    why: str
    by: bytes | None
    strength: int


class Kept:
    """The paths of a tree that stay. Paths in `barred` never do, whoever asks."""

    def __init__(self, tree: Tree, barred: Collection[bytes] = ()) -> None:
        self.reasons: dict[bytes, Reason] = {}
        self._tree = tree
        self._barred = frozenset(barred)

    def __contains__(self, path: bytes) -> bool:
        return path in self.reasons

    def add(self, needs: Iterable[Need]) -> list[Node]:
        """Keep what is needed; the nodes that are new, or wanted more than before."""
        fresh: dict[bytes, Node] = {}
        for need in needs:
            links, target = trail(self._tree, need.path)
            for link in links:
                clause = need.why if link.entry.path == need.path else f"a link on the way to /{_text(need.path)}"
                self._note(link, Reason(clause, need.by, need.strength), fresh)
            if target is not None:
                self._note(target, Reason(need.why, need.by, need.strength), fresh)
        return [fresh[path] for path in sorted(fresh)]

    def _note(self, node: Node, reason: Reason, fresh: dict[bytes, Node]) -> None:
        path = node.entry.path
        known = self.reasons.get(path)
        if not path or path in self._barred or (known is not None and known.strength >= reason.strength):
            return
        self.reasons[path] = reason
        fresh[path] = node

    def used(self, path: bytes) -> bool:
        """True where the path is needed, and not only seen or spare."""
        reason = self.reasons.get(path)
        return reason is not None and reason.strength == NEEDED

    def chain(self, path: bytes) -> list[tuple[bytes, Reason]]:
        """The path with its reason, the path that asked for it with its own, and so on."""
        steps: list[tuple[bytes, Reason]] = []
        seen: set[bytes] = set()
        at: bytes | None = path
        while at is not None and at not in seen and (reason := self.reasons.get(at)) is not None:
            seen.add(at)
            steps.append((at, reason))
            at = reason.by
        return steps


def trail(tree: Tree, path: bytes) -> tuple[list[Node], Node | None]:
    """The symbolic links that a path leads through, the last one included, and what it leads to, if to anything."""
    links: list[Node] = []
    node, parts = tree.root, [part for part in path.split(b"/") if part][::-1]
    while parts:
        name = parts.pop()
        if name == b".":
            continue
        if name == b"..":
            node = node.parent or tree.root
            continue
        child = (node.children or {}).get(name)
        if child is None:
            return links, None
        if child.content.kind == SYMLINK:
            links.append(child)
            if len(links) > _MAX_HOPS:
                return links, None
            target = child.content.link
            if target.startswith(b"/"):
                node = tree.root
            parts.extend(part for part in reversed(target.split(b"/")) if part)
            continue
        node = child
    return links, node


def _text(path: bytes) -> str:
    return path.decode("utf-8", "backslashreplace")
