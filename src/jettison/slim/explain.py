"""Why a path stays or goes, in words."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from jettison.errors import NotFound
from jettison.image.entry import KIND_NAMES, show
from jettison.slim.closure.packages import DOCUMENTATION
from jettison.slim.kept import SEEN, SPARE, trail

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jettison.slim.plan import Plan


def explain(plan: Plan, path: str) -> str:
    """The reasons, a line each. Raises `NotFound` where the image has no such path."""
    wanted = os.fsencode(path.strip("/"))
    links, target = trail(plan.tree, wanted)
    nodes = [*links, *([target] if target is not None else [])]
    if target is None:
        raise NotFound(f"/{show(wanted)} is not in the image", where=plan.image.reference)
    lines: list[str] = []
    for node in nodes:
        lines += _one(plan, node.entry.path)
    return "\n".join(lines)


def _one(plan: Plan, path: bytes) -> Iterator[str]:
    node = plan.tree.nodes[path]
    package = plan.inventory.owner(path)
    owner = f", of {package.kind} {package}" if package is not None else ""
    name = f"/{show(path)} ({KIND_NAMES[node.content.kind]}{owner})"
    if path in plan.gone:
        yield f"{name} goes: {_why_not(plan, path)}"
    elif path in plan.kept:
        steps = plan.kept.chain(path)
        first = steps[0][1]
        strength = {SEEN: "only looked at", SPARE: "kept in case"}.get(first.strength)
        yield f"{name} stays: {first.why}" + (f" ({strength})" if strength else "")
        for place, reason in steps[1:]:
            yield f"  because of /{show(place)}: {reason.why}"
    else:
        yield f"{name} stays: something in it does"


def _why_not(plan: Plan, path: bytes) -> str:
    if path in plan.barred:
        return "--drop matches it"
    node = plan.tree.nodes[path]
    if node.children is not None:
        return "nothing in it stays, and it is no part of the skeleton"
    package = plan.inventory.owner(path)
    if package is None:
        return "the trace did not touch it, nothing that stays needs it, and no package owns it"
    staying = sum(1 for file in package.files if file not in plan.gone)
    if not staying:
        return f"no file of {package} was touched or is needed"
    if DOCUMENTATION.match(path):
        return "documentation, which no running program needs"
    return f"{staying:,} of {len(package.files):,} files of {package} stay; this one was not touched, nothing needs it"
