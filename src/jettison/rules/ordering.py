"""The order of instructions: what seldom changes comes first, so that the builder's cache holds."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING, Final

from jettison.dockerfile.edit import delete, insert
from jettison.dockerfile.style import insert_word
from jettison.finding import Safety, Span
from jettison.rules.dependencies import manifest
from jettison.rules.engine.rule import StageRule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jettison.dockerfile.instruction import Instruction
    from jettison.dockerfile.shell import Command, Script
    from jettison.dockerfile.stages import Stage
    from jettison.finding import Edit, Finding
    from jettison.rules.dependencies import Manifest
    from jettison.rules.engine.context import Context


class SourceBeforeDependencies(StageRule):
    """The source is copied before the dependencies are installed.

    What it does: reports a `COPY . …` that comes before `npm ci`, `npm install`, `yarn`, `pnpm install`,
    `pip install -r`, `go mod download`, `bundle install`, `composer install`, `poetry install`, `pdm install`,
    `uv sync`, `pipenv install`, `cargo build`, `mvn package`, `gradle build` or `mvn dependency:…` of the same stage,
    when no earlier COPY brought the manifest; `go build` where the build context at hand holds a `go.mod`.

    Why is this bad: every change of any file makes the builder install everything again, and the layer is pushed and
    pulled again.

    Use instead: copy the manifest and the lock file, install, and copy the rest afterwards. What also installs the
    project itself runs twice: for the dependencies alone (`composer install --no-scripts --no-autoloader`,
    `poetry install --no-root`, `uv sync --no-install-project`), and again after the source. What builds gets a step
    before it that only downloads (`go mod download`, `mvn dependency:go-offline`, `gradle dependencies`,
    `cargo fetch`).

    Fix safety: unsafe: an install script may read other files, and a `node_modules` of the build context that
    .dockerignore lets in would now win. Offered only where the install is a RUN of its own right after the COPY, and
    its files are known: from the build context, or because a pattern takes what there is (`package*.json`,
    `Gemfile*`, `poetry.lock*`). Shown, never applied, where a lock file's name is not known, and for Maven, Gradle
    and Cargo unless the build context shows a project of one module.

    Sources: Docker's best practices; uv's, Poetry's and Composer's documentation; the course's chapter, 7.6. hadolint,
    Trivy and BuildKit are silent.
    """

    code = "ORD001"
    name = "source-before-dependencies"
    safety = Safety.UNSAFE
    mentions = (b"COPY", b"ADD", b"copy", b"add")
    bad = (
        "FROM node:22\nWORKDIR /app\nCOPY . .\nRUN npm ci\nRUN npm run build\n",
        'FROM python:3.12\nWORKDIR /app\nCOPY . .\nRUN pip install --no-cache-dir -r requirements.txt\nCMD ["./run"]\n',
        'FROM node:22\nCOPY . /app\nWORKDIR /app\n\n# what we build with\nRUN npm install\n\nCMD ["node", "."]\n',
        "FROM ruby:3.3\nWORKDIR /app\nCOPY . .\nRUN bundle install\n",
        """
        FROM php:8.3
        WORKDIR /app
        COPY . .
        RUN composer install --no-dev \\
            && composer clear-cache
        """,
        "FROM python:3.12\nWORKDIR /app\nCOPY . .\nRUN pip install poetry && poetry install --only main\n",
        "FROM python:3.12\nWORKDIR /app\nCOPY . .\nRUN uv sync --locked --no-install-project\n",
    )
    good = (
        """
        FROM node:22
        WORKDIR /app
        COPY package*.json ./
        RUN npm ci
        COPY . .
        RUN npm run build
        """,
        """
        FROM python:3.12
        WORKDIR /app
        COPY requirements.txt ./
        RUN pip install --no-cache-dir -r requirements.txt
        COPY . .
        CMD ["./run"]
        """,
        """
        FROM node:22
        COPY package*.json /app/
        WORKDIR /app

        # what we build with
        RUN npm install
        COPY . /app

        CMD ["node", "."]
        """,
        """
        FROM ruby:3.3
        WORKDIR /app
        COPY Gemfile* ./
        RUN bundle install
        COPY . .
        """,
        """
        FROM php:8.3
        WORKDIR /app
        COPY composer.json composer.lock* ./
        RUN composer install --no-scripts --no-autoloader --no-dev \\
            && composer clear-cache
        COPY . .
        RUN composer install --no-dev \\
            && composer clear-cache
        """,
        """
        FROM python:3.12
        WORKDIR /app
        COPY pyproject.toml poetry.lock* ./
        RUN pip install poetry && poetry install --no-root --only main
        COPY . .
        RUN poetry install --only main
        """,
        """
        FROM python:3.12
        WORKDIR /app
        COPY pyproject.toml uv.lock* ./
        RUN uv sync --locked --no-install-project
        COPY . .
        """,
        """
        FROM node:22
        WORKDIR /app
        COPY package.json yarn.lock ./
        RUN yarn install
        COPY . .
        """,
        """
        FROM maven:3.9
        WORKDIR /app
        COPY pom.xml ./
        RUN mvn -B dependency:go-offline
        COPY . .
        RUN mvn package
        """,
        "FROM golang:1.23\nWORKDIR /app\nCOPY . .\nRUN go build ./...\n",
    )  # fmt: skip

    def check(self, stage: Stage, context: Context) -> Iterator[Finding]:
        """The COPY."""
        copied: Instruction | None = None
        named: set[str] = set()
        for index, instruction in enumerate(stage.instructions):
            if instruction.kind in ("COPY", "ADD") and instruction.flag("from") is None:
                words = instruction.json or instruction.words
                sources = [(instruction.expand(word) or "").strip("/").removeprefix("./") for word in words[:-1]]
                if len(words) == 2 and sources[0] in ("", "."):
                    copied = copied or instruction
                elif copied is None:
                    named.update(posixpath.basename(source) for source in sources)
            elif instruction.kind == "RUN" and copied is not None:
                for script in instruction.scripts:
                    for command in script.commands:
                        needs = manifest(command)
                        if needs is None or (needs.known and not _held(needs.needed, context)):
                            continue
                        if not any(_covers(name, needs.needed) for name in named):
                            yield self._found(stage, index, copied, command, needs, context)
                        return
                if any(
                    True for script in instruction.scripts for _ in script.named("go", "cargo", "make", "mvn", "npm")
                ):
                    return

    def _found(
        self, stage: Stage, index: int, copied: Instruction, command: Command, needs: Manifest, context: Context
    ) -> Finding:
        run = stage.instructions[index]
        edits: list[Edit | None] = [None]
        certain = False
        files = _files(needs, context)
        if files is not None and _alone(stage, copied, run, index, fetched=bool(needs.fetch)):
            certain = files[1]
            edits = (
                _fetched_first(copied, needs, files[0])
                if needs.fetch
                else _moved(copied, run, command, needs, files[0])
            )
        return context.found(
            self, copied.body_span, f"every change of the source runs {_shown(command)} again",
            fix=f"copy {' and '.join(files[0]) if files else 'its files'} first, and the rest after the install",
            edits=edits, safety=None if certain else Safety.DISPLAY,
            note=f"{_shown(command)} in line {run.line} needs {needs.needed}"
            + (f" and {needs.locks[0]}" if needs.locks else "") + " only"
            + (", but for what it builds" if needs.fetch else ""),
        )  # fmt: skip


def _held(name: str, context: Context) -> bool:
    """True when the build context is at hand and would send that file."""
    place = context.file.context
    return place is not None and place.exists(name) and not place.ignored(name)


def _files(needs: Manifest, context: Context) -> tuple[list[str], bool] | None:
    """The files to copy first, and whether that is known to be right."""
    place = context.file.context
    if place is None:
        if needs.taken:
            return needs.taken.split(" "), not needs.single
        return [needs.needed, *needs.locks[:1]], False
    there = [name for name in (needs.needed, *needs.locks) if _held(name, context)]
    if needs.needed not in there:
        return None
    if not needs.single:
        return there, True
    modules = [path for path in place.sent.files if posixpath.basename(path) == needs.needed]
    return (there, True) if len(modules) == 1 else None


_COMPANY: Final = frozenset(("npm", "yarn", "pnpm", "pip", "pip3", "rm", "gem", "bundle", "composer", "poetry", "uv"))
"""What may stand beside an install in its RUN: configuration, clean-ups, the installer's own installation."""
_COMPANY_DOES: Final = ("cache", "config", "install", "set", "clear-cache", "clearcache", "cc")


def _alone(stage: Stage, copied: Instruction, run: Instruction, index: int, *, fetched: bool) -> bool:
    """True when the RUN does nothing else, and nothing between it and the COPY can tell the difference."""
    between = stage.instructions[stage.instructions.index(copied) + 1 : index]
    if any(item.kind not in ("WORKDIR", "ENV", "ARG", "LABEL", "EXPOSE") for item in between):
        return False
    if copied.heredocs or run.heredocs or run.json is not None or copied.json is not None or copied.comments():
        return False
    if [flag.name for flag in copied.flags] not in ([], ["chown"], ["link"]) or copied.outer or copied.kind != "COPY":
        return False
    script = run.script
    if script is None or script.has_error or script.opaque:
        return False
    if not fetched and not _installs_only(script):
        return False
    target = copied.expand(copied.words[-1])
    if target is None or not (target.startswith("/") or _directory(stage, copied).startswith("/")):
        return False
    return _directory(stage, run) == _directory(stage, copied, target)


def _installs_only(script: Script) -> bool:
    """True for one install, and nothing beside it that could need the source."""
    own = [item for item in script.commands if manifest(item) is not None]
    others = [item for item in script.commands if item not in own]
    if len(own) != 1 or any(item.name not in _COMPANY for item in others):
        return False
    if any(item.subcommand() not in _COMPANY_DOES for item in others if item.name != "rm"):
        return False
    return not any(word.text in (".", "-e", "run") for item in script.commands for word in item.arguments)


def _directory(stage: Stage, at: Instruction, path: str = ".") -> str:
    """The directory in which an instruction works, joined with a path."""
    directory = ""
    for place in reversed(stage.lineage):
        for item in place.instructions:
            if item.kind == "WORKDIR" and (place is not stage or item.index < at.index) and item.words:
                directory = posixpath.join(directory, item.expand(item.words[0]) or "?")
    return posixpath.normpath(posixpath.join(directory or "(base)", path))


def _first(copied: Instruction, files: list[str]) -> tuple[bytes, bytes] | None:
    """The COPY of the files, written as the COPY of the source is, and the latter's line; None where it has none."""
    data = copied.file.data
    line = data[copied.keyword[0] : copied.end]
    if not line.endswith(b"\n") or line.count(b"\n") != 1:
        return None
    source, target = copied.words[0], copied.words[1]
    where = target.raw if target.raw.endswith(b"/") else b"./" if target.raw == b"." else target.raw + b"/"
    newline = b"\r\n" if line.endswith(b"\r\n") else b"\n"
    return data[copied.keyword[0] : source.span.start] + " ".join(files).encode() + b" " + where + newline, line


def _moved(
    copied: Instruction, run: Instruction, command: Command, needs: Manifest, files: list[str]
) -> list[Edit | None]:
    """The manifest in the place of the source, and the source's own line after the install."""
    lines = _first(copied, files)
    if lines is None:
        return [None]
    first, line = lines
    data = copied.file.data
    options = [option for option in needs.alone.split() if not command.has(option)]
    after, edits = line, []
    if options:
        word = next((word for word in command.arguments if word.text in ("install", "sync")), None)
        if word is None or run.comments() or command.before not in ("", "&&") or command.after not in ("", "&&"):
            return [None]
        edits = [insert_word(word, " ".join(options).encode())]
        after += data[run.keyword[0] : run.keyword[1]] + b" " + data[command.span.start : run.end]
    if not data[run.start : run.end].endswith(b"\n"):
        newline = b"\r\n" if line.endswith(b"\r\n") else b"\n"
        after = newline + after.rstrip(b"\r\n")
    return [delete(Span(copied.keyword[0], copied.end)), insert(copied.end, first), *edits, insert(run.end, after)]


def _fetched_first(copied: Instruction, needs: Manifest, files: list[str]) -> list[Edit | None]:
    """The manifest and a RUN that downloads, before the source."""
    lines = _first(copied, files)
    if lines is None:
        return [None]
    newline = b"\r\n" if lines[1].endswith(b"\r\n") else b"\n"
    return [insert(copied.keyword[0], lines[0] + b"RUN " + needs.fetch.encode() + newline)]


def _covers(pattern: str, name: str) -> bool:
    from fnmatch import fnmatchcase

    # build.gradle.kts is as good as build.gradle.
    return fnmatchcase(name, pattern) or pattern.startswith(name)


def _shown(command: Command) -> str:
    text = " ".join(str(word) for word in command.words[command.head :][:3])
    return text if len(text) < 40 else text[:37] + "..."
