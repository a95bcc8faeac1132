"""Packages that differ, and which of two versions is the newer one."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from jettison.difference.versions import newer

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from jettison.packages import Package


@dataclass(frozen=True, slots=True)
class PackageChange:
    """One package that differs: its versions and bytes on either side (none where it is not there).

    `direction` is 1 for an upgrade, -1 for a downgrade, 0 where the order of the versions is not known, None where
    there is nothing to compare.
    """

    kind: str
    name: str
    before: tuple[str, ...]
    after: tuple[str, ...]
    size_before: int
    size_after: int
    direction: int | None = None

    @property
    def word(self) -> str:
        """`added`, `removed`, `upgraded`, `downgraded` or `changed`."""
        if not self.before:
            return "added"
        if not self.after:
            return "removed"
        return {1: "upgraded", -1: "downgraded"}.get(self.direction or 0, "changed")


def compare_packages(before: Sequence[Package], after: Sequence[Package]) -> Iterator[PackageChange]:
    """The packages that differ, by kind and name. Of one that is there several times, versions on one side only."""
    old, new = _by_name(before), _by_name(after)
    for key in sorted(old.keys() | new.keys()):
        left, right = old.get(key, []), new.get(key, [])
        versions = Counter(p.version for p in left), Counter(p.version for p in right)
        gone, come = versions[0] - versions[1], versions[1] - versions[0]
        if not gone and not come:
            continue
        direction = None
        if len(gone) == 1 and len(come) == 1:
            direction = newer(key[0], next(iter(gone)), next(iter(come)))
        yield PackageChange(
            kind=key[0],
            name=key[1],
            before=tuple(sorted(gone.elements())),
            after=tuple(sorted(come.elements())),
            size_before=sum(p.size for p in left if p.version in gone),
            size_after=sum(p.size for p in right if p.version in come),
            direction=direction,
        )


def _by_name(found: Sequence[Package]) -> dict[tuple[str, str], list[Package]]:
    groups: dict[tuple[str, str], list[Package]] = {}
    for package in found:
        groups.setdefault((package.kind, package.name), []).append(package)
    return groups
