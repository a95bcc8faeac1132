"""FROM: which base image, how it is named, and what its stage is called."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from jettison.dockerfile.bases import split_reference
from jettison.dockerfile.edit import delete, replace
from jettison.dockerfile.patterns import lazy
from jettison.finding import Edit, Safety, Severity, Span
from jettison.rules.engine.rule import FileRule, InstructionRule, StageRule
from jettison.rules.engine.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jettison.dockerfile.instruction import Instruction
    from jettison.dockerfile.stages import Stage
    from jettison.dockerfile.tree import Dockerfile
    from jettison.dockerfile.words import Word
    from jettison.finding import Finding
    from jettison.rules.engine.context import Context


def image_of(stage: Stage) -> str | None:
    """The base image's reference with variables resolved; None for another stage, `scratch`, or an unknown value."""
    if stage.parent is not None or not stage.base or stage.base == "scratch" or "$" in stage.base:
        return None
    return stage.base


class BaseUntagged(StageRule):
    """The base image has no tag.

    What it does: reports FROM without a tag or digest, variables resolved. Stages of the same file are left out.

    Why is this bad: no tag means `latest`: the next build may start from another major version.

    Use instead: a version (`debian:12-slim`), or a digest.

    Fix safety: report only; nobody can know which version you want.

    Sources: hadolint DL3006, Trivy DS-0001, Checkov CKV_DOCKER_7. hadolint flags `FROM $BASE` whatever its default is;
    here a default with a tag is quiet and an unknown value is not judged.
    """

    code = "BASE001"
    name = "base-untagged"
    aliases = ("DL3006", "DS-0001", "CKV_DOCKER_7", "DKL-DI-0006")
    bad = ("FROM debian\nRUN true\n", "ARG BASE=debian\nFROM $BASE\n")
    good = ("FROM debian:12\nRUN true\n", "ARG BASE=debian:12\nFROM ${BASE}\n", "FROM debian:12 AS a\nFROM a\n")

    def check(self, stage: Stage, context: Context) -> Iterator[Finding]:
        """The image word of such a FROM."""
        image = image_of(stage)
        if image is not None and split_reference(image)[1:] == ("", ""):
            yield context.found(
                self, stage.instruction.words[0], f"{image} has no tag, so it is whatever latest is today"
            )


class BaseLatest(StageRule):
    """The base image is tagged `latest`.

    What it does: reports FROM with the tag `latest` and no digest, variables resolved.

    Why is this bad: the next build may start from another major version, and nobody can tell which one this was.

    Use instead: a version, or a digest.

    Fix safety: report only.

    Sources: hadolint DL3007, Trivy DS-0001, Checkov CKV_DOCKER_7, Dockle DKL-DI-0006.
    """

    code = "BASE002"
    name = "base-latest"
    aliases = ("DL3007",)
    bad = "FROM debian:latest\nRUN true\n"
    good = "FROM debian:12\nRUN true\n"

    def check(self, stage: Stage, context: Context) -> Iterator[Finding]:
        """The image word of such a FROM."""
        image = image_of(stage)
        if image is not None and split_reference(image)[1:] == ("latest", ""):
            yield context.found(self, stage.instruction.words[0], f"{image} is another image every few weeks")


class RegistryNotAllowed(StageRule):
    """The base image is from a registry that is not allowed.

    What it does: reports FROM whose registry matches none of `allowed-registries` (globs; `docker.io` for names without
    a registry). Says nothing while the setting is empty.

    Why is this bad: your rules say so.

    Fix safety: report only.

    Sources: hadolint DL3026 (`trustedRegistries`).
    """

    code = "BASE003"
    name = "registry-not-allowed"
    aliases = ("DL3026",)
    severity = Severity.ERROR
    bad = ("FROM example.org/base:1\nRUN true\n", "FROM debian:12\nRUN true\n")
    good = ("FROM ghcr.io/acme/base:1\nRUN true\n", "FROM scratch\nCOPY x /\n")
    example_settings = Settings(allowed_registries=("ghcr.io",))

    def check(self, stage: Stage, context: Context) -> Iterator[Finding]:
        """The image word of such a FROM."""
        allowed = context.settings.allowed_registries
        image = image_of(stage)
        if not allowed or image is None:
            return
        first, slash, _ = image.partition("/")
        registry = first if slash and ("." in first or ":" in first or first == "localhost") else "docker.io"
        if not any(_matches(registry, image, pattern) for pattern in allowed):
            yield context.found(self, stage.instruction.words[0], f"{registry} is none of the allowed registries")


def _matches(registry: str, image: str, pattern: str) -> bool:
    from fnmatch import fnmatchcase

    if pattern in ("hub.docker.com", "docker.io"):
        return registry == "docker.io"
    return fnmatchcase(registry, pattern) or fnmatchcase(image, pattern) or image.startswith(pattern.rstrip("/") + "/")


class PlatformFixed(InstructionRule):
    """FROM fixes the platform.

    What it does: reports `--platform=` with a constant value in FROM. `$BUILDPLATFORM` and other variables are how
    cross-building is done and are quiet.

    Why is this bad: the image is that platform's wherever it is built; builds for other platforms get it all the same.

    Use instead: choose when building: `docker build --platform`.

    Fix safety: report only: removing the flag builds another image on other machines.

    Sources: hadolint DL3029 (which flags variables too), BuildKit FromPlatformFlagConstDisallowed.
    """

    code = "BASE004"
    name = "platform-fixed"
    aliases = ("DL3029", "FromPlatformFlagConstDisallowed")
    kinds = ("FROM",)
    bad = "FROM --platform=linux/amd64 debian:12\nRUN true\n"
    good = "FROM --platform=$BUILDPLATFORM debian:12 AS build\nFROM debian:12\n"

    def check(self, instruction: Instruction, context: Context) -> Iterator[Finding]:
        """The flag."""
        flag = instruction.flag("platform")
        if flag is not None and flag.value and "$" not in flag.value:
            stage = instruction.stage
            if stage is not None and stage.name and flag.value.rpartition("/")[2] in stage.name:
                return  # a stage an architecture, as BuildKit's check has it
            yield context.found(self, flag, f"this stage is {flag.value} wherever it is built")


class PlatformRedundant(InstructionRule):
    """`--platform=$TARGETPLATFORM` is the default.

    What it does: reports FROM with `--platform=$TARGETPLATFORM`.

    Why is this bad: it says nothing, and looks as if it did.

    Fix safety: safe; the flag's value is the default.

    Sources: hadolint DL3065, BuildKit RedundantTargetPlatform.
    """

    code = "BASE005"
    name = "platform-redundant"
    aliases = ("DL3065", "RedundantTargetPlatform")
    severity = Severity.STYLE
    safety = Safety.SAFE
    kinds = ("FROM",)
    mentions = (b"TARGETPLATFORM",)
    bad = ("FROM --platform=$TARGETPLATFORM debian:12\n", "FROM --platform=${TARGETPLATFORM} debian:12 AS a\n")
    good = ("FROM debian:12\n", "FROM debian:12 AS a\n")

    def check(self, instruction: Instruction, context: Context) -> Iterator[Finding]:
        """The flag."""
        flag = instruction.flag("platform")
        if flag is None or flag.value not in ("$TARGETPLATFORM", "${TARGETPLATFORM}"):
            return
        file = instruction.file
        if b"ARG TARGETPLATFORM" in file.data[: instruction.start]:
            return  # somebody gave it a meaning of their own
        end = flag.span.end
        while file.data[end : end + 1] in (b" ", b"\t"):
            end += 1
        edit = delete(Span(flag.span.start, end))
        yield context.found(self, flag, "this is the default", fix="remove the flag", edits=[edit])


class StageNameTaken(FileRule):
    """Two stages have the same name.

    What it does: reports `AS name` where an earlier stage has that name; case does not matter.

    Why is this bad: COPY --from and --target mean the last one, whatever was meant.

    Fix safety: report only.

    Sources: hadolint DL3024, BuildKit DuplicateStageName, Trivy DS-0012, Checkov CKV_DOCKER_11.
    """

    code = "BASE006"
    name = "stage-name-taken"
    aliases = ("DL3024", "DuplicateStageName", "DS-0012", "CKV_DOCKER_11")
    severity = Severity.ERROR
    bad = "FROM debian:12 AS build\nRUN true\nFROM debian:12 AS Build\n"
    good = "FROM debian:12 AS build\nRUN true\nFROM debian:12 AS run\n"

    def check(self, file: Dockerfile, context: Context) -> Iterator[Finding]:
        """The second name."""
        seen: dict[str, int] = {}
        for stage in file.stages:
            if stage.name and stage.name in seen:
                first = seen[stage.name]
                yield context.found(self, stage.instruction.words[2], f"the stage of line {first} is called that too")
            elif stage.name:
                seen[stage.name] = stage.instruction.line


class StageNameReserved(StageRule):
    """A stage has a reserved name.

    What it does: reports stages called `scratch` or `context`.

    Why is this bad: `FROM scratch` means the empty image, `--mount=from=context` and named contexts the build context.

    Fix safety: report only.

    Sources: hadolint DL3063, BuildKit ReservedStageName.
    """

    code = "BASE007"
    name = "stage-name-reserved"
    aliases = ("DL3063", "ReservedStageName")
    bad = "FROM debian:12 AS scratch\nRUN true\n"
    good = "FROM debian:12 AS base\nRUN true\n"

    def check(self, stage: Stage, context: Context) -> Iterator[Finding]:
        """The name."""
        if stage.name in ("scratch", "context"):
            yield context.found(self, stage.instruction.words[2], f"the name {stage.name} is reserved")


class StageNameCasing(StageRule):
    """A stage's name has capital letters.

    What it does: reports `AS Name` with capital letters.

    Why is this bad: stage names do not depend on case, and every other name in an image reference is lower case.

    Fix safety: safe; references find the stage in any case.

    Sources: BuildKit StageNameCasing.
    """

    code = "BASE008"
    name = "stage-name-casing"
    aliases = ("StageNameCasing",)
    severity = Severity.STYLE
    safety = Safety.SAFE
    bad = "FROM debian:12 AS Build\nRUN true\n"
    good = "FROM debian:12 AS build\nRUN true\n"

    def check(self, stage: Stage, context: Context) -> Iterator[Finding]:
        """The name."""
        words = stage.instruction.words
        if stage.name and words[2].raw != words[2].raw.lower() and b"$" not in words[2].raw:
            edit = _rewrite(stage.instruction, words[2].span, words[2].raw.lower())
            yield context.found(
                self, words[2], "stage names are lower case", fix="write it in lower case", edits=[edit]
            )


class AsCasing(InstructionRule):
    """`as` and `FROM` differ in case.

    What it does: reports `FROM image as name` and `from image AS name`.

    Why is this bad: it reads badly.

    Fix safety: safe; keywords do not depend on case.

    Sources: BuildKit FromAsCasing.
    """

    code = "BASE009"
    name = "from-as-casing"
    aliases = ("FromAsCasing",)
    severity = Severity.STYLE
    safety = Safety.SAFE
    kinds = ("FROM",)
    bad = "FROM debian:12 as build\nRUN true\n"
    good = ("FROM debian:12 AS build\nRUN true\n", "from debian:12 as build\nrun true\n")

    def check(self, instruction: Instruction, context: Context) -> Iterator[Finding]:
        """The word `as`."""
        words = instruction.words
        if len(words) < 3 or words[1].raw.lower() != b"as":
            return
        keyword = instruction.file.source.text(instruction.keyword_span)
        wanted = b"AS" if keyword.isupper() else b"as" if keyword.islower() else None
        if wanted is not None and words[1].raw != wanted:
            edit = _rewrite(instruction, words[1].span, wanted)
            message = f"write {wanted.decode()} as FROM is written"
            yield context.found(self, words[1], message, fix="write both alike", edits=[edit])


def _rewrite(instruction: Instruction, span: Span, text: bytes) -> Edit | None:
    """Replace a word that stands in one piece in the file."""
    return replace(span, text) if len(instruction.file.source.text(span)) == len(text) else None


class ArgUndefinedInFrom(StageRule):
    """FROM uses a variable that no ARG before it defines.

    What it does: reports variables in FROM without an ARG before the first FROM, and without a default in place.

    Why is this bad: it expands to nothing, and the build fails or takes another image than was meant.

    Fix safety: report only.

    Sources: BuildKit UndefinedArgInFrom.
    """

    code = "BASE010"
    name = "from-variable-undefined"
    aliases = ("UndefinedArgInFrom",)
    bad = "ARG VERSION=12\nFROM debian:${VERSOIN}\n"
    good = ("ARG VERSION=12\nFROM debian:${VERSION}\n", "FROM debian:${VERSION:-12}\n")

    def check(self, stage: Stage, context: Context) -> Iterator[Finding]:
        """The image word."""
        defined = _arguments(stage.file).keys() | set(context.settings.build_args) | _PLATFORM
        for word in stage.instruction.words[:1]:
            for match in _VARIABLE.finditer(word.raw.decode("utf-8", "replace")):
                name, operator = match["name"] or match["bare"], match["operator"]
                if name not in defined and not operator:
                    near = _near(name, defined)
                    yield context.found(self, word, f"no ARG before the first FROM defines {name}", note=near)


_PLATFORM: Final = frozenset(
    f"{side}{what}"
    for side in ("TARGET", "BUILD")
    for what in ("PLATFORM", "OS", "OSVERSION", "ARCH", "VARIANT", "STAGE")
)
_VARIABLE: Final = lazy(r"(?<!\\)\$(?:\{(?P<name>\w+)(?P<operator>:?[-+?]|[#%/])?[^}]*\}|(?P<bare>\w+))")


def _arguments(file: Dockerfile) -> dict[str, Word | None]:
    """The ARGs before the first FROM: name and default."""
    before = (i for i in file.instructions if i.kind == "ARG" and i.stage is None)
    return {str(pair.name): pair.value for i in before for pair in i.pairs}


def _near(name: str, names: set[str]) -> str | None:
    import difflib

    found = difflib.get_close_matches(name, names - _PLATFORM, 1, 0.7)
    return f"did you mean {found[0]}?" if found else None


class ArgDefaultInvalid(StageRule):
    """The ARGs' defaults make no image name.

    What it does: reports FROM whose variables are defined before it, but expand to no valid image name by default.

    Why is this bad: without `--build-arg` the build fails.

    Use instead: a default that works: `ARG TAG=12`.

    Fix safety: report only.

    Sources: BuildKit InvalidDefaultArgInFrom.
    """

    code = "BASE011"
    name = "from-default-invalid"
    aliases = ("InvalidDefaultArgInFrom",)
    bad = "ARG TAG\nFROM debian:${TAG}\n"
    good = "ARG TAG=12\nFROM debian:${TAG}\n"

    def check(self, stage: Stage, context: Context) -> Iterator[Finding]:
        """The image word."""
        word = stage.instruction.words[0] if stage.instruction.words else None
        if word is None or b"$" not in word.raw or stage.parent is not None:
            return
        names = {m["name"] or m["bare"] for m in _VARIABLE.finditer(word.raw.decode("utf-8", "replace"))}
        if names & _PLATFORM:
            return
        given = _arguments(stage.file)
        if not names <= set(given) or names & set(context.settings.build_args):
            return
        text = stage.base
        if text is None and all(given[name] is None for name in names):
            text = _VARIABLE.sub("", word.raw.decode("utf-8", "replace"))
        if text is not None and not _IMAGE.fullmatch(text):
            yield context.found(self, word, f"without build arguments this is {text!r}, which names no image")


_IMAGE: Final = lazy(
    r"(?:[\w.-]+(?::\d+)?/)?[a-z0-9]+(?:[._-]+[a-z0-9]+)*(?:/[a-z0-9]+(?:[._-]+[a-z0-9]+)*)*(?::\w[\w.-]{0,127})?(?:@\w+:[0-9a-f]+)?"
)

_SLIM: Final = {
    "debian": "a -slim tag",
    "python": "a -slim tag",
    "node": "a -slim tag",
    "ruby": "a -slim tag",
    "perl": "a -slim tag",
    "rust": "a -slim tag for building, and a second stage without the compiler",
    "openjdk": "a JRE image (eclipse-temurin:21-jre) or gcr.io/distroless/java21-debian13",
    "eclipse-temurin": "a -jre tag in the stage that runs",
    "golang": "a second stage FROM scratch or gcr.io/distroless/static-debian13, with the binary",
    "gcc": "a second stage FROM debian:12-slim, with the binary",
    "maven": "a second stage FROM eclipse-temurin:21-jre, with the jar",
    "gradle": "a second stage FROM eclipse-temurin:21-jre, with the jar",
    "buildpack-deps": "debian:12-slim, with the packages that are needed",
}
_LEAN: Final = lazy(r"slim|(?:^|-)curl|alpine|jre|distroless|nanoserver|windowsservercore|ubi|minimal")


class FullBase(StageRule):
    """The shipped stage stands on a full base image where a smaller one serves.

    What it does: reports a stage that ships its layers on the full variant of an official image (compilers, headers,
    version control) of which a slim, runtime-only or other small variant exists.

    Why is this bad: the full variant carries compilers and headers that the program never calls; every pull pays.

    Use instead: the small variant, or a second stage on it.

    Fix safety: shown, never applied: the small variant lacks packages that your program may call.

    Sources: the chapter's "Choose the right base image"; measured sizes by `jettison analyze`.
    """

    code = "BASE012"
    name = "base-full"
    severity = Severity.INFO
    bad = 'FROM python:3.12\nCOPY . /app\nCMD ["python", "/app/main.py"]\n'
    good = (
        'FROM python:3.12-slim\nCOPY . /app\nCMD ["python", "/app/main.py"]\n',
        "FROM golang:1.24 AS build\nRUN go build -o /x .\nFROM scratch\nCOPY --from=build /x /x\n",
        "FROM buildpack-deps:bookworm-curl\nRUN curl -fsSL https://example.com/x -o /x\n",
    )

    def check(self, stage: Stage, context: Context) -> Iterator[Finding]:
        """The image word of the stage's FROM."""
        image = image_of(stage)
        if image is None or not stage.ships:
            return
        name, tag, _ = split_reference(image)
        for prefix in ("docker.io/", "library/"):
            name = name.removeprefix(prefix)
        if name in _SLIM and not _LEAN.search(tag):
            yield context.found(self, stage.instruction.words[0], f"{image} is the full variant; use {_SLIM[name]}")


class StageUnused(FileRule):
    """Nothing uses this stage.

    What it does: reports stages that are not the last, that no other stage builds on or copies from, in files with
    several stages, unless their name says that they are a target (`test`, `dev`, `lint`, `debug`, …), or a FROM with a
    variable may mean them.

    Why is this bad: BuildKit skips it; other builders build it for nothing; readers take it for needed.

    Fix safety: report only; it may be a `--target`.

    Sources: ours.
    """

    code = "BASE013"
    name = "stage-unused"
    severity = Severity.INFO
    bad = "FROM debian:12 AS build\nRUN make\nFROM debian:12\nRUN true\n"
    good = (
        "FROM debian:12 AS build\nRUN make\nFROM debian:12\nCOPY --from=build /x /x\n",
        "ARG SLIM=no\nFROM debian:12 AS app-yes\nRUN make\nFROM debian:12 AS app-no\nFROM app-$SLIM\n",
    )

    def check(self, file: Dockerfile, context: Context) -> Iterator[Finding]:
        """The FROM of such a stage."""
        shared = sum(not stage.used for stage in file.stages) > 2  # several targets in one file
        for stage in file.stages[:-1]:
            if stage.used or shared or (stage.name and (_TARGET.search(stage.name) or _chosen(stage.name, file))):
                continue
            yield context.found(self, stage.instruction.body_span, "no other stage builds on it or copies from it")


def _chosen(name: str, file: Dockerfile) -> bool:
    """True when a FROM with a variable may mean the stage: `FROM app-$VARIANT`."""
    words = [stage.instruction.words[0] for stage in file.stages if stage.instruction.words]
    bases = [word.raw.decode("utf-8", "replace").lower() for word in words]
    forms = [re.split(r"\$\w+|\$\{[^}]*\}", base) for base in bases if "$" in base]
    return any(re.fullmatch(".+".join(map(re.escape, form)), name) for form in forms)


_TARGET: Final = lazy(r"test|dev|lint|debug|check|ci|doc|bench|release|prod|final|runtime|e2e|export|artifact|package")
