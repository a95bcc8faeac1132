"""Real images to test on: each folder of `tests/images` holds a Dockerfile as people write it and a better one.

Both are built on the same stand-in base with a real engine, saved as docker-archives and kept by what their folder and
their base say, so a second run builds nothing.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from . import bases, containers
from .machine import REPOSITORY, Tool, Unavailable, cache_dir, locked, run

FOLDER = REPOSITORY / "tests" / "images"
Which = Literal["before", "after"]
Compression = Literal["gzip", "zstd"]
DOCKERFILES: dict[Which, str] = {"before": "Dockerfile", "after": "Dockerfile.fixed"}


@dataclass(frozen=True)
class BuiltImage:
    """A pair of images built from one folder: `before` as people write it, `after` with the fixes applied."""

    name: str
    kept: Path
    facts: dict[str, Any]

    @property
    def folder(self) -> Path:
        """The folder in `tests/images`."""
        return FOLDER / self.name

    def dockerfile(self, which: Which = "before") -> Path:
        """The Dockerfile it was built from."""
        return self.folder / DOCKERFILES[which]

    def archive(self, which: Which = "before") -> Path:
        """What `docker save` wrote: `blobs/` and both manifests, layers not compressed."""
        return self.kept / f"{which}.tar"

    @property
    def before(self) -> Path:
        """The docker-archive of the image as people write it."""
        return self.archive("before")

    @property
    def after(self) -> Path:
        """The docker-archive of the fixed image."""
        return self.archive("after")

    def tag(self, which: Which = "before") -> str:
        """Its name in the engine, after `load`."""
        return f"jettison-test/{self.name}:{which}"

    def load(self, docker: Tool, which: Which = "before") -> str:
        """Make sure that the engine has it; return its name there."""
        if not docker("image", "ls", "--quiet", self.tag(which)).strip():
            docker("load", "--input", self.archive(which))
        return self.tag(which)

    def layout(self, which: Which = "before", compression: Compression = "gzip") -> Path:
        """The same image as skopeo writes it to an OCI layout (tag `latest`), compressed; made once."""
        path = self.kept / f"{which}-{compression}"
        with locked(f"layout-{self.name}-{which}-{compression}"):
            if not path.exists():
                made = path.with_suffix(".new")
                shutil.rmtree(made, ignore_errors=True)
                options = ["--quiet", "--format", "oci", "--dest-compress-format", compression]
                containers.skopeo()("copy", *options, f"docker-archive:{self.archive(which)}", f"oci:{made}:latest")
                made.rename(path)
        return path

    def push(self, registry: str, which: Which = "before", compression: Compression = "gzip") -> str:
        """Push it to a registry on loopback that wants no password; return `HOST:PORT/NAME:TAG`."""
        reference = f"{registry}/{self.name}:{which}-{compression}"
        source = f"oci:{self.layout(which, compression)}:latest"
        containers.skopeo()("copy", "--quiet", "--dest-tls-verify=false", source, f"docker://{reference}")
        return reference

    def summary(self) -> str:
        """One line for people: name, sizes, where."""
        before, after = (path.stat().st_size / 1e6 for path in (self.before, self.after))
        return f"{self.name}: {before:.1f} MB before, {after:.1f} MB after, in {self.kept}"


def names() -> list[str]:
    """The folders that hold an image."""
    return sorted(path.parent.name for path in FOLDER.glob("*/image.toml"))


def build(docker: Tool, name: str) -> BuiltImage:
    """Build a pair, or find it in the cache."""
    folder = FOLDER / name
    if name not in names():
        raise Unavailable(f"{name}: no such test image; there are {', '.join(names())}")
    facts = tomllib.loads((folder / "image.toml").read_text())
    kept = cache_dir() / "images" / f"{name}-{fingerprint(folder, facts)}"
    built = BuiltImage(name, kept, facts)
    with locked(f"image-{name}"):
        if not kept.exists():
            made = kept.with_name(kept.name + ".new")
            for stale in kept.parent.glob(f"{name}-*"):
                shutil.rmtree(stale)
            made.mkdir(parents=True)
            bases.ensure(docker, facts["base"])
            make(docker, built, made)
            made.rename(kept)
    return built


def make(docker: Tool, built: BuiltImage, target: Path) -> None:
    """Build both Dockerfiles in a copy of the folder, and save what comes out."""
    with tempfile.TemporaryDirectory(prefix="jettison-image-") as temporary:
        context = Path(temporary) / "context"
        shutil.copytree(built.folder, context, ignore=shutil.ignore_patterns("image.toml"))
        if (context / "Dockerfile.context").exists():
            recipe = context / "Dockerfile.context"
            output = f"type=local,dest={context}"
            docker("build", "--network", "host", "--file", recipe, "--output", output, context)
        if built.facts.get("git"):
            commit(context)
        for which, dockerfile in DOCKERFILES.items():
            tag = built.tag(which)
            docker("build", "--network", "host", "--tag", tag, "--file", context / dockerfile, context)
            docker("save", "--output", target / f"{which}.tar", tag)


def commit(context: Path) -> None:
    """Turn a context into a git repository, as it is when a developer builds."""
    who = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
    for role in ("AUTHOR", "COMMITTER"):
        who |= {f"GIT_{role}_NAME": "Test", f"GIT_{role}_EMAIL": "test@example.test"}
        who |= {f"GIT_{role}_DATE": "2026-01-01T00:00:00Z"}
    (context / ".gitignore").write_text("node_modules/\n")
    for command in (["init", "--quiet"], ["add", "--all"], ["commit", "--quiet", "--message", "All of it"]):
        run("git", *command, cwd=context, env=who)


def fingerprint(folder: Path, facts: dict[str, Any]) -> str:
    """Changes whenever a file of the folder, except its facts, or the recipe of its base changes."""
    digest = hashlib.sha256(bases.recipe(bases.BASES[facts["base"]]).encode())
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.name != "image.toml":
            digest.update(f"{path.relative_to(folder)}\0{path.stat().st_mode & 0o111}\0".encode())
            digest.update(hashlib.sha256(path.read_bytes()).digest())
    digest.update(json.dumps({key: facts.get(key) for key in ("base", "git")}).encode())
    return digest.hexdigest()[:12]
