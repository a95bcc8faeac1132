"""A slimmed image as JSON; fields are only added."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import msgspec

from jettison.image.entry import show
from jettison.report.rewriting import json as rewriting

if TYPE_CHECKING:
    from jettison.packages import Package
    from jettison.report.slimming import Report

FORMAT = 1


def render(found: Report) -> bytes:
    """The report as one JSON document: that of the rewriting, and what is known besides."""
    document: dict[str, Any] = msgspec.json.decode(rewriting.render(found.rewriting))
    plan = found.plan
    document |= {
        "format": FORMAT,
        "level": plan.level,
        "figures": {"before": asdict(plan.before), "after": asdict(plan.after)},
        "packages": {
            "kept": [_package(package) for package in plan.packages],
            "gone": [_package(package) for package in plan.gone_packages],
        },
        "trace": {
            "paths": len(plan.trace.paths),
            "complete": plan.trace.complete,
            "lost": plan.trace.lost,
            "sources": list(plan.trace.sources),
        },
        "invariants": asdict(found.result.invariants) if found.result is not None else None,
        "behaviour": _behaviour(found),
        "notes": list(found.notes),
    }
    return msgspec.json.encode(document)


def _behaviour(found: Report) -> dict[str, Any] | None:
    """What was compared, null where the result was not run. There is no result where anything differed."""
    if found.proved is None:
        return None
    return {
        "compared": found.proved.behaviour.compared,
        "differences": len(found.proved.behaviour.unlike),
        "unstable": list(found.proved.behaviour.unstable),
        "missed": [sorted(show(path) for path in round) for round in found.proved.missed],
    }


def _package(package: Package) -> dict[str, str]:
    return {"kind": package.kind, "name": package.name, "version": package.version, "arch": package.arch}
