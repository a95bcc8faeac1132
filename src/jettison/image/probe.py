"""Probes: what is read out of a file's content while its layer streams by, so that no layer is read twice.

A probe names the files it wants, by path or by magic, and turns each one's bytes into a few bytes of facts, which
the layer's index keeps. Package databases are kept whole; of an ELF file, a section table is enough.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


def whole(data: memoryview) -> bytes:
    """The reader of a probe that keeps the file as it is."""
    return bytes(data)


@dataclass(frozen=True, slots=True)
class Probe:
    """One kind of file that somebody wants to look into.

    `name` identifies the facts; raise `version` whenever `read` gives something else for the same bytes. `pattern` is
    a regular expression that searches the path, `magic` what the content starts with; where both are given, both must
    hold. Files over `limit` bytes are left alone. `read` may return None for "nothing here"; it must not raise on any
    bytes whatever, since images are untrusted.
    """

    name: str
    pattern: bytes | None = None
    magic: bytes | None = None
    read: Callable[[memoryview], bytes | None] = whole
    limit: int = 32 << 20
    version: int = 1


class ProbeSet:
    """Several probes, matched together: one search a path, however many probes there are."""

    def __init__(self, probes: Sequence[Probe]) -> None:
        self.probes = tuple(sorted(probes, key=lambda probe: probe.name))
        identity = repr([(p.name, p.version, p.pattern, p.magic, p.limit) for p in self.probes])
        self.key = hashlib.sha256(identity.encode()).hexdigest()[:16]
        by_path = [p for p in self.probes if p.pattern is not None]
        self._by_path = [(re.compile(p.pattern or b""), p) for p in by_path]
        self._any_path = re.compile(b"|".join(b"(?:%s)" % (p.pattern or b"") for p in by_path) or b"(?!)")
        self._by_magic = [p for p in self.probes if p.pattern is None and p.magic]
        self._magics = tuple({p.magic for p in self._by_magic if p.magic})

    def wanted(self, path: bytes, size: int, head: bytes) -> list[Probe]:
        """The probes that want this file, given at least the first 16 bytes of its content."""
        found: list[Probe] = []
        if self._any_path.search(path):
            found = [p for pattern, p in self._by_path if pattern.search(path) and head.startswith(p.magic or b"")]
        if head.startswith(self._magics):
            found += [p for p in self._by_magic if head.startswith(p.magic or b"")]
        return [p for p in found if size <= p.limit] if found else found


NO_PROBES = ProbeSet(())
