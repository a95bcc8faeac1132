"""Build stages: where they start, what they build on, and what they take from each other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from jettison.dockerfile.bases import distribution
from jettison.dockerfile.patterns import lazy

if TYPE_CHECKING:
    from jettison.dockerfile.instruction import Instruction
    from jettison.dockerfile.tree import Dockerfile


PLATFORM: Final = (
    "TARGETPLATFORM", "TARGETOS", "TARGETARCH", "TARGETVARIANT", "TARGETSTAGE",
    "BUILDPLATFORM", "BUILDOS", "BUILDARCH", "BUILDVARIANT",
)  # fmt: skip
"""Global arguments that BuildKit fills in itself; their values are not known here."""

_TESTS = lazy(r"(?:^|[-_.])(?:tests?|testing|lint|checks?|ci|e2e)(?:$|[-_.])")


class Stage:
    """One build stage.

    `base` is the image or stage name with ARGs resolved (None when unknown), `parent` the stage it builds on when it is
    one of this file, `children` the stages that build on it, `sources` the stages it copies or mounts from.
    `instructions` leave out the FROM, `shells` are its SHELLs. `used`: another stage builds on it or takes files from
    it. `ships`: its layers are part of an image that may be shipped: the last stage, a stage nobody uses (somebody may
    build it with `--target`), and whatever these build on. A stage only copied from does not ship; nor does one that
    is named for tests and builds on another (`FROM app AS test`): what it builds on does.
    """

    __slots__ = (
        "base", "children", "file", "index", "instruction", "instructions", "name", "parent", "shells", "ships",
        "sources", "used",
    )  # fmt: skip

    def __init__(self, file: Dockerfile, index: int, instruction: Instruction) -> None:
        self.file = file
        self.index = index
        self.instruction = instruction
        self.instructions: list[Instruction] = []
        words = instruction.words
        self.name = (words[2].text or "").lower() if len(words) >= 3 else None
        self.base: str | None = None
        self.parent: Stage | None = None
        self.children: list[Stage] = []
        self.sources: list[Stage] = []
        self.shells: list[Instruction] = []
        self.used = False
        self.ships = False

    def __repr__(self) -> str:
        return f"<stage {self.index} {self.name or ''}>"

    @property
    def root(self) -> Stage:
        """The stage at the bottom of the FROM chain: its `base` is an image."""
        stage = self
        while stage.parent is not None:
            stage = stage.parent
        return stage

    @property
    def distribution(self) -> str | None:
        """The distribution of the image at the bottom, by its name; see `bases.distribution`."""
        return distribution(self.root.base)

    @property
    def lineage(self) -> list[Stage]:
        """This stage and those it builds on, itself first."""
        found = [self]
        while found[-1].parent is not None:
            found.append(found[-1].parent)
        return found

    @property
    def is_final(self) -> bool:
        """True for the last stage, which is built by default."""
        return self.index == len(self.file.stages) - 1

    def descendants(self) -> list[Stage]:
        """The stages that build on this one, directly or not."""
        found = list(self.children)
        for stage in found:
            found += stage.children
        return found


def stages_of(file: Dockerfile) -> list[Stage]:
    """Read the stages of a file and tell every instruction its stage."""
    stages: list[Stage] = []
    for instruction in file.instructions:
        if instruction.kind == "FROM":
            stages.append(Stage(file, len(stages), instruction))
        elif stages:
            stages[-1].instructions.append(instruction)
            if instruction.kind == "SHELL":
                stages[-1].shells.append(instruction)
        if stages:
            instruction.stage = stages[-1]
            if instruction.inner is not None:
                instruction.inner.stage = stages[-1]
    file._stages = stages
    by_name: dict[str, Stage] = {}
    for stage in stages:
        words = stage.instruction.words
        stage.base = stage.instruction.expand(words[0]) if words else None
        stage.parent = by_name.get((stage.base or "").lower())
        if stage.parent is not None:
            stage.parent.used = True
            stage.parent.children.append(stage)
        if stage.name:
            by_name[stage.name] = stage
    for stage in stages:
        for instruction in stage.instructions:
            if instruction.kind in ("COPY", "RUN"):
                _sources(stage, instruction)
    for target in stages:
        step: Stage | None = target if target.is_final or not target.used else None
        if step is not None and step.parent is not None and step.name and _TESTS.search(step.name):
            step = step.parent
        while step is not None and not step.ships:
            step.ships = True
            step = step.parent
    return stages


def find(stages: list[Stage], name: str | None) -> Stage | None:
    """The last of `stages` with that name or, as COPY and mounts allow, that number."""
    if not name:
        return None
    for stage in reversed(stages):
        if stage.name == name.lower():
            return stage
    return stages[int(name)] if name.isdigit() and int(name) < len(stages) else None


def _sources(stage: Stage, instruction: Instruction) -> None:
    data = instruction.file.data
    if data.find(b"from", instruction.start, instruction.head_end) < 0:
        return
    names = [flag.value for flag in instruction.flags if flag.name == "from"]
    names += [mount.get("from") for mount in instruction.mounts()] if instruction.kind == "RUN" else []
    for name in names:
        source = find(stage.file.stages[: stage.index], instruction.expand(name) if name else None)
        if source is not None and source not in stage.sources:
            stage.sources.append(source)
            source.used = True
