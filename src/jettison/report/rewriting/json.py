"""A rewrite as JSON; fields are only added."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from jettison import __version__
from jettison.image.entry import show

if TYPE_CHECKING:
    from jettison.lighten import LayerFacts, Lightened
    from jettison.rewrite.upx import Program

FORMAT = 1


def render(done: Lightened) -> bytes:
    """The report as one JSON document."""
    return msgspec.json.encode(
        {
            "jettison": __version__,
            "format": FORMAT,
            "image": done.before.reference,
            "id": {"before": str(done.before.id), "after": str(done.after.id) if done.after else None},
            "digest": {"before": _text(done.before.digest), "after": _text(done.after.digest) if done.after else None},
            "layers": [
                {
                    "command": layer.command,
                    "fate": layer.fate,
                    "before": _facts(layer.before),
                    "after": _facts(layer.after),
                }
                for layer in done.layers
            ],
            "dropped": [{"what": name, "files": files, "bytes": total} for name, files, total in done.dropped],
            "packed": [_program(program) for program in done.packed],
            "gone": sorted(show(path) for path in done.gone),
            "changed": sorted(show(path) for path in done.changed),
            "proof": _proof(done),
            "cargo": _text(done.cargo.digest) if done.cargo else None,
            "notes": list(done.notes),
        }
    )


def _proof(done: Lightened) -> dict[str, Any] | None:
    """What was compared. There is a result only where no difference was found beyond `gone` and `changed`."""
    if done.proof is None:
        return None
    return {"paths": done.proof.paths, "content": done.proof.content, "unexpected_differences": 0}


def _program(program: Program) -> dict[str, Any]:
    """A packed program; a cost that was not measured is null. Seconds from exec to exit, peak memory in bytes."""
    cost = {
        when: {"seconds": value.seconds, "memory": value.memory} if value is not None else None
        for when, value in (("before", program.cost_before), ("after", program.cost_after))
    }
    return {"path": show(program.path), "bytes": {"before": program.before, "after": program.after}, "start": cost}


def _facts(facts: LayerFacts | None) -> dict[str, Any] | None:
    if facts is None:
        return None
    return {
        "diff_id": facts.diff_id,
        "digest": facts.digest,
        "tar": facts.raw,
        "stored": facts.stored,
        "compression": facts.packed,
        "members": facts.members,
    }


def _text(value: str | None) -> str | None:
    return str(value) if value is not None else None
