"""Waste: bytes that an image need not carry. One module a kind, found by its folder.

A kind is described by a `Kind` and found in one of two ways:

- by path: `Kind.directory` and `Kind.name` are regular expressions for the directory of a visible file (with a
  trailing `/`) and for its last component; all kinds are matched together in one walk;
- by a function `detect(view) -> Iterator[Claim]` in its module, for what a path alone cannot tell.

Accounting (`jettison.waste.ledger`): the unit is an entry of a layer. Each byte belongs to at most one kind: kinds
claim in the order of their `rank`, hidden entries before visible ones, what is certain and cheap to remove before what
is a matter of taste. So no byte is counted twice, and the sum of all waste never exceeds the image.
"""

from __future__ import annotations

import importlib
import pkgutil
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from jettison.image.image import Image
    from jettison.image.index import LayerIndex
    from jettison.image.tree import Tree
    from jettison.origin import Origin
    from jettison.packages import Inventory


MAX_PATH, MAX_NAME = 4096, 255
"""Paths and components beyond the kernel's bounds (PATH_MAX, NAME_MAX) are no kind's: no program opens them, and
expressions that search them would take long."""


def is_sane(path: bytes) -> bool:
    """False for a path that no kernel would open."""
    return len(path) <= MAX_NAME or (len(path) < MAX_PATH and max(map(len, path.split(b"/"))) <= MAX_NAME)


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of waste.

    `rank` orders the claims (lower first; ties by name). `safe`: a running program cannot miss it. `counts`: it lowers
    the efficiency (bytes that nothing ever reads, as opposed to a matter of taste). `remedy` completes "to drop
    it, ...", `fix` names the change of the Dockerfile that removes it together with others: `one-run` (do and clean
    up in the same RUN), `no-recommends`, `ignore` (.dockerignore), `production` (production dependencies only), `stage`
    (leave it in a build stage), `drop` (remove the files).

    `directory` and `named` tell it by path, as do the pairs of `also`; any of them will do. `links` says whether
    symbolic links there count, which weigh a tar header each. `used_by` is looked for in what a container is told to
    run (`View.started`): where it is found, the kind is in use and claims nothing.
    """

    name: str
    title: str
    rank: int
    remedy: str
    fix: str
    safe: bool = True
    counts: bool = False
    directory: bytes | None = None
    named: bytes | None = None
    also: tuple[tuple[bytes, bytes], ...] = ()
    links: bool = True
    used_by: str | None = None


@dataclass(frozen=True, slots=True)
class Claim:
    """One entry that a kind lays claim to: its layer and number there.

    `raw` is a part of the file's bytes where only a part is waste (symbol tables). `by` is the layer that made it
    waste (the one that deletes or overwrites it), `reason` what people should know about this one.
    """

    layer: int
    number: int
    raw: int | None = None
    by: int | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class View:
    """All that a detector may look at."""

    image: Image
    indexes: Sequence[LayerIndex]
    tree: Tree
    inventory: Inventory
    origins: Sequence[Origin]
    taken: set[tuple[int, int]] = field(default_factory=set)
    """Entries that are booked, as (layer, number); grows while the kinds claim."""
    misses: dict[tuple[int, int], tuple[int, int] | None] = field(default_factory=dict)
    """Entries that only a missing line of .dockerignore let in, each with the entry that it hides: without the one,
    the other would be seen, so only one of them is waste."""

    @property
    def started(self) -> str:
        """What a container is told to run, as one text: entry point, command, health check, working directory."""
        container = self.image.config.container
        check = container.healthcheck.test if container.healthcheck else None
        words: list[str] = [container.working_dir or ""]
        for part in (container.entrypoint, container.cmd, check):
            words += [part] if isinstance(part, str) else part or []
        return "\n".join(words)


class _Module(Protocol):
    KINDS: tuple[Kind, ...]

    def detect(self, view: View) -> Iterator[tuple[Kind, Claim]]: ...


@cache
def modules() -> tuple[_Module, ...]:
    """The modules of this folder that define kinds, and third parties' (entry points `jettison.waste`)."""
    found = []
    for info in pkgutil.iter_modules(__path__):
        module = importlib.import_module(f"{__name__}.{info.name}")
        if hasattr(module, "KINDS"):
            found.append(module)
    from importlib.metadata import entry_points

    found += [entry_point.load() for entry_point in entry_points(group="jettison.waste")]
    return tuple(found)


@cache
def kinds() -> tuple[Kind, ...]:
    """All kinds, in the order in which they claim."""
    return tuple(sorted((kind for module in modules() for kind in module.KINDS), key=lambda k: (k.rank, k.name)))
