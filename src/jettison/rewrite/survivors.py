"""Which members of a draft make its final tree, and what becomes of hard links whose target does not.

A hard link names a member of its own layer that stands before it. Where that member goes, the first of the links that
stay takes its content, under its own name, at the place where the content stands, and the others follow it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from jettison.image import tar
from jettison.image.entry import HARDLINK, Entry
from jettison.image.tree import is_marker
from jettison.rewrite.draft import Draft, Member
from jettison.rewrite.rope import Renamed

if TYPE_CHECKING:
    from jettison.image.tree import Node, Tree

Key = tuple[int, int]
"""A member of a draft: the number of its layer, and its number there."""


@dataclass(slots=True)
class Survivors:
    """The members that a tree needs, by where they stand in the draft; those in `kept_hidden` it does not show.

    `resolved` has what to write in place of those whose names lead through symbolic links of their own layer, should
    that layer be written anew. `kept` are paths that were to go and could not.
    """

    members: dict[Key, Member]
    resolved: dict[Key, Member]
    kept_hidden: set[Key]
    kept: set[bytes]


def survivors(draft: Draft, tree: Tree, gone: frozenset[bytes] = frozenset(), *, forced: bool = False) -> Survivors:
    """The members that show `tree`, the draft's own, without the paths in `gone`.

    `forced`: no hidden member may stay, since all will stand in one layer or anew. Otherwise content that cannot move
    to a link (one in another layer, or that disagrees about owner, mode or times) stays hidden, as it is.
    """
    return _Selection(draft, tree, gone, forced).run()


class _Selection:
    def __init__(self, draft: Draft, tree: Tree, gone: frozenset[bytes], forced: bool) -> None:
        self._draft = draft
        self._tree = tree
        self._gone = gone
        self._forced = forced
        self._found = Survivors({}, {}, set(), set())
        self._named: dict[int, set[bytes]] = {}
        self._groups = {} if forced else _groups(draft)
        at_odds = [keys for keys in self._groups.values() if _at_odds(draft, keys)]
        self._whole = {key for keys in at_odds if any(map(self._shows, keys)) for key in keys}

    def run(self) -> Survivors:
        groups: dict[Node, list[Node]] = {}
        for node in self._tree.nodes.values():
            if node.layer < 0:
                continue
            if node.inode is not node:
                groups.setdefault(node.inode, []).append(node)
            elif node.entry.path not in self._gone:
                self._keep(node)
        orphaned = []
        for target, links in groups.items():
            staying = sorted(
                (link for link in links if link.entry.path not in self._gone),
                key=lambda node: (node.layer, node.number),
            )
            if self._stays(target):
                self._follow(staying, target, target.entry.path)
            elif staying and target.layer < self._draft.base and not self._forced:
                for link in staying:
                    self._keep(link)  # what it leads to is not touched
            elif staying:
                orphaned.append((target, staying))
        if self._forced or (not self._whole and all(self._movable(*group) for group in orphaned)):
            for target, links in orphaned:
                self._move(target, links)
        else:  # where some content must stay hidden, all of it does: what hides the one may be the other
            for target, links in orphaned:
                self._leave(target, links)
        if self._whole:
            self._keep_hidden()
        return self._found

    def _keep(self, node: Node) -> None:
        key = node.layer, node.number
        member = self._found.members[key] = self._draft.member(*key)
        if member.entry.path != node.entry.path:
            self._resolve(key, renamed(member, node.entry))

    def _resolve(self, key: Key, member: Member) -> None:
        """Write a name out that leads through a symbolic link: now, or where the layer is written anew."""
        if self._forced:
            self._found.members[key] = member
        else:
            self._found.resolved[key] = member

    def _stays(self, node: Node) -> bool:
        path = node.entry.path
        return path not in self._gone and self._tree.nodes.get(path) is node

    def _shows(self, key: Key) -> bool:
        """True where the tree shows this member, and it is to stay."""
        path = self._draft.member(*key).entry.path
        node = self._tree.nodes.get(path)
        return node is not None and (node.layer, node.number) == key and path not in self._gone

    def _movable(self, target: Node, links: list[Node]) -> bool:
        """True when the first of the links can take the content where that stands."""
        return all(link.layer == target.layer and _agree(link.entry, target.entry) for link in links)

    def _move(self, target: Node, links: list[Node]) -> None:
        first = links[0]
        old = self._draft.member(target.layer, target.number)
        self._found.members[target.layer, target.number] = renamed(old, first.entry)
        self._follow(links[1:], target, first.entry.path)

    def _leave(self, target: Node, links: list[Node]) -> None:
        """Keep the content under its old name, hidden where it is, with all links to it."""
        if self._tree.nodes.get(target.entry.path) is target:
            self._found.kept.add(target.entry.path)
            self._keep(target)
        key = (target.layer, target.number)
        self._whole.update(self._groups.get(key, ()), [key])
        for link in links:
            self._keep(link)

    def _follow(self, links: list[Node], target: Node, path: bytes) -> None:
        """Keep links, leading to `path` where what they name is not there, or not before them."""
        for link in links:
            self._keep(link)
            if link.entry.link == path or (link.layer != target.layer and not self._forced):
                continue
            named = self._tree.nodes.get(link.entry.link)
            if named is None or named not in links or (named.layer, named.number) > (link.layer, link.number):
                key = link.layer, link.number
                entry = msgspec.structs.replace(link.entry, link=path)
                member = Member(entry, -1, (tar.header(entry),))
                if self._stays(target) and link.entry.link not in self._names(link.layer):
                    self._resolve(key, member)
                else:
                    self._found.members[key] = member

    def _names(self, layer: int) -> set[bytes]:
        """The names that members of a layer have; what a link names besides leads through a symbolic link."""
        if layer not in self._named:
            self._named[layer] = {member.entry.path for member in self._draft.layers[layer].members}
        return self._named[layer]

    def _keep_hidden(self) -> None:
        """Keep what must stay hidden, and all that hides it."""
        hidden = {(it.layer, it.number): (it.by, it.by_number) for it in self._tree.hidden}
        for key in self._whole - hidden.keys() - self._found.members.keys():
            self._found.members[key] = self._draft.member(*key)  # a name that others are linked by
            self._found.kept.add(self._found.members[key].entry.path)
        wanted = [key for key in self._whole if key in hidden]
        while wanted:
            key = wanted.pop()
            if key in self._found.kept_hidden:
                continue
            self._found.kept_hidden.add(key)
            self._found.members[key] = self._draft.member(*key)
            by = hidden[key]
            if by in hidden:
                wanted.append(by)
            elif by not in self._found.members and not is_marker(entry := self._draft.member(*by).entry):
                self._found.kept.add(entry.path)
                self._found.members[by] = self._draft.member(*by)


def _agree(link: Entry, target: Entry) -> bool:
    """True when a link's header says of owner, mode and times what its target's does, as every tool writes it."""
    return (link.mode, link.uid, link.gid, link.mtime) == (target.mode, target.uid, target.gid, target.mtime) and (
        link.xattrs is None or link.xattrs == target.xattrs
    )


def _at_odds(draft: Draft, keys: list[Key]) -> bool:
    """True for a hard-link group that disagrees about owner, mode or times.

    Engines apply each link's header to the file that they share, so that even a hidden link leaves its mark.
    """
    target, *links = [draft.member(*key).entry for key in keys]
    return not all(_agree(link, target) for link in links)


def _groups(draft: Draft) -> dict[Key, list[Key]]:
    """The hard-link groups inside the layers above the base, by their targets, which come first in each."""
    groups: dict[Key, list[Key]] = {}
    for number, layer in draft.above_base():
        now: dict[bytes, int] = {}
        if any(member.entry.kind == HARDLINK for member in layer.members):
            for n, (entry, _, _) in enumerate(layer.members):
                target = now.get(entry.link) if entry.kind == HARDLINK and entry.link != entry.path else None
                if target is not None:
                    groups.setdefault((number, target), [(number, target)]).append((number, n))
                now[entry.path] = n if target is None else target
    return groups


def renamed(member: Member, link: Entry) -> Member:
    """The member under a link's name, with what the link's header says of owner, mode and times."""
    old = member.entry
    xattrs = {**(old.xattrs or {}), **(link.xattrs or {})} or None
    entry = msgspec.structs.replace(
        old, path=link.path, mode=link.mode, uid=link.uid, gid=link.gid, mtime=link.mtime, xattrs=xattrs
    )
    if member.pieces is None:
        return Member(entry, member.source, (Renamed(member.source, old.start, old.end, entry),))
    head, *body = member.pieces
    if isinstance(head, Renamed):
        return Member(entry, member.source, (head._replace(new=entry),))
    return Member(entry, member.source, (tar.header(entry), *body))
