"""Stages: compilers and build tools that are shipped with what they built."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from jettison.dockerfile.bases import split_reference
from jettison.dockerfile.patterns import lazy
from jettison.finding import Severity
from jettison.rules.engine.rule import ScriptRule, StageRule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jettison.dockerfile.instruction import Instruction
    from jettison.dockerfile.shell import Command, Script
    from jettison.dockerfile.stages import Stage
    from jettison.dockerfile.words import Word
    from jettison.finding import Finding
    from jettison.rules.engine.context import Context

INSTALLERS: Final = ("apt-get", "apt", "apk", "yum", "dnf", "microdnf", "zypper")
_COMPILERS: Final = frozenset(
    (
        "build-essential", "gcc", "g++", "clang", "build-base", "gcc-c++", "alpine-sdk", "golang", "golang-go", "rustc",
        "cargo", "maven", "gradle", "default-jdk",
    )
)  # fmt: skip
_REMOVES: Final = frozenset(("remove", "purge", "del", "erase", "autoremove"))
_SDK = lazy(r"(?:^|/)(?:golang|rust|maven|gradle|gcc|dotnet/sdk|dotnet/core/sdk|haskell|swift)\Z")
_JDK_TAG = lazy(r"(?:^|[-.\d])jdk(?:$|[-.\d])")
_SKETCHES: Final = {
    "go": 'FROM gcr.io/distroless/static-debian12\nCOPY --from=build /app/server /server\nENTRYPOINT ["/server"]',
    "rust": "FROM debian:bookworm-slim\nCOPY --from=build /app/target/release/NAME /usr/local/bin/NAME",
    "java": "FROM eclipse-temurin:21-jre\nCOPY --from=build /app/target/NAME.jar /app.jar",
    "dotnet": "FROM mcr.microsoft.com/dotnet/aspnet:8.0\nCOPY --from=build /app/publish /app",
    "node": "FROM node:22-slim\nCOPY --from=build /app/dist /app/dist",
    "c": "FROM debian:bookworm-slim\nCOPY --from=build /usr/local /usr/local",
}


class CompilerShipped(StageRule):
    """The stage that is shipped is the one that compiles.

    What it does: reports a single-stage file that compiles Go, Rust, Java or .NET in the image of that language's
    tools, or runs the build step of a Node project.

    Why is this bad: compiler, sources, caches and everything else only the build needs are in the image: often nine
    tenths of it, and all of it to be patched.

    Use instead: name the stage (`FROM golang:1.23 AS build`), and add a second one that copies what was built.

    Fix safety: report only; what a program needs at run time is not in the Dockerfile. The note shows the sketch.

    Sources: Docker's multi-stage documentation; the course's chapter, 7.3. hadolint, Trivy and BuildKit are silent.
    """

    code = "STG001"
    name = "compiler-shipped"
    severity = Severity.INFO
    mentions = (b"build", b"install", b"package", b"publish", b"assemble", b"verify", b"dist", b"jar", b"Jar")
    bad = (
        'FROM golang:1.23\nWORKDIR /app\nCOPY . .\nRUN go build -o server .\nENTRYPOINT ["/app/server"]\n',
        'FROM maven:3.9\nCOPY . .\nRUN mvn package\nCMD ["java", "-jar", "target/a.jar"]\n',
    )
    good = """
        FROM golang:1.23 AS build
        WORKDIR /app
        COPY . .
        RUN CGO_ENABLED=0 go build -o server .
        FROM scratch
        COPY --from=build /app/server /server
        ENTRYPOINT ["/server"]
        """

    def check(self, stage: Stage, context: Context) -> Iterator[Finding]:
        """The FROM."""
        if len(context.file.stages) > 1 or stage.base is None:
            return
        if not any(item.kind in ("CMD", "ENTRYPOINT") for item in stage.instructions):
            return
        name, tag, _ = split_reference(stage.base.lower())
        bare = name.rpartition("/")[2]
        if bare not in ("golang", "rust", "maven", "gradle", "node", "sdk") and "jdk" not in bare + tag:
            return
        for instruction in stage.instructions:
            if instruction.kind != "RUN" or not any(word in instruction.data for word in self.mentions):
                continue
            for script in instruction.scripts:
                for command in script.commands:
                    what = _language(command, name, bare, tag)
                    if what is not None:
                        yield context.found(
                            self, stage.instruction.words[0],
                            "the compiler and the sources are shipped with what they built",
                            note=f"line {instruction.line} builds; after `AS build` a second stage could ship the "
                            "result alone:\n" + _SKETCHES[what],
                        )  # fmt: skip
                        return


def _language(command: Command, name: str, bare: str, tag: str) -> str | None:
    """What a command compiles in the image of its tools."""
    program = command.name
    words = [word.text or "" for word in command.operands(("-o", "-f", "-p"))]
    what = words[0] if words else ""
    if program == "go" and what in ("build", "install") and bare == "golang":
        return "go"
    if program == "cargo" and what in ("build", "install") and bare == "rust":
        return "rust"
    java = bare in ("maven", "gradle") or _JDK_TAG.search(tag) is not None or "jdk" in bare
    if java and program in ("mvn", "mvnw") and {"package", "install", "verify"}.intersection(words):
        return "java"
    if (
        java
        and program in ("gradle", "gradlew")
        and any(re.search(r"build|jar|assemble|dist", word.lower()) for word in words)
    ):
        return "java"
    if program == "dotnet" and what in ("publish", "build") and name.endswith("/sdk"):
        return "dotnet"
    if bare == "node" and (
        (program in ("npm", "pnpm") and words[:2] == ["run", "build"])
        or (program == "yarn" and (words[:1] == ["build"] or words[:2] == ["run", "build"]))
    ):
        return "node"
    return None


class FullBaseForArtefacts(StageRule):
    """The last stage only copies what was built, onto an image of build tools.

    What it does: reports a last stage that runs nothing, takes files from another stage, and stands on an image made
    for building: `golang`, `rust`, `maven`, `gradle`, `gcc`, the .NET SDK, a JDK.

    Why is this bad: the second stage was written to leave the tools behind, and brings them back.

    Use instead: `scratch` or distroless for static binaries, a slim image, a JRE, the .NET runtime.

    Fix safety: report only; never is a base image changed.

    Sources: ours.
    """

    code = "STG002"
    name = "full-base-for-artefacts"
    mentions = (b"--from",)
    bad = 'FROM golang:1.23 AS build\nRUN go build -o /a .\nFROM golang:1.23\nCOPY --from=build /a /a\nCMD ["/a"]\n'
    good = 'FROM golang:1.23 AS build\nRUN go build -o /a .\nFROM debian:12-slim\nCOPY --from=build /a /a\nCMD ["/a"]\n'

    def check(self, stage: Stage, context: Context) -> Iterator[Finding]:
        """The FROM."""
        if not stage.is_final or stage.parent is not None or not stage.sources or stage.base is None:
            return
        if any(item.kind == "RUN" for item in stage.instructions):
            return
        name, tag, _ = split_reference(stage.base.lower())
        if "jre" in tag or "runtime" in tag or "slim" in tag:
            return
        if _SDK.search(name) or (_JDK_TAG.search(tag) and any(item.kind == "COPY" for item in stage.instructions)):
            yield context.found(
                self,
                stage.instruction.words[0],
                "this stage only copies what was built; its base brings the tools again",
            )


def installed(script: Script) -> Iterator[tuple[Command, Word, str]]:
    """The packages that the distribution's package manager installs: command, word, name without version."""
    for command in script.named(*INSTALLERS):
        words = command.operands(("-o", "-t", "--virtual", "--repository", "-X", "--target-release"))
        if not words or words[0].text not in ("install", "add", "in"):
            continue
        for word in words[1:]:
            if word.text:
                yield command, word, re.split(r"[=<>~@]", word.text, maxsplit=1)[0]


def removed(script: Script) -> Iterator[tuple[Command, Word, str]]:
    """The packages it removes; virtual packages of apk by their names."""
    for command in script.named(*INSTALLERS):
        words = command.operands(("-o", "-t"))
        if words and words[0].text in _REMOVES:
            for word in words[1:]:
                if word.text:
                    yield command, word, word.text


class ToolchainKept(ScriptRule):
    """A compiler is installed into the image that is shipped, and stays.

    What it does: reports compilers and build systems (`build-essential`, `gcc`, `build-base`, `golang`, `maven`, …)
    that a RUN of a single-stage file installs and does not remove again.

    Why is this bad: hundreds of megabytes that only the build needed.

    Use instead: build in a stage of its own, or install, build and purge in one RUN (on Alpine with
    `apk add --virtual .build-deps` and `apk del .build-deps`).

    Fix safety: report only.

    Sources: the course's chapter, 7.4; dockerfilelint's apkadd-missing-virtual.
    """

    code = "STG003"
    name = "toolchain-kept"
    severity = Severity.INFO
    mentions = (
        b"build-",
        b"gcc",
        b"g++",
        b"clang",
        b"golang",
        b"rustc",
        b"cargo",
        b"maven",
        b"gradle",
        b"-sdk",
        b"-jdk",
    )
    bad = 'FROM debian:12\nRUN apt-get update && apt-get install -y build-essential\nRUN make install\nCMD ["app"]\n'
    good = (
        """
        FROM debian:12
        RUN apt-get update && apt-get install -y gcc && make && apt-get purge -y --auto-remove gcc
        CMD ["app"]
        """,
        """
        FROM alpine:3.20
        RUN apk add --no-cache --virtual .build-deps gcc make && make install && apk del .build-deps
        CMD ["app"]
        """,
    )

    def check(self, script: Script, context: Context) -> Iterator[Finding]:
        """The first such package."""
        stage = script.instruction.stage
        if stage is None or len(context.file.stages) > 1:
            return
        if not any(item.kind in ("CMD", "ENTRYPOINT") for item in stage.instructions):
            return
        if any(True for _ in removed(script)) or any(
            command.subcommand() == "autoremove" for command in script.named("apt-get", "apt")
        ):
            return
        for _, word, name in installed(script):
            if name in _COMPILERS:
                yield context.found(self, word, f"{name} is shipped; only a build needs it")
                return


class ToolsRemovedTooLate(StageRule):
    """Packages are removed in another layer than the one that installed them.

    What it does: reports `apt-get purge`, `apk del`, `yum remove` … of packages (or of apk's virtual packages) that an
    earlier RUN of the same stage installed, in a stage that ships.

    Why is this bad: the packages stay in their layer; removing them frees nothing.

    Use instead: install, use and remove in one RUN, or build in a stage of its own.

    Fix safety: report only; the RUNs between need the packages.

    Sources: ours; the course's chapter, question 5.
    """

    code = "STG004"
    name = "tools-removed-too-late"
    mentions = (b"purge", b"remove", b" del ", b"erase")
    bad = """
        FROM debian:12
        RUN apt-get update && apt-get install -y gcc make
        RUN make install
        RUN apt-get purge -y gcc make
        """
    good = """
        FROM debian:12
        RUN apt-get update && apt-get install -y gcc make && make install && apt-get purge -y gcc make
        RUN apt-get update && apt-get install -y gcc && make more && apt-get purge -y gcc
        """

    def check(self, stage: Stage, context: Context) -> Iterator[Finding]:
        """The first such package."""
        if not stage.ships:
            return
        there: dict[str, Instruction] = {}
        for run in stage.instructions:
            if run.kind != "RUN" or not any(name in run.data for name in (b"apt", b"apk", b"yum", b"dnf", b"zypper")):
                continue
            own = {name for script in run.scripts for name in _names(script)}
            gone: set[str] = set()
            for script in run.scripts:
                late = [(word, name) for _, word, name in removed(script) if name in there and name not in own]
                gone.update(name for _, _, name in removed(script))
                if late:
                    word, name = late[0]
                    message = f"{name} stays in the layer of line {there[name].line}; this frees nothing"
                    yield context.found(self, word, message)
            for name in own - gone:
                there.setdefault(name, run)


def _names(script: Script) -> Iterator[str]:
    """What a script installs: packages, and the names of apk's virtual ones."""
    for command, _, name in installed(script):
        yield name
        virtual = command.option("-t", "--virtual") if command.name == "apk" else None
        if virtual is not None:
            at = command.words.index(virtual)
            following = command.words[at + 1].text if at + 1 < len(command.words) else None
            yield (virtual.text or "").partition("=")[2] or following or ""
