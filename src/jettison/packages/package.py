"""Packages: what a package manager installed, and the files it owns."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable

Kind = Literal["deb", "apk", "rpm", "pypi", "npm", "golang", "maven", "gem", "composer", "cargo", "conda", "nuget"]
"""Kinds, named as package URLs name them."""

SYSTEM: frozenset[str] = frozenset({"deb", "apk", "rpm", "conda"})
"""The kinds whose databases say of every file who owns it; what they own, no language's manager may claim."""

InstalledBy = Literal["manual", "dependency", "recommends", "orphan", "base", "unknown"]
"""Why a package is there.

`base`: it came with the base layers. `manual`: somebody asked for it. `dependency`: something that is kept needs it.
`recommends`: nothing needs it, and what is kept only recommends it. `orphan`: installed automatically, and by now
neither needed nor recommended. `unknown`: its manager does not say.
"""


@dataclass(frozen=True, slots=True, eq=False)
class Package:
    """One installed package.

    `files` are the paths that it owns and the final tree shows, directories left out, as the tree writes them; `size`
    their bytes, a hard-linked file once. `first_layer` is the layer that brought this version, `last_layer` the newest
    one that touched a file of it. `evidence` is the path that tells of the package. `source` and `source_version` are
    what advisories speak of. `owned_by` names the system package that brought a language's package; empty where its
    own manager did. `depends` and `recommends` hold alternatives: each tuple is satisfied by any one of its names.
    `dev` is True for a development dependency, None where nobody says.
    """

    kind: Kind
    name: str
    version: str
    evidence: bytes
    arch: str = ""
    source: str = ""
    source_version: str = ""
    files: tuple[bytes, ...] = ()
    size: int = 0
    first_layer: int = -1
    last_layer: int = -1
    installed_by: InstalledBy = "unknown"
    section: str = ""
    priority: str = ""
    essential: bool = False
    depends: tuple[tuple[str, ...], ...] = ()
    recommends: tuple[tuple[str, ...], ...] = ()
    provides: tuple[str, ...] = ()
    owned_by: str = ""
    dev: bool | None = None

    def __str__(self) -> str:
        return f"{self.name} {self.version}"


def closure(found: Iterable[Package], roots: Iterable[Package], *, recommended: bool = False) -> set[Package]:
    """All of `found` that `roots` lead to by what they depend on, or also by what they recommend.

    Names lead to packages and to their providers; of alternatives, every installed one is taken.
    """
    by_name: dict[str, list[Package]] = {}
    for package in found:
        for name in {package.name, *package.provides}:
            by_name.setdefault(name, []).append(package)
    reached = set(roots)
    queue = deque(reached)
    while queue:
        package = queue.popleft()
        for names in package.depends + package.recommends if recommended else package.depends:
            for name in names:
                for other in by_name.get(name, ()):
                    if other not in reached:
                        reached.add(other)
                        queue.append(other)
    return reached
