"""The order of instructions: what seldom changes comes first, so that the builder's cache holds."""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from jettison.dockerfile.edit import delete, insert
from jettison.finding import Safety, Span
from jettison.rules.engine.rule import StageRule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jettison.dockerfile.instruction import Instruction
    from jettison.dockerfile.shell import Command
    from jettison.dockerfile.stages import Stage
    from jettison.finding import Edit, Finding
    from jettison.rules.engine.context import Context


@dataclass(frozen=True, slots=True)
class Manifest:
    """What an install needs: the file that must be there, and lock files that may be."""

    needed: str
    locks: tuple[str, ...] = ()
    strict: bool = False
    """The install fails without one of the lock files."""


_NPM: Final = Manifest("package.json", ("package-lock.json", "npm-shrinkwrap.json"))
_YARN: Final = Manifest("package.json", ("yarn.lock",))
_PNPM: Final = Manifest("package.json", ("pnpm-lock.yaml",))


def manifest(command: Command) -> Manifest | None:
    """What a command that installs dependencies reads, or None when it installs none, or more than these."""
    words = [word.text or "" for word in command.operands(("--prefix", "-C", "--cache", "--registry", "-g"))]
    what = words[0] if words else ""
    name = command.name
    if command.has("-g", "--global", "--prefix", "-C"):
        return None
    if name == "npm" and what in ("ci", "clean-install"):
        return Manifest("package.json", _NPM.locks, True)
    if name == "npm" and what in ("install", "i") and len(words) == 1:
        return _NPM
    if name == "yarn" and (what == "install" or not words) and len(words) < 2:
        return _YARN
    if name == "pnpm" and what in ("install", "i") and len(words) == 1:
        return _PNPM
    if name in ("pip", "pip3") and what == "install":
        files = _requirements(command)
        # `pip install .` or `-e .` builds the project itself.
        if len(files) == 1 and len(words) == 2 and "/" not in files[0].removeprefix("./"):
            return Manifest(files[0].removeprefix("./"))
        return None
    if name == "go" and words[:2] == ["mod", "download"]:
        return Manifest("go.mod", ("go.sum",))
    if name == "bundle" and what == "install":
        return Manifest("Gemfile", ("Gemfile.lock",))
    if name == "composer" and what == "install":
        return Manifest("composer.json", ("composer.lock",))
    if name in ("poetry", "pdm") and what == "install":
        return Manifest("pyproject.toml", (f"{name}.lock",))
    if name == "pipenv" and what in ("install", "sync"):
        return Manifest("Pipfile", ("Pipfile.lock",))
    if name == "mvn" and any(word.startswith("dependency:") for word in words):
        return Manifest("pom.xml")
    return Manifest("Cargo.toml", ("Cargo.lock",)) if name == "cargo" and what == "fetch" else None


_EXTRA: Final = frozenset(("composer", "poetry", "pdm", "bundle", "cargo", "mvn", "pipenv"))
"""Installs that often need more than their manifest (scripts, autoloading, the project itself): no fix."""


def _requirements(command: Command) -> list[str]:
    words = command.arguments
    found = []
    for index, word in enumerate(words):
        text = word.text or ""
        if text in ("-r", "--requirement") and index + 1 < len(words):
            found.append(words[index + 1].text or "/")
        elif text.startswith("--requirement="):
            found.append(text.partition("=")[2])
        elif re.fullmatch(r"-r\S+", text):
            found.append(text[2:])
    return found


class SourceBeforeDependencies(StageRule):
    """The source is copied before the dependencies are installed.

    What it does: reports a `COPY . …` that comes before `npm ci`, `npm install`, `yarn`, `pnpm install`,
    `pip install -r`, `go mod download`, `bundle install`, `composer install`, `poetry install`, `cargo fetch` or
    `mvn dependency:…` of the same stage, when no earlier COPY brought the manifest.

    Why is this bad: every change of any file makes the builder install everything again, and the layer is pushed and
    pulled again.

    Use instead: copy the manifest and the lock file, install, and copy the rest afterwards.

    Fix safety: unsafe: an install script may read other files, and a `node_modules` of the build context that
    .dockerignore lets in would now win. Offered only where the install is a RUN of its own right after the COPY, needs
    just those files (`npm`, `yarn`, `pnpm`, `pip -r`, `go mod download`), and they are known: from the build context,
    or because the install fails without them (`package*.json` takes what there is). Shown, never applied, where the
    lock file's name is not known.

    Sources: Docker's best practices; the course's chapter, 7.6. hadolint, Trivy and BuildKit are silent.
    """

    code = "ORD001"
    name = "source-before-dependencies"
    safety = Safety.UNSAFE
    mentions = (b"COPY", b"ADD", b"copy", b"add")
    bad = (
        "FROM node:22\nWORKDIR /app\nCOPY . .\nRUN npm ci\nRUN npm run build\n",
        'FROM python:3.12\nWORKDIR /app\nCOPY . .\nRUN pip install --no-cache-dir -r requirements.txt\nCMD ["./run"]\n',
        'FROM node:22\nCOPY . /app\nWORKDIR /app\n\n# what we build with\nRUN npm install\n\nCMD ["node", "."]\n',
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
        FROM node:22
        WORKDIR /app
        COPY package.json yarn.lock ./
        RUN yarn install
        COPY . .
        """,
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
                        if needs is None:
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
        files = self._files(needs, command, context)
        if files is not None and self._alone(stage, copied, run, index):
            certain = files[1]
            edits = self._moved(copied, run, files[0])
        return context.found(
            self, copied.body_span, f"every change of the source runs {_shown(command)} again",
            fix=f"copy {' and '.join(files[0]) if files else 'its files'} first, and the rest after the install",
            edits=edits, safety=None if certain else Safety.DISPLAY,
            note=f"{_shown(command)} in line {run.line} needs {needs.needed}"
            + (f" and {needs.locks[0]}" if needs.locks else "") + " only",
        )  # fmt: skip

    def _files(self, needs: Manifest, command: Command, context: Context) -> tuple[list[str], bool] | None:
        """The files to copy first, and whether that is known to be right."""
        if command.name in _EXTRA:
            return None
        place = context.file.context
        if place is not None:
            there = [name for name in (needs.needed, *needs.locks) if place.exists(name) and not place.ignored(name)]
            return (there, True) if needs.needed in there else None
        if command.name == "npm":
            return ["package*.json"], True
        if command.name in ("pip", "pip3"):
            return [needs.needed], True
        return [needs.needed, *needs.locks[:1]], False

    def _alone(self, stage: Stage, copied: Instruction, run: Instruction, index: int) -> bool:
        """True when the RUN does nothing else, and nothing between it and the COPY can tell the difference."""
        first = stage.instructions.index(copied)
        between = stage.instructions[first + 1 : index]
        if any(item.kind not in ("WORKDIR", "ENV", "ARG", "LABEL", "EXPOSE") for item in between):
            return False
        if copied.heredocs or run.heredocs or run.json is not None or copied.json is not None or copied.comments():
            return False
        if (
            [flag.name for flag in copied.flags] not in ([], ["chown"], ["link"])
            or copied.outer
            or copied.kind != "COPY"
        ):
            return False
        script = run.script
        if script is None or script.has_error or script.opaque:
            return False
        own = [item for item in script.commands if manifest(item) is not None]
        others = [item for item in script.commands if item not in own]
        if len(own) != 1 or any(item.name not in ("npm", "yarn", "pip", "pip3", "rm", "pnpm") for item in others):
            return False
        if any(item.subcommand() not in ("cache", "config", "install", "set") for item in others if item.name != "rm"):
            return False
        if any(word.text in (".", "-e", "run") for item in script.commands for word in item.arguments):
            return False
        target = copied.expand(copied.words[-1])
        return target is not None and self._directory(stage, run) == self._directory(stage, copied, target)

    def _directory(self, stage: Stage, at: Instruction, path: str = ".") -> str | None:
        directory = ""
        for place in reversed(stage.lineage):
            for item in place.instructions:
                if item.kind == "WORKDIR" and (place is not stage or item.index < at.index) and item.words:
                    directory = posixpath.join(directory, item.expand(item.words[0]) or "?")
        return posixpath.normpath(posixpath.join(directory or "(base)", path))

    def _moved(self, copied: Instruction, run: Instruction, files: list[str]) -> list[Edit | None]:
        """The manifest in the place of the source, and the source's own line after the install."""
        data = copied.file.data
        source, target = copied.words[0], copied.words[1]
        newline = b"\r\n" if data[copied.start : copied.end].endswith(b"\r\n") else b"\n"
        if not data[copied.start : copied.end].endswith(b"\n"):
            return [None]
        line = data[copied.keyword[0] : copied.end]
        if line.count(b"\n") != 1:
            return [None]
        end = data[run.start : run.end]
        where = target.raw if target.raw.endswith(b"/") else b"./" if target.raw == b"." else target.raw + b"/"
        head = data[copied.keyword[0] : source.span.start]
        first = head + " ".join(files).encode() + b" " + where + newline
        after = line if end.endswith(b"\n") else newline + line.rstrip(b"\r\n")
        return [
            delete(Span(copied.keyword[0], copied.end)),
            insert(copied.end, first),
            insert(run.end, after),
        ]


def _covers(pattern: str, name: str) -> bool:
    from fnmatch import fnmatchcase

    return fnmatchcase(name, pattern)


def _shown(command: Command) -> str:
    text = " ".join(str(word) for word in command.words[command.head :][:3])
    return text if len(text) < 40 else text[:37] + "..."
