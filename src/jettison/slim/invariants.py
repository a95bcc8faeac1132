"""What must hold of a slimmed image whatever ran in it: read off its tree, nothing is run.

That every path which stays is what it was, in type, content, mode, owner, times and attributes, `lighten` has proved.
Here: programs find their loaders and libraries, scripts' links still lead somewhere, the command is there, and nothing
became writable.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from jettison.image.entry import SYMLINK, show
from jettison.packages.elf import RELOCATABLE
from jettison.slim.closure.libraries import candidates
from jettison.slim.roots import configured
from jettison.slim.view import View

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jettison.image.tree import Tree
    from jettison.slim.plan import Plan


@dataclass(frozen=True, slots=True)
class Invariants:
    """How many things were looked at, and a sentence for each one that does not hold."""

    programs: int
    links: int
    broken: tuple[str, ...]

    @property
    def holds(self) -> bool:
        """True when nothing is broken that was not before."""
        return not self.broken


def invariants(plan: Plan, after: Tree) -> Invariants:
    """Hold a result's tree against the original's. What a `--drop` took out breaks what needed it, and is told."""
    view = View(plan.image, plan.indexes, plan.tree, plan.inventory, plan.trace, level=plan.level)
    programs = [node for path, node in plan.tree.nodes.items() if path in after.nodes and view.elf(node) is not None]
    links = [node for node in after.nodes.values() if node.content.kind == SYMLINK]
    broken = [*_libraries(plan, view, after), *_links(plan, after), *_command(view, after)]
    return Invariants(len(programs), len(links), tuple(broken))


def _libraries(plan: Plan, view: View, after: Tree) -> Iterator[str]:
    for path, node in plan.tree.nodes.items():
        elf = view.elf(node) if path in after.nodes and node.children is None else None
        if elf is None or elf.kind == RELOCATABLE:
            continue
        wanted = [next(candidates(view, path, elf, name), b"") for name in elf.needed]
        wanted.append(elf.interpreter.lstrip(b"/") if view.tree.resolve(elf.interpreter) is not None else b"")
        for need in wanted:
            if need and after.resolve(need) is None:
                yield f"/{show(path)} needs /{show(need)}, which is gone"


def _links(plan: Plan, after: Tree) -> Iterator[str]:
    for path, node in after.nodes.items():
        if node.content.kind == SYMLINK and after.resolve(path) is None and plan.tree.resolve(path) is not None:
            yield f"the link /{show(path)} leads nowhere now"


def _command(view: View, after: Tree) -> Iterator[str]:
    for need in configured(view):
        if need.path and view.tree.resolve(need.path) is not None and after.resolve(need.path) is None:
            yield f"{need.why}: /{show(need.path)} is gone"
