"""Go: what its tools leave behind, and binaries larger than they need to be."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from jettison.dockerfile.edit import insert
from jettison.dockerfile.patterns import lazy
from jettison.dockerfile.style import insert_word
from jettison.finding import Safety, Severity
from jettison.rules.engine.cleaning import cache_mounted, clean_up, later_mentions, removed, ships, variable
from jettison.rules.engine.rule import CommandRule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jettison.dockerfile.shell import Command
    from jettison.dockerfile.stages import Stage
    from jettison.finding import Edit, Finding
    from jettison.rules.engine.context import Context

VALUES: Final = ("-o", "-ldflags", "-tags", "-gcflags", "-asmflags", "-mod", "-modfile", "-p", "-C", "-buildmode",
                 "-compiler", "-pkgdir", "-toolexec", "-overlay", "-covermode", "-coverpkg")  # fmt: skip
"""Options of go whose value is the next word (`go help build`)."""

_STATIC = lazy(r"^scratch$|distroless/static|^cgr\.dev/chainguard/static")


def gives(command: Command, *options: str) -> bool:
    """True when an option stands there as `-x`, `--x` or `-x=value`: Go's options have one dash and whole words."""
    return any((word.text or word.raw.decode("utf-8", "replace")).partition("=")[0].lstrip("-") in options
               for word in command.arguments if word.raw.lstrip(b"\"'").startswith(b"-"))  # fmt: skip


class VersionsNotPinned(CommandRule):
    """A Go program is installed in whatever version is the latest today.

    What it does: reports `go install PACKAGE` and `go get PACKAGE` of a remote package without `@version`, and with
    `@latest`.

    Why is this bad: two builds of the same Dockerfile may install different versions.

    Off by default: no fix can know the version.

    Fix safety: report only.

    Where hadolint differs: it looks at `go install` only, and takes the values of options such as `-tags` for packages.

    Sources: hadolint DL3062.
    """

    code = "GO001"
    name = "go-versions-not-pinned"
    aliases = ("DL3062",)
    default = False
    commands = ("go",)
    bad = "FROM golang:1.23\nRUN go install github.com/air-verse/air@latest\n"
    good = "FROM golang:1.23\nRUN go install github.com/air-verse/air@v1.61.1 && go install ./cmd/... && go install .\n"

    def check(self, command: Command, context: Context) -> Iterator[Finding]:
        """One finding for a command, at the first package without a version."""
        words = command.operands(VALUES)
        if not words or words[0].text not in ("install", "get"):
            return
        for word in words[1:]:
            name = command.resolve(word)
            if name and re.match(r"[\w-]+(?:\.[\w-]+)+/", name) and ("@" not in name or name.endswith("@latest")):
                yield context.found(self, word, f"no version is given for {name.removesuffix('@latest')}")
                return


class SymbolsKept(CommandRule):
    """A Go binary is built with its symbol table and debug data.

    What it does: reports `go build` without `-s -w` in `-ldflags`. Builds for debugging (`-gcflags` with `-N`, `-race`)
    and such with `GOFLAGS` are left out.

    Why is this bad: about a quarter of the binary is data that only debuggers read; panics print their traces without
    it.

    Fix safety: unsafe. Debuggers and some profilers find no symbols afterwards.

    Sources: `go tool link`, Docker's guide for Go.
    """

    code = "GO002"
    name = "go-symbols-kept"
    severity = Severity.INFO
    safety = Safety.UNSAFE
    commands = ("go",)
    bad = (
        "FROM golang:1.23\nCOPY . .\nRUN go build -o /app .\n",
        'FROM golang:1.23\nCOPY . .\nRUN go build -ldflags "-X main.version=1" -o /app .\n',
        "FROM golang:1.23\nCOPY . .\nRUN go build -ldflags='-X main.version=1' -o /app .\n",
    )
    good = (
        'FROM golang:1.23\nCOPY . .\nRUN go build -ldflags="-s -w" -o /app .\n',
        'FROM golang:1.23\nCOPY . .\nRUN go build -ldflags "-s -w -X main.version=1" -o /app .\n',
        "FROM golang:1.23\nCOPY . .\nRUN go build -ldflags='-s -w -X main.version=1' -o /app .\n",
        'FROM golang:1.23\nCOPY . .\nRUN go build -gcflags="all=-N -l" -o /app . && go build -race .\n',
        "FROM golang:1.23\nCOPY . .\nRUN go build -o /app . && strip /app\n",
    )

    def check(self, command: Command, context: Context) -> Iterator[Finding]:
        """At `build`, or at the value of `-ldflags`."""
        words = command.operands(VALUES)
        if not words or words[0].text != "build" or gives(command, "race", "gcflags", "n", "buildmode", "cover"):
            return
        if variable(command, "GOFLAGS") is not None or any(
            other.name in ("strip", "upx") for other in command.script.commands[command.index + 1 :]
        ):
            return
        edit: Edit | None = insert_word(words[0], b'-ldflags="-s -w"')
        place = words[0]
        arguments = command.arguments
        for index, word in enumerate(arguments):
            match = re.match(rb"['\"]?--?ldflags(=|['\"]?\Z)", word.raw)
            if match is None:
                continue
            value = word
            if match[1] != b"=":
                if index + 1 >= len(arguments):
                    return
                value = arguments[index + 1]
            text = value.raw
            if re.search(rb"(?:^|[\s'\"=])-[sw](?:[\s'\"]|$)", text) or (command.resolve(value) is None):
                return
            quote = re.match(rb"(?:--?ldflags=)?(['\"])(?=[^'\"])", text)
            if quote is None or len(text) != value.span.end - value.span.start:
                edit = None
            else:
                edit = insert(value.span.start + quote.end(), b"-s -w ")
            place = value
        yield context.found(
            self, place, "the binary carries a symbol table and debug data",
            fix="leave them out", edits=[edit],
        )  # fmt: skip


class CgoForStatic(CommandRule):
    """A Go binary goes to an image without a C library, but may be linked with one.

    What it does: reports `go build` without `CGO_ENABLED` in a stage from which a `scratch` or static distroless image
    copies.

    Why is this bad: where a C compiler is at hand, packages such as `net` are linked dynamically, and the container
    does not start: "no such file or directory".

    Use instead: `CGO_ENABLED=0 go build ...`.

    Fix safety: shown only; it changes how the binary resolves names and users.

    Sources: `cmd/cgo`, Docker's guide for Go.
    """

    code = "GO003"
    name = "go-cgo-for-static"
    severity = Severity.INFO
    safety = Safety.DISPLAY
    commands = ("go",)
    bad = "FROM golang:1.23 AS build\nRUN go build -o /app .\nFROM scratch\nCOPY --from=build /app /app\n"
    good = (
        "FROM golang:1.23 AS build\nRUN CGO_ENABLED=0 go build -o /app .\nFROM scratch\nCOPY --from=build /app /app\n",
        """
        FROM golang:1.23 AS build
        ENV CGO_ENABLED=0
        RUN go build -o /app .
        FROM scratch
        COPY --from=build /app /app
        """,
        "FROM golang:1.23 AS build\nRUN go build -o /app .\nFROM debian:12\nCOPY --from=build /app /app\n",
    )

    def check(self, command: Command, context: Context) -> Iterator[Finding]:
        """At the program."""
        stage = command.instruction.stage
        if stage is None or command.subcommand(VALUES) != "build" or b"CGO_ENABLED" in context.file.data:
            return
        if b"-static" in context.file.data or not self.to_static(stage, context):
            return
        edits = [insert(command.words[0].span.start, b"CGO_ENABLED=0 ")] if not command.head else []
        yield context.found(
            self, command.words[command.head], "the binary may need a C library that its image does not have",
            fix="build without cgo", edits=edits,
        )  # fmt: skip

    def to_static(self, stage: Stage, context: Context) -> bool:
        """True when an image without a C library copies from the stage."""
        return any(stage in other.sources and _STATIC.search(other.root.base or "") for other in context.file.stages)


class CachesKept(CommandRule):
    """Go's modules and build cache stay in an image that ships.

    What it does: reports `go build`, `go install`, `go get` and `go mod download` in a stage whose layers ship, when
    the RUN deletes neither cache afterwards, and neither is mounted. Once a RUN.

    Why is this bad: sources of all modules and objects of all packages are in the image, often hundreds of megabytes.

    Use instead: build in a stage of its own, and copy the binary; or mount caches on `/go/pkg/mod` and
    `/root/.cache/go-build`.

    Fix safety: shown only. The next build in the image starts from nothing.

    Sources: `go help cache`, `go help clean`; Docker's guide for Go.
    """

    code = "GO004"
    name = "go-caches-kept"
    severity = Severity.INFO
    safety = Safety.DISPLAY
    commands = ("go",)
    bad = "FROM golang:1.23\nCOPY . .\nRUN go build -o /app .\n"
    good = (
        "FROM golang:1.23\nCOPY . .\nRUN go build -o /app . && go clean -cache -modcache\n",
        """
        FROM golang:1.23
        COPY . .
        RUN --mount=type=cache,target=/root/.cache/go-build --mount=type=cache,target=/go/pkg/mod go build -o /app .
        """,
        "FROM golang:1.23 AS build\nRUN go build -o /app .\nFROM scratch\nCOPY --from=build /app /app\n",
    )

    _CACHE = lazy(rb"\.cache|go-build|/pkg(?:/|\Z|['\"])|/go(?:/?\*|/?['\"]?\Z)|GOPATH|GOCACHE|GOROOT")
    _MOUNT = lazy(r"go-build|/pkg|\.cache|^/root$|^/go$")

    def check(self, command: Command, context: Context) -> Iterator[Finding]:
        """At the subcommand of the last build."""
        script = command.script
        words = command.operands(VALUES)
        if not words or not ships(script):
            return
        what = words[0].text
        if what not in ("build", "install", "get") and not (
            what == "mod" and len(words) > 1 and words[1].text == "download"
        ):
            return
        for other in script.commands[command.index + 1 :]:
            if other.name == "go" and other.subcommand(VALUES) in ("build", "install", "get", "mod", "clean"):
                return
        if removed(script, command, self._CACHE) or cache_mounted(script.instruction, self._MOUNT):
            return
        edit = None
        if not later_mentions(script.instruction, (b"go ", b"make")):
            edit = clean_up(command, b"clean -cache -modcache")
        yield context.found(
            self, words[0], "modules and build cache stay in the layer",
            fix="delete them in the same RUN", edits=[edit],
        )  # fmt: skip
