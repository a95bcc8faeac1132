"""Build stages: where they start, what they build on, what they take from each other, and what variables hold."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from jettison.dockerfile.bases import distribution
from jettison.dockerfile.expand import expand

if TYPE_CHECKING:
    from collections.abc import Mapping

    from jettison.dockerfile.instruction import Instruction
    from jettison.dockerfile.tree import Dockerfile

PREDEFINED: Final = [
    "HTTP_PROXY",
    "http_proxy",
    "HTTPS_PROXY",
    "https_proxy",
    "FTP_PROXY",
    "ftp_proxy",
    "NO_PROXY",
    "no_proxy",
    "ALL_PROXY",
    "all_proxy",
]
PLATFORM: Final = [
    "TARGETPLATFORM",
    "TARGETOS",
    "TARGETARCH",
    "TARGETVARIANT",
    "TARGETSTAGE",
    "BUILDPLATFORM",
    "BUILDOS",
    "BUILDARCH",
    "BUILDVARIANT",
]
"""Global arguments that BuildKit fills in itself; their values are not known here."""


class Stage:
    """One build stage.

    `base` is the image or stage name with ARGs resolved (None when unknown), `parent` the stage it builds on when it is
    one of this file, `sources` the stages it copies or mounts from. `instructions` leave out the FROM.
    """

    __slots__ = ("base", "file", "index", "instruction", "instructions", "name", "parent", "sources")

    def __init__(self, file: Dockerfile, index: int, instruction: Instruction) -> None:
        self.file = file
        self.index = index
        self.instruction = instruction
        self.instructions: list[Instruction] = []
        words = instruction.words
        self.name = (words[2].text or "").lower() if len(words) >= 3 else None
        self.base: str | None = None
        self.parent: Stage | None = None
        self.sources: list[Stage] = []

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

    @property
    def used(self) -> bool:
        """True when another stage builds on it or takes files from it."""
        return any(self is other.parent or self in other.sources for other in self.file.stages)

    @property
    def ships(self) -> bool:
        """True when its layers are part of an image that may be shipped: the last stage, a stage nobody uses (somebody
        may build it with `--target`), and whatever these build on. A stage only copied from does not ship."""
        return any(self in target.lineage for target in self.file.stages if target.is_final or not target.used)

    def descendants(self) -> list[Stage]:
        """The stages that build on this one, directly or not."""
        return [stage for stage in self.file.stages if stage is not self and self in stage.lineage]


def stages_of(file: Dockerfile) -> list[Stage]:
    """Read the stages of a file and tell every instruction its stage."""
    stages: list[Stage] = []
    for instruction in file.instructions:
        if instruction.kind == "FROM":
            stages.append(Stage(file, len(stages), instruction))
        elif stages:
            stages[-1].instructions.append(instruction)
        if stages:
            instruction.stage = stages[-1]
            if instruction.inner is not None:
                instruction.inner.stage = stages[-1]
    file._stages = stages
    for stage in stages:
        words = stage.instruction.words
        stage.base = stage.instruction.expand(words[0]) if words else None
        stage.parent = find(stages[: stage.index], stage.base, numbers=False)
    for stage in stages:
        for instruction in stage.instructions:
            if instruction.kind in ("COPY", "RUN"):
                _sources(stage, instruction)
    return stages


def find(stages: list[Stage], name: str | None, numbers: bool = True) -> Stage | None:
    """The last of `stages` with that name, or (for COPY and mounts) that number."""
    if not name:
        return None
    for stage in reversed(stages):
        if stage.name == name.lower():
            return stage
    return stages[int(name)] if numbers and name.isdigit() and int(name) < len(stages) else None


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


def variables_of(file: Dockerfile) -> dict[int, Mapping[str, str | None]]:
    """ARG and ENV as they stand before each instruction, by its index. One mapping is shared until it changes."""
    result: dict[int, Mapping[str, str | None]] = {}
    file._variables = result
    globals_: dict[str, str | None] = dict.fromkeys(PLATFORM)
    current: Mapping[str, str | None] = MappingProxyType(globals_)
    final: dict[str, Mapping[str, str | None]] = {}
    name: str | None = None
    in_stage = False
    for instruction in file.instructions:
        kind = instruction.kind
        if kind == "FROM":
            if name is not None:
                final[name] = current
            result[instruction.index] = globals_
            words = instruction.words
            base = instruction.expand(words[0]) if words else None
            inherited = final.get((base or "").lower())
            # A stage inherits ENV, not ARG: a name that ENV set has its mark.
            current = {
                k: v for k, v in (inherited or {}).items() if k.startswith("\0") or "\0" + k in (inherited or {})
            }
            name = (words[2].text or "").lower() if len(words) >= 3 else None
            in_stage = True
            continue
        result[instruction.index] = current
        if kind == "ARG" or kind == "ENV":
            current = _after(instruction, current, globals_ if in_stage else None)
            if not in_stage:
                globals_ = dict(current)
    return result


def _after(
    instruction: Instruction, before: Mapping[str, str | None], outer: Mapping[str, str | None] | None
) -> dict[str, str | None]:
    """The variables after an ARG or ENV. `\\0NAME` marks a name set by ENV, which an ARG cannot override."""
    after = dict(before)
    escape = instruction.grammar.escape.decode()
    for pair in instruction.pairs:
        name = (pair.name.text or "").strip("\"'")
        # ENV resolves all its values before any of them is set; ARG goes one by one.
        scope = before if instruction.kind == "ENV" else after
        value = expand(pair.value.text or "", scope, escape) if pair.value is not None else None
        if instruction.kind == "ENV":
            after[name], after["\0" + name] = value, ""
        elif "\0" + name not in after:
            given = instruction.file.build_args.get(name)
            default = value if pair.value is not None else (outer or {}).get(name)
            after[name] = given if given is not None else default
    return after
