"""The gate: an application slimmed at one level, and all that must hold of the result.

Each step is a function that returns a few words for the report, or raises `Wrong`.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine import containers
from engine.machine import Unavailable, cache_dir
from jettison.image.check import check
from jettison.image.indexer import Indexer
from jettison.image.tree import stack
from jettison.proof.same_tree import same_tree
from jettison.stores import open_image
from squeezed import running, scanners
from squeezed.gate import TAG, Engines, Original, Wrong

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from jettison.image.tree import Node, Tree

    from .applications import Application

__all__ = ["STEPS", "Engines", "Original", "Outcome", "Wrong", "outcome"]

_ENGINES = ("docker", "podman", "none")


@dataclass
class Outcome:
    """One application at one level: bytes before and after, and what every step said. `failed` is empty when all hold.

    `raw` are the bytes of the visible files, `stored` those of the layers' gzip blobs; `seconds` is wall time.
    """

    name: str
    level: str
    raw: tuple[int, int] = (0, 0)
    stored: tuple[int, int] = (0, 0)
    packages: tuple[int, int] = (0, 0)
    told: dict[str, str] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)


class Slimmed:
    """One application at one level, as `jettison slim` wrote it: a result and its cargo, in OCI layouts."""

    def __init__(self, original: Original, application: Application, level: str, folder: Path) -> None:
        """Run `jettison slim` with the engine that it takes by itself."""
        self.original, self.application, self.level, self.folder = original, application, level, folder
        self.engines = original.engines
        self.layout, self.cargo, self.trace = folder / "result", folder / "cargo", folder / "trace.json"
        told = self.slim(self.layout, "--cargo", f"oci:{self.cargo}:{TAG}", "--save-trace", str(self.trace))
        self.report: dict[str, Any] = json.loads(told)

    def slim(self, layout: Path, *words: str, engine: str = "docker", exercised: bool = True) -> str:
        """`jettison slim` of the original; what it prints."""
        exercise = self.application.exercise if exercised else ()
        words = ("--level", self.level, *words, *exercise, "--timeout", "300", "--format", "json")
        with ExitStack() as stack:
            environment = {"DOCKER_HOST": str(self.engines.docker.env["DOCKER_HOST"])}
            if engine == "podman":
                folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="jettison-podman-")))
                environment["CONTAINER_HOST"] = stack.enter_context(containers.podman_service(folder))
            target = ("-o", f"oci:{layout}:{TAG}", "--engine", engine)
            return jettison("slim", self.original.reference, *target, *words, environment=environment)

    @property
    def reference(self) -> str:
        """The result."""
        return f"oci:{self.layout}:{TAG}"

    @cached_property
    def name(self) -> str:
        """The result's name in Docker's store."""
        name = f"jettison-slimmed/{self.application.title}:{self.level}"
        archive = self.folder / "docker.tar"
        self.engines.skopeo("copy", "--quiet", self.reference, f"docker-archive:{archive}:{name}")
        self.engines.docker("load", "--input", archive)
        archive.unlink()
        return name

    @cached_property
    def tree(self) -> Tree:
        """What the result shows."""
        return _tree(self.reference)


def jettison(*words: str, environment: dict[str, str] | None = None) -> str:
    """Run the command line as people do; anything but success is `Wrong`."""
    command = [sys.executable, "-m", "jettison", *words, "-q"]
    done = subprocess.run(command, capture_output=True, env={**os.environ, **(environment or {})}, check=False)
    if done.returncode:
        raise Wrong(f"exit {done.returncode}: {done.stderr.decode()[-1500:]}")
    return done.stdout.decode()


def _tree(reference: str) -> Tree:
    return stack(Indexer().image(open_image(reference)))


def proof(slimmed: Slimmed) -> str:
    """Jettison has run original and result and found no difference; its images are whole."""
    found = slimmed.report["behaviour"]
    if found["differences"] or not found["compared"]:
        raise Wrong(str(found))
    check(open_image(slimmed.reference)).demand()
    check(open_image(f"oci:{slimmed.cargo}:{TAG}")).demand()
    rounds = len(found["missed"]) + 1
    unstable = f", {len(found['unstable'])} unstable" if found["unstable"] else ""
    return f"{found['compared']} same in {rounds} round{'s' if rounds > 1 else ''}{unstable}"


def answers(slimmed: Slimmed) -> str:
    """The result answers in Docker as the original does, also what nobody asked while it was traced."""
    wanted = slimmed.original.answers
    found = running.answers(slimmed.engines.docker, slimmed.name, slimmed.application.check)
    wrong = [question for question, answer in wanted.items() if found[question] != answer]
    asked_first = [question for question in wrong if question in slimmed.application.exercise]
    if wrong and (slimmed.level == "package" or asked_first):
        raise Wrong("; ".join(f"{one[:60]}: {wanted[one][-200:]!r}, then {found[one][-300:]!r}" for one in wrong))
    return f"{len(wanted) - len(wrong)} of {len(wanted)}"


def unwidened(slimmed: Slimmed) -> str:
    """Every path that is left has the mode, owner, time and attributes that it had; the configuration is the same."""
    image, before = slimmed.original.indexed
    after = open_image(slimmed.reference)
    if after.config.container != image.config.container:
        raise Wrong("the configuration is another one")
    changed = [path for path, node in slimmed.tree.nodes.items() if _face(node) != _face(before.nodes[path])]
    if changed:
        raise Wrong(f"{len(changed)} paths are not what they were, such as {os.fsdecode(changed[0])}")
    return f"{len(slimmed.tree.nodes)} paths"


def _face(node: Node) -> tuple[object, ...]:
    entry = node.content
    return node.entry.kind, entry.mode, entry.uid, entry.gid, entry.xattrs, node.entry.link


def restored(slimmed: Slimmed) -> str:
    """`jettison restore` gives the original tree back."""
    output = f"oci:{slimmed.folder / 'restored'}:{TAG}"
    jettison("restore", slimmed.reference, "--cargo", f"oci:{slimmed.cargo}:{TAG}", "-o", output)
    found = same_tree(slimmed.original.indexed[1], _tree(output))
    if not found.holds:
        raise Wrong(str(found.differences[0]))
    return f"{found.paths} paths"


def repeated(slimmed: Slimmed) -> str:
    """Two more runs, on the trace that the first one saved, give the same digest."""
    digests = []
    for number in (1, 2):
        layout = slimmed.folder / f"again-{number}"
        slimmed.slim(layout, "--trace-file", str(slimmed.trace), exercised=False)
        digests.append(open_image(f"oci:{layout}:{TAG}").digest)
    if digests[0] != digests[1]:
        raise Wrong(" is not ".join(map(str, digests)))
    return "same digest"


def scanned(slimmed: Slimmed) -> str:
    """Syft and Trivy list the packages that Jettison says it kept."""
    said = scanners.ours(slimmed.reference)
    kept = {(row["kind"], row["name"], row["version"]) for row in slimmed.report["packages"]["kept"]}
    listed = {(row.kind, row.name, row.version) for row in said}
    if kept != listed:
        raise Wrong(f"kept, or listed, but not both: {sorted(kept ^ listed)[:4]}")
    wrong = scanners.disagreements(said, scanners.found_by_others(slimmed.layout, slimmed.folder / "trivy"))
    if wrong:
        raise Wrong(f"{len(wrong)} differ, such as {'; '.join(sorted(wrong)[:4])}")
    return f"{len(said)} packages"


def engines(slimmed: Slimmed) -> str:
    """Traced by podman, and without an engine, it comes out with the same files."""
    trees = {"docker": slimmed.tree}
    for engine in _ENGINES[1:]:
        layout = slimmed.folder / engine
        slimmed.slim(layout, engine=engine)
        trees[engine] = _tree(f"oci:{layout}:{TAG}")
    apart = []
    for engine in _ENGINES[1:]:
        for one, other in (("docker", engine), (engine, "docker")):
            only = sorted(map(os.fsdecode, trees[one].nodes.keys() - trees[other].nodes.keys()))
            apart += [f"{len(only)} only by {one}, not {other}: {', '.join(only[:8])}"] if only else []
    if apart:
        raise Wrong("; ".join(apart))
    return "same files"


STEPS: dict[str, Callable[[Slimmed], str]] = {
    "proof": proof,
    "answers": answers,
    "modes": unwidened,
    "restore": restored,
    "digest": repeated,
    "scanners": scanned,
    "engines": engines,
}
"""All that must hold, in this order."""


def outcome(original: Original, application: Application, level: str, steps: Iterable[str] = STEPS) -> Outcome:
    """Slim an application at one level, and take the steps."""
    out = Outcome(application.title, level)
    with tempfile.TemporaryDirectory(prefix="jettison-slimmed-", dir=_room()) as folder:
        started = time.monotonic()
        try:
            slimmed = Slimmed(original, application, level, Path(folder))
        except (Wrong, Unavailable) as error:
            out.failed["slimming"] = str(error)
            return out
        out.seconds["slimming"] = round(time.monotonic() - started, 1)
        try:
            _measure(slimmed, out)
            for step in steps:
                _take(step, slimmed, out)
        finally:
            running.forget(original.engines.docker, f"jettison-slimmed/{application.title}:{level}")
    return out


def _room() -> Path:
    """Results lie in the cache: a temporary folder in memory would not hold them."""
    path = cache_dir() / "slimmed"
    path.mkdir(exist_ok=True)
    return path


def _take(step: str, slimmed: Slimmed, out: Outcome) -> None:
    started = time.monotonic()
    try:
        out.told[step] = STEPS[step](slimmed)
    except (Wrong, Unavailable) as error:
        out.failed[step] = str(error)
    out.seconds[step] = round(time.monotonic() - started, 1)


def _measure(slimmed: Slimmed, out: Outcome) -> None:
    """Bytes of the visible files, and of gzip blobs: before as skopeo packs them, after as Jettison does."""
    told = slimmed.report
    figures = told["figures"]
    out.raw = (figures["before"]["raw"], figures["after"]["raw"])
    out.packages = (figures["before"]["packages"], figures["after"]["packages"])
    packed = open_image(f"oci:{slimmed.original.layout}:{TAG}")
    after = open_image(slimmed.reference)
    out.stored = (sum(x.stored_size or 0 for x in packed.layers), sum(x.stored_size or 0 for x in after.layers))
