"""The real images that squeezing is held against, each with what it must still do afterwards.

They are the folders of `tests/squeezed/images`, and those of `tests/images` whose `image.toml` has a `[check]` (the
image as people write it). `builder` says what builds one and in which form it is read: Docker's BuildKit or its legacy
builder (docker-archive), buildx with provenance (OCI archive), buildah from a Dockerfile or a script (OCI archive, or
docker-archive for `buildah-docker`). What was built is kept until a file of its folder or its base changes.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine import bases, containers, docker
from engine import images as pairs
from engine.machine import Tool, Unavailable, cache_dir, locked, run

if TYPE_CHECKING:
    from collections.abc import Callable

FOLDER = Path(__file__).parent / "images"


@dataclass(frozen=True)
class Check:
    """What is asked of a container: commands, and paths over HTTP while it runs as its configuration says."""

    runs: tuple[tuple[str, ...], ...] = ()
    serves: tuple[str, ...] = ()
    port: int = 8080
    entrypoint: str | None = None
    """What commands run under, in place of the image's entry point."""
    arguments: tuple[str, ...] = field(default=())
    """Arguments while it serves."""


@dataclass(frozen=True)
class Case:
    """One image: its folder, what is known about it, and what it must do."""

    name: str
    folder: Path
    facts: dict[str, Any]

    @property
    def builder(self) -> str:
        """What builds it."""
        return str(self.facts.get("builder", "buildkit"))

    @property
    def about(self) -> str:
        """A sentence for people."""
        return str(self.facts["about"])

    @property
    def check(self) -> Check:
        """What it must do before and after."""
        told = dict(self.facts["check"])
        told["runs"] = tuple(tuple(words) for words in told.get("runs", ()))
        told["serves"] = tuple(told.get("serves", ()))
        return Check(**told)


def cases() -> dict[str, Case]:
    """All of them, by name."""
    found = {}
    for path in sorted([*FOLDER.glob("*/image.toml"), *pairs.FOLDER.glob("*/image.toml")]):
        facts = tomllib.loads(path.read_text())
        if "check" in facts:
            found[path.parent.name] = Case(path.parent.name, path.parent, facts)
    return found


def build(case: Case) -> str:
    """Build an image, or find it in the cache; return where it is, as Jettison and skopeo name it."""
    session = docker.Session()
    try:
        client = docker.client(session.enter())
        if case.folder.parent == pairs.FOLDER:
            return f"docker-archive:{pairs.build(client, case.name).before}"
        kept = cache_dir() / "squeezed" / f"{case.name}-{_fingerprint(case)}"
        transport, make = _BUILDERS[case.builder]
        with locked(f"squeezed-{case.name}"):
            if not kept.exists():
                bases.ensure(client, case.facts["base"])
                made = kept.with_name(kept.name + ".new")
                for stale in kept.parent.glob(f"{case.name}-*"):
                    shutil.rmtree(stale)
                made.mkdir(parents=True)
                with tempfile.TemporaryDirectory(prefix="jettison-squeezed-") as folder:
                    context = Path(shutil.copytree(case.folder, Path(folder) / "context"))
                    (context / "image.toml").unlink()
                    make(client, case, context, made / "image.tar")
                made.rename(kept)
        return f"{transport}:{kept / 'image.tar'}"
    finally:
        session.leave()


def _buildkit(client: Tool, case: Case, context: Path, out: Path) -> None:
    _docker(client, case, context, out)


def _legacy(client: Tool, case: Case, context: Path, out: Path) -> None:
    _docker(Tool(*client.command, env={**client.env, "DOCKER_BUILDKIT": "0"}), case, context, out)


def _docker(client: Tool, case: Case, context: Path, out: Path) -> None:
    tag = f"jettison-squeezed/{case.name}:before"
    client("build", "--network", "host", "--tag", tag, context)
    client("save", "--output", out, tag)


def _buildx(client: Tool, case: Case, context: Path, out: Path) -> None:
    """With the engine that keeps images in containerd's store: the other cannot write OCI archives."""
    session = docker.Session(docker.CONTAINERD)
    try:
        other = docker.client(session.enter())
        base = case.facts["base"]
        if not other("image", "ls", "--quiet", base).strip():
            client("save", "--output", out, base)
            other("load", "--input", out)
            out.unlink()
        output = f"type=oci,dest={out}"
        other("buildx", "build", "--network", "host", "--provenance=mode=max", "--output", output, context)
    finally:
        session.leave()


def _buildah(client: Tool, case: Case, context: Path, out: Path, form: str = "oci") -> None:
    buildah, tag = _with_base(client, case), f"jettison-squeezed/{case.name}"
    buildah("bud", "--format", form, "--layers", "--pull-never", "--tag", tag, context)
    buildah("push", "--quiet", "--format", form.replace("docker", "v2s2"), tag, _target(form, out))


def _buildah_docker(client: Tool, case: Case, context: Path, out: Path) -> None:
    _buildah(client, case, context, out, "docker")


def _script(client: Tool, case: Case, context: Path, out: Path) -> None:
    buildah, tag = _with_base(client, case), f"localhost/jettison-squeezed/{case.name}"
    run("sh", "build.sh", tag, cwd=context, env=buildah.env)
    buildah("push", "--quiet", tag, _target("oci", out))


def _target(form: str, out: Path) -> str:
    return f"docker-archive:{out}:jettison-squeezed:before" if form == "docker" else f"oci-archive:{out}:before"


def _with_base(client: Tool, case: Case) -> Tool:
    """buildah, with the base image in its storage."""
    buildah, base = containers.buildah(), case.facts["base"]
    name = f"docker.io/library/{base}"
    mark = f"{name}-from-{client('image', 'inspect', '--format', '{{.Id}}', base).strip()[7:19]}"
    if mark not in buildah("images", "--format", "{{.Name}}:{{.Tag}}"):
        with tempfile.TemporaryDirectory(prefix="jettison-base-") as folder:
            client("save", "--output", f"{folder}/base.tar", base)
            containers.skopeo()("copy", f"docker-archive:{folder}/base.tar", f"containers-storage:{name}")
        buildah("tag", name, mark)
    return buildah


_BUILDERS: dict[str, tuple[str, Callable[[Tool, Case, Path, Path], None]]] = {
    "buildkit": ("docker-archive", _buildkit),
    "legacy": ("docker-archive", _legacy),
    "buildx": ("oci-archive", _buildx),
    "buildah": ("oci-archive", _buildah),
    "buildah-docker": ("docker-archive", _buildah_docker),
    "script": ("oci-archive", _script),
}


def _fingerprint(case: Case) -> str:
    """Changes whenever a file of the folder but its facts, its builder or the recipe of its base does."""
    if case.builder not in _BUILDERS:
        raise Unavailable(f"{case.name}: no builder {case.builder!r}; there are {', '.join(_BUILDERS)}")
    digest = hashlib.sha256(f"{bases.recipe(bases.BASES[case.facts['base']])} {case.builder}".encode())
    for path in sorted(case.folder.rglob("*")):
        if path.is_file() and path.name != "image.toml":
            digest.update(os.fsencode(path.relative_to(case.folder)) + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:12]
