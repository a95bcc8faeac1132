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
_REMOVES: Final = frozenset(("remove", "purge", "del", "erase", "autoremove"))
_SDK = lazy(r"(?:^|/)(?:golang|rust|maven|gradle|gcc|dotnet/sdk|dotnet/core/sdk|haskell|swift)\Z")
_IMAGES: Final = {
    "go": lazy(r"(?:^|/)golang:"),
    "rust": lazy(r"(?:^|/)rust:"),
    "java": lazy(r"(?:^|/)(?:maven|gradle):|jdk"),
    "dotnet": lazy(r"/sdk:"),
    "node": lazy(r"(?:^|/)node:"),
    "c": lazy(r"(?:^|/)gcc:"),
}
"""The images that bring a language's compiler."""
_TOOLCHAINS: Final = {
    **dict.fromkeys(("build-essential", "gcc", "g++", "clang", "build-base", "gcc-c++", "alpine-sdk"), "c"),
    **dict.fromkeys(("golang", "golang-go", "go"), "go"),
    **dict.fromkeys(("rustc", "cargo", "rust"), "rust"),
    **dict.fromkeys(("maven", "gradle", "ant", "default-jdk", "default-jdk-headless"), "java"),
    **{f"openjdk-{release}-jdk{end}": "java" for release in (7, 8, 11, 17, 21) for end in ("", "-headless")},
    **{f"openjdk{release}": "java" for release in (7, 8, 11, 17, 21)},
}
"""Packages that bring a language's compiler."""
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

    What it does: reports a single-stage file that compiles Go, Rust, Java, .NET or C and C++, or runs the build step of
    a Node project, with tools that stay in the image: those of the base image, or those that a RUN installs and does
    not remove again. For C and C++ that is `make`, `cmake --build`, `ninja`, `meson` or a compiler itself, and a
    compiler that the file installs or the `gcc` image brings.

    Why is this bad: compiler, sources, caches and everything else only the build needs are in the image: often nine
    tenths of it, and all of it to be patched.

    Use instead: name the stage (`FROM golang:1.23 AS build`), and add a second one that copies what was built.

    Fix safety: report only; what a program needs at run time is not in the Dockerfile. The note shows the sketch.

    Sources: Docker's multi-stage documentation; the course's chapter, 7.3. hadolint, Trivy and BuildKit are silent.
    """

    code = "STG001"
    name = "compiler-shipped"
    severity = Severity.INFO
    mentions = (
        b"build", b"install", b"package", b"publish", b"assemble", b"verify", b"dist", b"jar", b"Jar", b"make", b"gcc",
        b"g++", b"clang", b"ninja", b"meson",
    )  # fmt: skip
    bad = (
        'FROM golang:1.23\nWORKDIR /app\nCOPY . .\nRUN go build -o server .\nENTRYPOINT ["/app/server"]\n',
        'FROM maven:3.9\nCOPY . .\nRUN mvn package\nCMD ["java", "-jar", "target/a.jar"]\n',
        """
        FROM debian:12
        RUN apt-get update && apt-get install -y gcc make
        COPY . /src
        RUN make -C /src install
        CMD ["app"]
        """,
        'FROM gcc:14\nCOPY a.c .\nRUN gcc -O2 -o a a.c\nCMD ["./a"]\n',
        'FROM ubuntu:24.04\nRUN apt-get install -y golang && go build -o /a .\nCMD ["/a"]\n',
        'FROM node:22\nCOPY . .\nRUN npm ci && npm run build\nCMD ["node", "dist/main.js"]\n',
    )
    good = (
        """
        FROM golang:1.23 AS build
        WORKDIR /app
        COPY . .
        RUN CGO_ENABLED=0 go build -o server .
        FROM scratch
        COPY --from=build /app/server /server
        ENTRYPOINT ["/server"]
        """,
        """
        FROM alpine:3.20
        COPY . /src
        RUN apk add --no-cache --virtual .build gcc make && make -C /src install && apk del .build
        CMD ["app"]
        """,
        'FROM debian:12\nCOPY . .\nRUN make config\nCMD ["app"]\n',
    )

    def check(self, stage: Stage, context: Context) -> Iterator[Finding]:
        """The FROM."""
        found = compiles(stage, context)
        if found is not None:
            line, what = found
            yield context.found(
                self, stage.instruction.words[0], "the compiler and the sources are shipped with what they built",
                note=f"line {line} builds; after `AS build` a second stage could ship the result alone:\n"
                + _SKETCHES[what],
            )  # fmt: skip


def compiles(stage: Stage, context: Context) -> tuple[int, str] | None:
    """The line in which a single-stage file builds with tools that stay, and the language; None when it does not."""
    if "compiles" not in context.memo:
        context.memo["compiles"] = _compiles(stage, context)
    found: tuple[int, str] | None = context.memo["compiles"]
    return found


def _compiles(stage: Stage, context: Context) -> tuple[int, str] | None:
    if len(context.file.stages) > 1 or stage.base is None:
        return None
    if not any(item.kind in ("CMD", "ENTRYPOINT") for item in stage.instructions):
        return None
    name, tag, _ = split_reference(stage.base.lower())
    has = {what for what, pattern in _IMAGES.items() if pattern.search(f"{name}:{tag}")}
    for instruction in stage.instructions:
        if instruction.kind != "RUN" or not any(word in instruction.data for word in CompilerShipped.mentions):
            continue
        for script in instruction.scripts:
            if cleared(script):
                continue
            has.update(_TOOLCHAINS[package] for _, _, package in installed(script) if package in _TOOLCHAINS)
            for command in script.commands:
                what = _language(command)
                if what in has:
                    return instruction.line, what
    return None


def cleared(script: Script) -> bool:
    """True when a script removes packages: those that it installed to build with, for all that can be told."""
    return any(words[0].text in _REMOVES for command in script.named(*INSTALLERS) if (words := _operands(command)))


def _operands(command: Command) -> list[Word]:
    return command.operands(("-o", "-t", "--virtual", "--repository", "-X", "--target-release"))


def _language(command: Command) -> str | None:
    """What a command compiles."""
    program = command.name or ""
    words = [word.text or "" for word in command.operands(("-o", "-f", "-p", "-C", "-j"))]
    what = words[0] if words else ""
    if program == "go" and what in ("build", "install"):
        return "go"
    if program == "cargo" and what in ("build", "install"):
        return "rust"
    if program in ("mvn", "mvnw") and {"package", "install", "verify"}.intersection(words):
        return "java"
    if program in ("gradle", "gradlew") and any(re.search(r"build|jar|assemble|dist", word.lower()) for word in words):
        return "java"
    if program in ("javac", "ant"):
        return "java"
    if program == "dotnet" and what in ("publish", "build"):
        return "dotnet"
    if (program in ("npm", "pnpm") and words[:2] == ["run", "build"]) or (
        program == "yarn" and (words[:1] == ["build"] or words[:2] == ["run", "build"])
    ):
        return "node"
    if program in ("make", "gmake"):
        return "c" if what in ("", "all", "install", "build", "release") else None
    if program == "cmake":
        return "c" if command.has("--build") else None
    if program in ("gcc", "g++", "cc", "c++", "clang", "clang++"):
        return "c" if any(re.search(r"\.(?:c|cc|cpp|cxx)\Z", word) for word in words) else None
    return "c" if program == "ninja" or (program == "meson" and what in ("compile", "install")) else None


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
        words = _operands(command)
        if not words or words[0].text not in ("install", "add", "in"):
            continue
        for word in words[1:]:
            if word.text:
                yield command, word, re.split(r"[=<>~@]", word.text, maxsplit=1)[0]


def removed(script: Script) -> Iterator[tuple[Command, Word, str]]:
    """The packages it removes; virtual packages of apk by their names."""
    for command in script.named(*INSTALLERS):
        words = _operands(command)
        if words and words[0].text in _REMOVES:
            for word in words[1:]:
                if word.text:
                    yield command, word, word.text


class ToolchainKept(ScriptRule):
    """A compiler is installed into the image that is shipped, and stays.

    What it does: reports compilers and build systems (`build-essential`, `gcc`, `build-base`, `golang`, `maven`, …)
    that a RUN of a single-stage file installs and does not remove again. Where the file itself compiles with them,
    STG001 says so instead.

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
    bad = 'FROM debian:12\nRUN apt-get update && apt-get install -y build-essential\nRUN ./setup.sh\nCMD ["app"]\n'
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
        if cleared(script) or compiles(stage, context) is not None:
            return
        for _, word, name in installed(script):
            # A JDK may be what the program runs on.
            if name in _TOOLCHAINS and not name.startswith("openjdk"):
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
