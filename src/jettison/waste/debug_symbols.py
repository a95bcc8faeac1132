"""Symbol tables and debug sections of programs and libraries that were not stripped."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jettison.image.entry import FILE
from jettison.waste import Claim, Kind, View

if TYPE_CHECKING:
    from collections.abc import Iterator

SYMBOLS = Kind(
    "debug-symbols",
    "debug symbols",
    rank=40,
    remedy="strip in the build stage (strip --strip-unneeded; go build -ldflags='-s -w'; cargo: strip = true)",
    fix="stage",
)
DETACHED = Kind(
    "debug-files",
    "detached debug information",
    rank=39,
    remedy="do not install -dbg and -dbgsym packages",
    fix="drop",
    directory=rb"usr/lib/debug/",
    also=((rb"(?:.*/)?\.debug/$", rb".+\.debug"), (rb"(?:.*/)?[^/]+\.dSYM/", rb".+")),
)
KINDS = (DETACHED, SYMBOLS)


def detect(view: View) -> Iterator[tuple[Kind, Claim]]:
    """The bytes of the sections that strip would remove. A kernel module or an object file needs its symbols."""
    seen: set[tuple[int, int]] = set()
    for node in view.tree.nodes.values():
        content = (node.inode.layer, node.inode.number)
        if node.content.kind != FILE or content in seen or node.entry.name.endswith((b".o", b".ko", b".a")):
            continue
        elf = view.inventory.elf_of(node)
        if elf is not None and elf.strippable:
            seen.add(content)
            yield SYMBOLS, Claim(*content, raw=elf.strippable)
