"""Node.js: the packages under `node_modules`, and which of them only development needs.

Source of the formats: the npm documentation of package.json and package-lock.json (`node_modules/.package-lock.json`
is npm's "hidden lockfile"), and Node's "Loading from node_modules folders".
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

import msgspec

from jettison.image.probe import Probe
from jettison.packages.package import Package

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from jettison.packages.package import InstalledBy
    from jettison.packages.reader import Reader


class Manifest(msgspec.Struct, array_like=True, frozen=True, omit_defaults=True):
    """What is kept of a package.json: of dependencies, the names."""

    name: str = ""
    version: str = ""
    depends: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()
    peers: tuple[str, ...] = ()
    development: tuple[str, ...] = ()


_FIELDS = ("dependencies", "optionalDependencies", "peerDependencies", "devDependencies")
_ENCODER = msgspec.msgpack.Encoder()
_MANIFEST = msgspec.msgpack.Decoder(Manifest)
_LOCK = msgspec.msgpack.Decoder(dict[str, bool])


def _read_manifest(data: memoryview) -> bytes | None:
    content = _json(data)
    if content is None:
        return None
    name, version = content.get("name"), content.get("version")
    names = [tuple(value) if isinstance(value := content.get(field), dict) else () for field in _FIELDS]
    if not isinstance(name, str) and not any(names):
        return None  # { "type": "module" }, which many packages have in their subdirectories
    return _ENCODER.encode(
        Manifest(name if isinstance(name, str) else "", version if isinstance(version, str) else "", *names)
    )


def _read_lock(data: memoryview) -> bytes | None:
    """Path below the project → needed for development only. The entry "" is the project itself."""
    content = _json(data)
    listed = content.get("packages") if content is not None else None
    if not isinstance(listed, dict):
        return None
    return _ENCODER.encode(
        {path: flags.get("dev") is True for path, flags in listed.items() if path and isinstance(flags, dict)}
    )


def _json(data: memoryview) -> dict[str, object] | None:
    try:
        content = msgspec.json.decode(bytes(data).removeprefix(b"\xef\xbb\xbf"))
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None
    return content if isinstance(content, dict) else None


PROBES = (
    Probe("node-manifest", rb"/package\.json\Z", read=_read_manifest, limit=4 << 20),
    Probe("node-lock", rb"/node_modules/\.package-lock\.json\Z", read=_read_lock),
)

_MODULES = b"node_modules"


def packages(reader: Reader) -> Iterable[Package]:
    """One package for each directory right below a `node_modules` (or a scope in one) that has a package.json."""
    manifests = {node.entry.path.rpartition(b"/")[0]: (node, fact) for node, fact in reader.every("node-manifest")}
    homes = {home: _MANIFEST.decode(fact) for home, (_, fact) in manifests.items()}
    installed = [home for home, manifest in homes.items() if is_package(home) and manifest.name]
    development = _development(reader, homes, installed)
    asked = {found for home in homes if not is_package(home) for found in _direct(reader, homes, home)}
    for home in installed:
        node, manifest = manifests[home][0], homes[home]
        directory = reader.tree.get(home)
        owned = reader.owned(reader.below(directory, without=_MODULES) if directory is not None else ())
        first = reader.since(node, "node-manifest")
        reason: InstalledBy = "unknown"
        if home in asked:
            reason = "manual"
        elif home in development:
            reason = "dependency"
        yield Package(
            kind="npm",
            name=manifest.name,
            version=manifest.version,
            evidence=node.entry.path,
            source=manifest.name,
            source_version=manifest.version,
            files=owned.paths,
            size=owned.size,
            first_layer=first,
            last_layer=max(node.layer, owned.last_layer),
            installed_by=reason,
            depends=tuple((name,) for name in dict.fromkeys((*manifest.depends, *manifest.optional, *manifest.peers))),
            dev=development.get(home),
        )


def is_package(home: bytes) -> bool:
    """True for `…/node_modules/NAME` and `…/node_modules/@SCOPE/NAME`: where packages are, and projects are not."""
    parts = home.rsplit(b"/", 3)
    if len(parts) >= 2 and parts[-2] == _MODULES:
        return not parts[-1].startswith((b".", b"@"))
    return len(parts) >= 3 and parts[-2].startswith(b"@") and parts[-3] == _MODULES


def _direct(reader: Reader, homes: dict[bytes, Manifest], project: bytes) -> Iterator[bytes]:
    """The packages that a project asks for itself."""
    manifest = homes[project]
    if project + b"/" + _MODULES not in reader.tree.nodes:
        return
    for name in (*manifest.depends, *manifest.optional, *manifest.peers, *manifest.development):
        found = _resolve(reader, project, name)
        if found in homes:
            yield found


def _development(reader: Reader, homes: dict[bytes, Manifest], installed: list[bytes]) -> dict[bytes, bool]:
    """Package → True where nothing but development needs it, for all packages of which a project knows.

    npm's own lock file says so; where there is none (yarn, pnpm), the project's package.json tells what is asked for
    and Node's rules of resolution what that leads to.
    """
    known: dict[bytes, bool] = {}
    here = set(installed)
    for node, fact in reader.every("node-lock"):
        project = node.entry.path.rpartition(b"/")[0].rpartition(b"/")[0]
        for path, dev in _LOCK.decode(fact).items():
            home = (project + b"/" if project else b"") + path.encode("utf-8", "surrogateescape")
            if home in here:
                known[home] = dev
    for project, manifest in homes.items():
        if is_package(project) or project + b"/" + _MODULES not in reader.tree.nodes:
            continue
        if project + b"/" + _MODULES + b"/.package-lock.json" in reader.tree.nodes:
            continue
        production = _reach(reader, homes, project, (*manifest.depends, *manifest.optional, *manifest.peers))
        for home in _reach(reader, homes, project, manifest.development):
            known.setdefault(home, True)
        known.update(dict.fromkeys(production, False))
    return known


def _reach(reader: Reader, homes: dict[bytes, Manifest], project: bytes, names: Iterable[str]) -> set[bytes]:
    reached: set[bytes] = set()
    queue = deque((project, name) for name in names)
    while queue:
        home = _resolve(reader, *queue.popleft())
        if home in homes and home not in reached:
            reached.add(home)
            manifest = homes[home]
            queue.extend((home, name) for name in (*manifest.depends, *manifest.optional, *manifest.peers))
    return reached


def _resolve(reader: Reader, home: bytes, name: str) -> bytes:
    """The directory that `require(name)` leads to from `home`; b"" where it leads nowhere.

    Node looks into the `node_modules` beside each directory up to the root; links (pnpm's) are followed.
    """
    nodes = reader.tree.nodes
    tail = b"/" + _MODULES + b"/" + name.encode("utf-8", "surrogateescape")
    while home:
        found = nodes.get(home + tail)
        if found is not None:
            if found.children is None:
                found = reader.tree.resolve(home + tail)
            return found.entry.path if found is not None else b""
        home = home.rpartition(b"/")[0]
        if home.endswith(b"/" + _MODULES):
            home = home.rpartition(b"/")[0]
    found = nodes.get(tail[1:])
    return found.entry.path if found is not None else b""
