"""The gate: an image squeezed in one way, and all that must hold of the result.

Each step is a function that returns a few words for the report, or raises `Wrong`.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine import containers, docker, registry
from engine.machine import Tool, Unavailable, cache_dir, locked
from jettison.image.check import check
from jettison.image.entry import FILE
from jettison.image.indexer import Indexer
from jettison.image.tree import stack
from jettison.proof.same_tree import same_tree
from jettison.stores import open_image

from . import images, running, scanners, witness

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from contextlib import ExitStack

    from jettison.image.tree import Tree

VARIANTS: dict[str, tuple[str, ...]] = {
    "squeeze": (),
    "all-safe": ("--drop", "all-safe"),
    "merge": ("--layers", "merge"),
    "four": ("--layers", "4"),
}
"""The ways of squeezing, with their arguments."""
TAG = "1"


class Wrong(AssertionError):
    """Something that must hold does not."""


@dataclass
class Outcome:
    """One image in one variant: bytes before and after, and what every step said. `failed` is empty when all hold."""

    name: str
    variant: str
    raw: tuple[int, int] = (0, 0)
    stored: tuple[int, int] = (0, 0)
    layers: tuple[int, int] = (0, 0)
    told: dict[str, str] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)


class Engines:
    """What results are loaded into; started once for a run."""

    def __init__(self, stack: ExitStack, folder: Path) -> None:
        """Start an engine and a registry, which end with the stack."""
        session = docker.Session()
        self.docker = docker.client(session.enter())
        stack.callback(session.leave)
        self.podman = containers.podman()
        self.skopeo = containers.skopeo()
        self.registry = stack.enter_context(registry.running(folder / "registry"))
        self.folder = folder

    @cached_property
    def ctr(self) -> Tool | None:
        """containerd's own client, speaking to the containerd that the engine runs; None with a foreign engine."""
        socket = docker.STANDARD.state / "exec/containerd/containerd.sock"
        program = docker.root() / "usr/bin/ctr"
        if not socket.exists() or not program.exists():
            return None
        return Tool(*self.docker.command[:3], program, "--address", socket, "--namespace", "squeezed")


class Original:
    """An image as it was built, and what witnesses, engines and scanners say of it; the slow answers are kept."""

    def __init__(self, case: images.Case, engines: Engines) -> None:
        """Build it unless it is there."""
        self.case, self.engines = case, engines
        self.reference = images.build(case)
        self.kept = Path(self.reference.partition(":")[2]).parent

    @cached_property
    def layout(self) -> Path:
        """An OCI layout of it that skopeo wrote, gzip, under the tag 1."""
        path = self.kept / "squeezed-gzip"
        with locked(f"squeezed-{self.case.name}-layout"):
            if not path.exists():
                made = path.with_suffix(".new")
                shutil.rmtree(made, ignore_errors=True)
                options = ("--quiet", "--format", "oci", "--dest-compress-format", "gzip")
                packed = self.kept / "before-gzip"  # what `engine.images` keeps of the images in tests/images
                source = f"oci:{packed}:latest" if packed.exists() else self.reference
                self.engines.skopeo("copy", *options, source, f"oci:{made}:{TAG}")
                made.rename(path)
        return path

    @cached_property
    def name(self) -> str:
        """Its name in Docker's store."""
        name = f"jettison-squeezed/{self.case.name}:original-{self.kept.name.rpartition('-')[2]}"
        if not self.engines.docker("image", "ls", "--quiet", name).strip():
            _to_docker(self.engines, f"oci:{self.layout}:{TAG}", name)
        return name

    @cached_property
    def indexed(self) -> tuple[Any, Any]:
        """The image and its tree."""
        indexer = Indexer()
        image = open_image(self.reference, indexer=indexer)
        return image, stack(indexer.image(image))

    @cached_property
    def unpacked(self) -> str:
        """umoci's and bsdtar's listing."""
        return self._once("umoci", lambda folder: witness.unpacked(str(self.layout), TAG, folder))

    @cached_property
    def exported(self) -> str:
        """The engine's and bsdtar's listing."""

        def ask(folder: Path) -> str:
            running.export(self.engines.docker, self.name, folder / "out.tar")
            return witness.exported(folder / "out.tar", folder)

        return self._once("docker", ask)

    @cached_property
    def answers(self) -> dict[str, str]:
        """What it answers in Docker."""
        return running.answers(self.engines.docker, self.name, self.case.check)

    @cached_property
    def scanned(self) -> dict[str, set[scanners.Found]]:
        """What scanners find."""

        def ask(folder: Path) -> str:
            found = scanners.found_by_others(self.layout, folder)
            return json.dumps({scanner: sorted(rows) for scanner, rows in found.items()})

        told = json.loads(self._once("scanners", ask))
        return {scanner: {scanners.Found(*row) for row in rows} for scanner, rows in told.items()}

    def _once(self, name: str, ask: Callable[[Path], str]) -> str:
        path = self.kept / f"squeezed-{name}.{hashlib.sha256(Path(witness.__file__).read_bytes()).hexdigest()[:8]}"
        with locked(f"squeezed-{self.case.name}-{name}"):
            if not path.exists():
                with tempfile.TemporaryDirectory(prefix="jettison-witness-", dir=room()) as folder:
                    path.write_text(ask(Path(folder)), errors="surrogateescape")
        return path.read_text(errors="surrogateescape")


class Squeezed:
    """One image in one variant, as Jettison's command line wrote it: a result and its cargo, in OCI layouts."""

    def __init__(self, original: Original, variant: str, folder: Path) -> None:
        """Run `jettison squeeze`."""
        self.original, self.variant, self.folder = original, variant, folder
        self.engines, self.case = original.engines, original.case
        self.layout, self.cargo, self.restored = (folder / name for name in ("result", "cargo", "restored"))
        archive = folder / "result.tar"
        output = f"oci-archive:{archive}:{TAG}" if variant == "merge" else f"oci:{self.layout}:{TAG}"
        words = [original.reference, "-o", output, *VARIANTS[variant], "--cargo", f"oci:{self.cargo}:{TAG}"]
        self.report = json.loads(jettison("squeeze", *words, "--format", "json"))
        if variant == "merge":
            self.layout.mkdir()
            with tarfile.open(archive) as tar:
                tar.extractall(self.layout, filter="data")

    @property
    def reference(self) -> str:
        """The result."""
        return f"oci:{self.layout}:{TAG}"

    @cached_property
    def archive(self) -> Path:
        """The result as an OCI archive: as Jettison wrote it, or its layout in a tar."""
        path = self.folder / "result.tar"
        if not path.exists():
            with tarfile.open(path, "w") as tar:
                for name in sorted(os.listdir(self.layout)):
                    tar.add(self.layout / name, name)
        return path

    @cached_property
    def name(self) -> str:
        """The result's name in Docker's store. The lossless variant goes there as a docker-archive of Jettison's."""
        name = f"jettison-squeezed/{self.case.name}:{self.variant}"
        if self.variant == "squeeze":
            archive = self.folder / "docker.tar"
            jettison("squeeze", self.original.reference, "-o", f"docker-archive:{archive}:{name}")
            self.engines.docker("load", "--input", archive)
            archive.unlink()
        else:
            _to_docker(self.engines, self.reference, name)
        return name

    def expected(self, listing: str) -> str:
        """A listing of the original without what was meant to go."""
        return witness.without(listing, self.report["gone"], self.report["changed"])

    def shown(self, listing: str) -> str:
        """A listing of the result, without what was meant to change."""
        return witness.without(listing, (), self.report["changed"])


def proof(squeezed: Squeezed) -> str:
    """Our own proof, anew, from what was written: every path, but for those that were dropped."""
    _, before = squeezed.original.indexed
    image = open_image(squeezed.reference)
    check(image).demand()
    check(open_image(f"oci:{squeezed.cargo}:{TAG}")).demand()
    gone = {os.fsencode(path) for path in squeezed.report["gone"]}
    changed = {os.fsencode(path) for path in squeezed.report["changed"]}
    found = same_tree(before, stack(Indexer().image(image)), gone=gone)
    if found.beyond(gone, changed):
        raise Wrong(str(found.beyond(gone, changed)[0]))
    return f"{found.paths} paths"


def dead(squeezed: Squeezed) -> str:
    """No file that the tree does not show is left in a layer that was written anew."""
    image, before = squeezed.original.indexed
    result = open_image(squeezed.reference)
    after = stack(Indexer().image(result))
    there = {layer.diff_id for layer in image.layers}
    for layer, size in _dead(after).items():
        if result.layers[layer].diff_id not in there:
            raise Wrong(f"layer {layer} still has {size} dead bytes")
    was, left = sum(_dead(before).values()), sum(_dead(after).values())
    return f"{was / 1e6:.1f} → {left / 1e6:.1f} MB"


def _dead(tree: Tree) -> Counter[int]:
    """Bytes of files that later entries hide, by layer; content that another name still shows is not dead."""
    shown = {(node.inode.layer, node.inode.number) for node in tree.nodes.values()}
    found: Counter[int] = Counter()
    for hidden in tree.hidden:
        if hidden.entry.kind == FILE and (hidden.layer, hidden.number) not in shown and hidden.entry.size:
            found[hidden.layer] += hidden.entry.size
    return found


def umoci(squeezed: Squeezed) -> str:
    """umoci unpacks both, bsdtar and getfattr list them."""
    with tempfile.TemporaryDirectory(prefix="jettison-witness-", dir=room()) as folder:
        after = witness.unpacked(str(squeezed.layout), TAG, Path(folder))
    return _same(squeezed.expected(squeezed.original.unpacked), squeezed.shown(after))


def export(squeezed: Squeezed) -> str:
    """Docker exports a container of each, tar unpacks both, bsdtar and getfattr list them."""
    with tempfile.TemporaryDirectory(prefix="jettison-witness-", dir=room()) as folder:
        target = Path(folder) / "out.tar"
        running.export(squeezed.engines.docker, squeezed.name, target)
        after = witness.exported(target, Path(folder))
    return _same(squeezed.expected(squeezed.original.exported), squeezed.shown(after))


def _same(before: str, after: str) -> str:
    difference = witness.first_difference(before, after)
    if difference:
        raise Wrong(difference)
    return f"{after.count(chr(10)) + 1} lines"


def run_in_docker(squeezed: Squeezed) -> str:
    """The result answers in Docker as the original does."""
    return _answers(squeezed, squeezed.engines.docker, squeezed.name)


def run_in_podman(squeezed: Squeezed) -> str:
    """The same in podman, which loads the OCI archive itself."""
    podman = squeezed.engines.podman
    name = podman("load", "--quiet", "--input", squeezed.archive).strip().rpartition(" ")[2]
    try:
        return _answers(squeezed, podman, name)
    finally:
        running.forget(podman, name)


def _answers(squeezed: Squeezed, engine: Tool, name: str) -> str:
    wanted = squeezed.original.answers
    found = running.answers(engine, name, squeezed.case.check)
    for question, answer in wanted.items():
        if found[question] != answer:
            raise Wrong(f"{question[:60]}: {witness.first_difference(answer, found[question])}")
    return f"{len(wanted)} answers"


def pushed(squeezed: Squeezed) -> str:
    """A registry takes result and cargo and serves them again, digest by digest."""
    skopeo, host = squeezed.engines.skopeo, squeezed.engines.registry
    for name, layout in (("result", squeezed.layout), ("cargo", squeezed.cargo)):
        there = f"docker://{host}/{squeezed.case.name}:{squeezed.variant}-{name}"
        skopeo("copy", "--quiet", "--preserve-digests", "--dest-tls-verify=false", f"oci:{layout}:{TAG}", there)
        served = skopeo("inspect", "--raw", "--tls-verify=false", there)
        digest = "sha256:" + hashlib.sha256(served.encode()).hexdigest()
        if digest != open_image(f"oci:{layout}:{TAG}").digest:
            raise Wrong(f"{there} has the digest {digest}")
        back = squeezed.folder / f"{name}-back"
        skopeo("copy", "--quiet", "--preserve-digests", "--src-tls-verify=false", there, f"oci:{back}:{TAG}")
        if _blobs(back) != _blobs(layout):
            raise Wrong(f"{there}: other blobs came back")
        shutil.rmtree(back)
    return "digests same"


def _blobs(layout: Path) -> set[str]:
    return {path.name for path in (layout / "blobs").rglob("*") if path.is_file()}


def inspected(squeezed: Squeezed) -> str:
    """skopeo reads the result and names as many layers as we do."""
    told = json.loads(squeezed.engines.skopeo("inspect", squeezed.reference))
    if len(told["Layers"]) != len(open_image(squeezed.reference).layers):
        raise Wrong(f"skopeo sees {len(told['Layers'])} layers")
    return f"{len(told['Layers'])} layers"


def imported(squeezed: Squeezed) -> str:
    """containerd imports the result, and unpacks it."""
    ctr = squeezed.engines.ctr
    if ctr is None:
        raise Unavailable("no containerd: the engine is not the tests' own")
    name = f"jettison.test/{squeezed.case.name}:{TAG}"
    try:
        ctr("images", "import", "--base-name", name.rpartition(":")[0], squeezed.archive)
        listed = ctr("images", "ls", f"name=={name}")
        if open_image(squeezed.reference).digest not in listed:
            raise Wrong(f"containerd lists {listed}")
        ctr("images", "check", f"name=={name}")
    finally:
        ctr("images", "rm", "--sync", name)
    return "imported"


def restored(squeezed: Squeezed) -> str:
    """`jettison restore` gives the original tree back, by our proof."""
    output = f"oci:{squeezed.restored}:{TAG}"
    jettison("restore", squeezed.reference, "--cargo", f"oci:{squeezed.cargo}:{TAG}", "-o", output)
    image = open_image(output)
    check(image).demand()
    _, before = squeezed.original.indexed
    found = same_tree(before, stack(Indexer().image(image)))
    if not found.holds:
        raise Wrong(str(found.differences[0]))
    return f"{found.paths} paths"


def restored_by_umoci(squeezed: Squeezed) -> str:
    """The restored image is the original by the independent witness too."""
    with tempfile.TemporaryDirectory(prefix="jettison-witness-", dir=room()) as folder:
        return _same(squeezed.original.unpacked, witness.unpacked(str(squeezed.restored), TAG, Path(folder)))


def scanned(squeezed: Squeezed) -> str:
    """Syft and Trivy list what Jettison says is there, before and after."""
    words = []
    after = scanners.found_by_others(squeezed.layout, squeezed.folder / "trivy")
    for when, layout, found in (
        ("before", squeezed.original.layout, squeezed.original.scanned),
        ("after", squeezed.layout, after),
    ):
        said = scanners.ours(f"oci:{layout}:{TAG}")
        wrong = scanners.disagreements(said, found)
        if wrong:
            raise Wrong(f"{when}: {len(wrong)} differ, such as {'; '.join(sorted(wrong)[:4])}")
        words.append(f"{len(said)} {when}")
    return ", ".join(words)


STEPS: dict[str, Callable[[Squeezed], str]] = {
    "proof": proof,
    "dead": dead,
    "umoci": umoci,
    "docker": run_in_docker,
    "export": export,
    "podman": run_in_podman,
    "registry": pushed,
    "skopeo": inspected,
    "containerd": imported,
    "restore": restored,
    "restored by umoci": restored_by_umoci,
    "scanners": scanned,
}
"""All that must hold, in this order."""
ONLY: dict[str, set[str]] = {"restored by umoci": {"all-safe"}, "scanners": {"all-safe"}}
"""Steps that only some variants take: where nothing is dropped, the trees are the same anyway."""


def outcome(original: Original, variant: str, steps: Iterable[str] = STEPS) -> Outcome:
    """Squeeze an image in one way, and take the steps."""
    out = Outcome(original.case.name, variant)
    with tempfile.TemporaryDirectory(prefix="jettison-squeezed-", dir=room()) as folder:
        started = time.monotonic()
        try:
            squeezed = Squeezed(original, variant, Path(folder))
        except (Wrong, Unavailable) as error:
            out.failed["squeezing"] = str(error)
            return out
        out.seconds["squeezing"] = round(time.monotonic() - started, 1)
        try:
            _measure(squeezed, out)
            for step in steps:
                if variant in ONLY.get(step, {variant}):
                    _take(step, squeezed, out)
        finally:
            running.forget(original.engines.docker, f"jettison-squeezed/{original.case.name}:{variant}")
    return out


def _take(step: str, squeezed: Squeezed, out: Outcome) -> None:
    started = time.monotonic()
    try:
        out.told[step] = STEPS[step](squeezed)
    except (Wrong, Unavailable) as error:
        out.failed[step] = str(error)
    out.seconds[step] = round(time.monotonic() - started, 1)


def _measure(squeezed: Squeezed, out: Outcome) -> None:
    """Bytes of tar and of gzip, before (as skopeo packs) and after."""
    rows = squeezed.report["layers"]
    out.raw = tuple(sum(row[side]["tar"] for row in rows if row[side]) for side in ("before", "after"))  # type: ignore[assignment]
    out.layers = tuple(sum(1 for row in rows if row[side]) for side in ("before", "after"))  # type: ignore[assignment]
    packed = open_image(f"oci:{squeezed.original.layout}:{TAG}")
    after = open_image(squeezed.reference)
    out.stored = (sum(x.stored_size or 0 for x in packed.layers), sum(x.stored_size or 0 for x in after.layers))


def jettison(*words: str) -> str:
    """Run the command line as people do; anything but success is `Wrong`."""
    done = subprocess.run([sys.executable, "-m", "jettison", *words, "-q"], capture_output=True, check=False)
    if done.returncode:
        raise Wrong(f"jettison {' '.join(words)}: exit {done.returncode}: {done.stderr.decode()[-1000:]}")
    return done.stdout.decode()


def room() -> Path:
    """Results lie in the cache: several gigabytes, which a temporary folder in memory would not hold."""
    path = cache_dir() / "squeezed"
    path.mkdir(exist_ok=True)
    return path


def _to_docker(engines: Engines, source: str, name: str) -> None:
    """Have skopeo make a docker-archive, and Docker load it."""
    with tempfile.TemporaryDirectory(prefix="jettison-load-", dir=room()) as folder:
        engines.skopeo("copy", "--quiet", source, f"docker-archive:{folder}/image.tar:{name}")
        engines.docker("load", "--input", f"{folder}/image.tar")
