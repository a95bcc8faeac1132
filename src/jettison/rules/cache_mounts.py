"""Where a cache mount would make rebuilds faster, whatever the package manager."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from jettison.finding import Severity
from jettison.rules.engine.rule import ScriptRule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jettison.dockerfile.shell import Script
    from jettison.finding import Finding
    from jettison.rules.engine.context import Context

_NODE: Final = frozenset(("install", "ci", "i", "add"))
_PLACES: Final[dict[str, tuple[frozenset[str], str]]] = {
    "apt-get": (frozenset(("install", "build-dep")), "/var/cache/apt"),
    "apt": (frozenset(("install", "build-dep")), "/var/cache/apt"),
    "apk": (frozenset(("add",)), "/var/cache/apk"),
    "dnf": (frozenset(("install",)), "/var/cache/libdnf5"),
    "yum": (frozenset(("install",)), "/var/cache/yum"),
    "zypper": (frozenset(("install", "in")), "/var/cache/zypp"),
    "pip": (frozenset(("install",)), "/root/.cache/pip"),
    "pip3": (frozenset(("install",)), "/root/.cache/pip"),
    "poetry": (frozenset(("install",)), "/root/.cache/pypoetry"),
    "uv": (frozenset(("sync", "pip")), "/root/.cache/uv"),
    "npm": (_NODE, "/root/.npm"),
    "yarn": (_NODE, "/usr/local/share/.cache/yarn"),
    "pnpm": (_NODE, "/root/.local/share/pnpm/store"),
    "bundle": (frozenset(("install",)), "/usr/local/bundle/cache"),
    "go": (frozenset(("build", "install", "mod")), "/go/pkg/mod"),
    "cargo": (frozenset(("build", "install")), "/usr/local/cargo/registry"),
    "composer": (frozenset(("install", "require")), "/root/.composer/cache"),
    "mvn": (frozenset(("package", "install", "verify", "dependency:go-offline")), "/root/.m2"),
    "gradle": (frozenset(("build", "assemble", "bootJar")), "/root/.gradle"),
}
"""The subcommands that download, and where root's cache lies on usual images."""


class CacheMountMissing(ScriptRule):
    """A cache mount would make the next build of this layer faster.

    What it does: reports a RUN that installs with apt-get, apk, dnf, yum, zypper, pip, Poetry, uv, npm, Yarn, pnpm,
    Bundler, Go, Cargo, Composer, Maven or Gradle and has no cache mount.

    Why is this bad: whenever the layer is built again, everything is downloaded again. What is in a cache mount is in
    no layer, so nothing has to be cleaned.

    Use instead: `RUN --mount=type=cache,target=/root/.cache/pip pip install ...`

    Off by default: it is advice, not a fault, needs BuildKit, and CI runners often keep no cache.

    Fix safety: report only; where the cache lies depends on user and configuration.

    Sources: Docker's documentation "Optimize cache usage in builds".
    """

    code = "MNT001"
    name = "cache-mount-missing"
    severity = Severity.INFO
    default = False
    mentions = tuple(sorted({name.encode() for name in _PLACES}))
    bad = "FROM python:3.12\nRUN pip install -r requirements.txt\n"
    good = "FROM python:3.12\nRUN --mount=type=cache,target=/root/.cache/pip pip install -r requirements.txt\n"

    def check(self, script: Script, context: Context) -> Iterator[Finding]:
        """At the first command that downloads."""
        if any(mount["type"] in ("cache", "tmpfs") for mount in script.instruction.mounts()):
            return
        for command in script.commands:
            actions, place = _PLACES.get(command.name or "", (frozenset(), ""))
            if place and any(word.text in actions for word in command.operands()[:2]):
                message = f"a cache mount on {place} would keep the downloads for the next build"
                yield context.found(self, command.words[command.head], message)
                return
