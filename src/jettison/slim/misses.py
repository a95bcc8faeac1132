"""Misses: what a run of the result asked for in vain, and the original has.

The kernel's "no such file" tells most of them. Python looks into directories once and then asks no more, so its own
words count too.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from jettison.slim.kept import trail

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jettison.slim.plan import Plan
    from jettison.slim.rehearsal import Observation

_PYTHON = re.compile(rb"No module named '?([A-Za-z_][\w.]*)")


def misses(plan: Plan, seen: Observation) -> frozenset[bytes]:
    """Paths that the plan takes out and the run asked for. What `--drop` took out on purpose is none."""
    return frozenset(path for path in _asked(plan, seen) if path in plan.gone and path not in plan.barred)


def _asked(plan: Plan, seen: Observation) -> Iterator[bytes]:
    for name in seen.trace.missing:
        links, target = trail(plan.tree, os.fsencode(name))
        for node in (*links, *([target] if target is not None else [])):
            yield node.entry.path
    said = b"\n".join((seen.said, *(part for result in seen.results for part in (result.body, result.errors))))
    names = {match.replace(b".", b"/") for match in _PYTHON.findall(said)}
    if names:
        yield from _modules(plan, names)


def _modules(plan: Plan, names: set[bytes]) -> Iterator[bytes]:
    """The files of Python modules of these names, wherever they are."""
    for path in plan.gone:
        stem = path.removesuffix(b".py").removesuffix(b"/__init__")
        if path.endswith(b".so"):
            stem = path.rpartition(b"/")[0] + b"/" + path.rpartition(b"/")[2].partition(b".")[0]
        if path.endswith((b".py", b".so")) and any(stem.endswith(b"/" + name) for name in names):
            yield path
