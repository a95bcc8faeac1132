"""COPY and ADD: what is copied, from where, to where, and what a later instruction does to it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, ClassVar, Final

from jettison.dockerfile.edit import replace
from jettison.dockerfile.patterns import lazy
from jettison.dockerfile.stages import find
from jettison.finding import Safety, Severity
from jettison.rules.engine.rule import InstructionRule, StageRule

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from jettison.dockerfile.instruction import Instruction
    from jettison.dockerfile.shell import Command
    from jettison.dockerfile.stages import Stage
    from jettison.dockerfile.words import Word
    from jettison.finding import Finding
    from jettison.rules.engine.context import Context

_ARCHIVE: Final = lazy(
    r"\.(?:tar|tgz|tbz2?|txz|tlz|tar\.(?:gz|bz2|xz|lzma|zst|Z)|gz|bz2|xz|lzma|zst|Z)$", re.IGNORECASE
)
_REMOTE: Final = lazy(r"^(?:https?|ftp|git|ssh)://|^git@|\.git(?:#.*)?$", re.IGNORECASE)


def sources(instruction: Instruction) -> list[Word]:
    """The source words of a COPY or ADD."""
    return (instruction.json or instruction.words)[:-1]


def destination(instruction: Instruction) -> Word | None:
    """The last word of a COPY or ADD."""
    words = instruction.json or instruction.words
    return words[-1] if len(words) > 1 else None


class AddForCopy(InstructionRule):
    """ADD is used where COPY is meant.

    What it does: reports ADD of local files that are no archives.

    Why is this bad: ADD also unpacks archives and fetches addresses; a reader has to check that it does neither here.

    Fix safety: safe when every source is a plain local file name or directory without wildcards or variables, which ADD
    copies just as COPY does. ADD of an address or of anything that may be an archive is left alone.

    The fix is withheld where a wildcard, a variable or a name without a suffix may be an archive's.

    Sources: hadolint DL3020, Trivy DS-0005, Checkov CKV_DOCKER_4, Dockle CIS-DI-0009.
    """

    code = "COPY001"
    name = "add-for-copy"
    aliases = ("DL3020", "DS-0005", "CKV_DOCKER_4", "CIS-DI-0009")
    safety = Safety.SAFE
    kinds = ("ADD",)
    bad = ("FROM debian:12\nADD app.py /srv/\n", 'FROM debian:12\nADD ["a b.py", "/srv/"]\n')
    good = (
        "FROM debian:12\nCOPY app.py /srv/\n",
        'FROM debian:12\nCOPY ["a b.py", "/srv/"]\n',
        "FROM debian:12\nADD app.tar.gz /srv/\n",
        "FROM debian:12\nADD https://example.org/x /srv/\n",
    )

    def check(self, instruction: Instruction, context: Context) -> Iterator[Finding]:
        """The keyword."""
        words = sources(instruction)
        texts = [instruction.expand(word) for word in words]
        if not words or any(text is None or _ARCHIVE.search(text) or _REMOTE.search(text) for text in texts):
            return
        if any(flag.name in ("checksum", "keep-git-dir", "unpack") for flag in instruction.flags):
            return
        raw = instruction.file.source.text(instruction.keyword_span)
        certain = not instruction.heredocs and all(re.fullmatch(r"[\w./ @+-]+", text or "") for text in texts)
        file_names = certain and all(_is_named(text or "") for text in texts)
        edit = replace(instruction.keyword_span, b"copy" if raw.islower() else b"COPY") if file_names else None
        yield context.found(self, instruction.keyword_span, "COPY says what is meant", fix="write COPY", edits=[edit])


def _is_named(text: str) -> bool:
    """True for a file name with a suffix, which is no archive's, and for what can only be a directory: `.`, `src/`."""
    return "." in text.strip("./").rpartition("/")[2] or text.endswith("/") or text.strip("./") == ""


class DestinationNotDirectory(InstructionRule):
    """Several sources are copied to a path that is no directory.

    What it does: reports COPY and ADD with several sources, or a wildcard, whose destination has no final `/`.

    Why is this bad: the build fails (several sources), or depends on how many files match (wildcard).

    Fix safety: report only.

    Sources: hadolint DL3021, Trivy DS-0011.
    """

    code = "COPY002"
    name = "copy-destination-no-directory"
    aliases = ("DL3021", "DS-0011")
    severity = Severity.ERROR
    kinds = ("COPY", "ADD")
    bad = "FROM debian:12\nCOPY a.py b.py /srv\n"
    good = (
        "FROM debian:12\nCOPY a.py b.py /srv/\n",
        "FROM debian:12\nWORKDIR /a\nCOPY a.py b.py .\n",
        "FROM debian:12\nCOPY <<EOF /etc/motd\nhello there\nEOF\n",
    )

    def check(self, instruction: Instruction, context: Context) -> Iterator[Finding]:
        """The destination."""
        last = destination(instruction)
        target = instruction.expand(last) if last is not None else None
        if last is None or target is None or len(sources(instruction)) < 2:
            return
        if not target.endswith(("/", "\\")) and target not in (".", "..") and not target.endswith(("/.", "/..")):
            yield context.found(self, last, "with several sources the destination has to end in /")


class FromUnknownStage(InstructionRule):
    """`COPY --from` names no earlier stage.

    What it does: reports `--from` with a name that is neither a stage of this file nor looks like an image reference
    (no registry, tag or digest), and numbers beyond the stages.

    Why is this bad: it is a typing error, or an image whose version nobody chose.

    Fix safety: report only.

    Where hadolint differs: an image with a tag or digest is fine here (hadolint#859).

    Sources: hadolint DL3022.
    """

    code = "COPY003"
    name = "copy-from-unknown-stage"
    aliases = ("DL3022",)
    kinds = ("COPY",)
    mentions = (b"--from",)
    bad = "FROM debian:12 AS build\nRUN true\nFROM debian:12\nCOPY --from=biuld /x /x\n"
    good = ("FROM debian:12 AS build\nRUN true\nFROM debian:12\nCOPY --from=build /x /x\n",)

    def check(self, instruction: Instruction, context: Context) -> Iterator[Finding]:
        """The flag's value."""
        flag = instruction.flag("from")
        stage = instruction.stage
        name = instruction.expand(flag.value) if flag is not None and flag.value else None
        if flag is None or flag.value_span is None or stage is None or not name or instruction.outer is not None:
            return
        if find(context.file.stages[: stage.index], name) is None and not re.search(r"[:@/.]", name):
            if name.lower() == stage.name or name == str(stage.index):
                return  # COPY004 says it
            yield context.found(self, flag.value_span, f"no earlier stage is called {name}")


class FromOwnStage(InstructionRule):
    """`COPY --from` names its own stage.

    What it does: reports `--from` with the name or number of the stage it stands in.

    Why is this bad: the build fails.

    Fix safety: report only.

    Sources: hadolint DL3023, Trivy DS-0006.
    """

    code = "COPY004"
    name = "copy-from-own-stage"
    aliases = ("DL3023", "DS-0006")
    severity = Severity.ERROR
    kinds = ("COPY",)
    mentions = (b"--from",)
    bad = "FROM debian:12 AS build\nCOPY --from=build /x /y\n"
    good = "FROM debian:12 AS build\nRUN cp /x /y\n"

    def check(self, instruction: Instruction, context: Context) -> Iterator[Finding]:
        """The flag's value."""
        flag, stage = instruction.flag("from"), instruction.stage
        if flag is None or not flag.value or flag.value_span is None or stage is None:
            return
        name = flag.value.lower()
        if find(context.file.stages[: stage.index], name) is None and name in (stage.name, str(stage.index)):
            yield context.found(self, flag.value_span, "this is the stage it stands in")


class RelativeDestination(InstructionRule):
    """COPY goes to a relative path, and no WORKDIR is set.

    What it does: reports COPY and ADD with a relative destination in a stage that has no WORKDIR so far, on a base that
    is not a stage of this file.

    Why is this bad: the base image decides where the files go.

    Fix safety: report only.

    Where hadolint differs: it looks at COPY only.

    Sources: hadolint DL3045.
    """

    code = "COPY005"
    name = "copy-relative-destination"
    aliases = ("DL3045",)
    kinds = ("COPY", "ADD")
    onbuild = False
    bad = "FROM debian:12\nCOPY app.py srv/\n"
    good = ("FROM debian:12\nWORKDIR /srv\nCOPY app.py .\n", "FROM debian:12\nCOPY app.py /srv/\n")

    def check(self, instruction: Instruction, context: Context) -> Iterator[Finding]:
        """The destination."""
        last, stage = destination(instruction), instruction.stage
        target = instruction.expand(last) if last is not None else None
        if last is None or not target or stage is None or re.match(r"[/\\$%]|[A-Za-z]:", target):
            return
        for place in stage.lineage:
            for other in place.instructions:
                if other.kind == "WORKDIR" and (place is not stage or other.index < instruction.index):
                    return
        yield context.found(self, last, "no WORKDIR is set, so the base image decides where this goes")


class WholeRootCopied(InstructionRule):
    """The whole file system of a stage is copied.

    What it does: reports `COPY --from=stage / /`.

    Why is this bad: the build stage's compilers and caches come along; the base's files are shipped twice.

    Use instead: copy what is needed. Squashing is what `jettison squeeze` is for.

    Fix safety: report only.

    Where we differ: on `FROM scratch` this is a way to squash an image, and is quiet.

    Sources: hadolint DL3067.
    """

    code = "COPY006"
    name = "whole-root-copied"
    aliases = ("DL3067",)
    kinds = ("COPY",)
    mentions = (b"--from",)
    bad = "FROM debian:12 AS build\nRUN make\nFROM debian:12\nCOPY --from=build / /\n"
    good = "FROM debian:12 AS build\nRUN make\nFROM debian:12\nCOPY --from=build /app /app\n"

    def check(self, instruction: Instruction, context: Context) -> Iterator[Finding]:
        """The source."""
        words, stage = instruction.json or instruction.words, instruction.stage
        if instruction.flag("from") is None or len(words) != 2 or stage is None or stage.root.base == "scratch":
            return
        if [instruction.expand(word) for word in words] == ["/", "/"]:
            yield context.found(
                self, words[0], "this copies everything the other stage has, its tools and caches included"
            )


class ArchiveCopied(InstructionRule):
    """An archive is copied, where ADD would unpack it.

    What it does: reports COPY of a tar archive that a later RUN of the stage unpacks.

    Why is this bad: the archive stays in its layer beside what was unpacked from it.

    Use instead: `ADD archive.tar.gz /dir/`, or `RUN --mount=type=bind,source=a.tgz,target=/a.tgz tar -xf /a.tgz`.

    Fix safety: shown, never applied.

    Sources: hadolint DL3010.
    """

    code = "COPY007"
    name = "archive-copied"
    aliases = ("DL3010",)
    severity = Severity.INFO
    kinds = ("COPY",)
    bad = "FROM debian:12\nCOPY app.tar.gz /tmp/\nRUN tar -xzf /tmp/app.tar.gz -C /srv\n"
    good = "FROM debian:12\nADD app.tar.gz /srv/\n"

    def check(self, instruction: Instruction, context: Context) -> Iterator[Finding]:
        """The source."""
        stage = instruction.stage
        if stage is None or instruction.flag("from") is not None:
            return
        for word in sources(instruction):
            text = instruction.expand(word) or ""
            base = text.rpartition("/")[2]
            if not re.search(r"\.(?:tar|tgz|tbz2|txz|tar\.\w+)$", base):
                continue
            later = (other for other in stage.instructions if other.index > instruction.index and other.kind == "RUN")
            if any(
                _unpacks(command, base) for other in later for script in other.scripts for command in script.commands
            ):
                yield context.found(self, word, "a later RUN unpacks it, and the archive stays in this layer")


def _unpacks(command: Command, name: str) -> bool:
    return command.name in ("tar", "bsdtar") and any(name in str(word) for word in command.arguments)


class CopiedThenChanged(StageRule):
    """Copied files get another owner or mode in a later layer.

    What it does: reports `chown` and `chmod` in a RUN on what a COPY or ADD of the same stage brought, in a stage that
    ships its layers.

    Why is this bad: the layer holds every changed file a second time, with all its bytes.

    Use instead: `COPY --chown=user:group --chmod=755`.

    Fix safety: shown, never applied: names are looked up at another moment, and directories are treated differently.

    Sources: ours; `jettison analyze` measures it as `metadata-copy`.
    """

    code = "COPY008"
    name = "copied-then-changed"
    mentions = (b"chown", b"chmod")
    bad = "FROM debian:12\nCOPY app /srv/app\nRUN chown -R www-data:www-data /srv/app\n"
    good = "FROM debian:12\nCOPY --chown=www-data:www-data app /srv/app\n"

    def check(self, stage: Stage, context: Context) -> Iterator[Finding]:
        """The command."""
        if not stage.ships:
            return
        copied: list[tuple[str, int]] = []
        for instruction in stage.instructions:
            if instruction.kind in ("COPY", "ADD"):
                last = destination(instruction)
                target = instruction.expand(last) if last is not None else None
                if target and target.startswith("/"):
                    copied += _paths(instruction, target)
            elif (
                instruction.kind == "RUN" and copied and (b"chown" in instruction.data or b"chmod" in instruction.data)
            ):
                yield from self._changes(instruction, copied, context)

    def _changes(self, run: Instruction, copied: list[tuple[str, int]], context: Context) -> Iterator[Finding]:
        """The first change, in a RUN, of what one line copied: the layer holds it once however often it is changed."""
        said: set[int] = set()
        for script in run.scripts:
            for command in script.named("chown", "chmod"):
                if command.has("--reference"):
                    continue
                recursive = command.has("-R", "--recursive")
                for word in command.operands()[1:]:
                    path = (command.resolve(word) or "").rstrip("/")
                    line = next((at for p, at in copied if p == path or (recursive and p.startswith(path + "/"))), None)
                    if path and line is not None and line not in said:
                        said.add(line)
                        verb = "owner" if command.name == "chown" else "mode"
                        message = f"this layer holds what line {line} copied again, only to change its {verb}"
                        yield context.found(
                            self, command, message, note=f"COPY --{command.name}=… does it in one layer"
                        )
                        break


def _paths(instruction: Instruction, target: str) -> list[tuple[str, int]]:
    """Where the sources of a COPY come to lie, as far as that can be told, each with the line."""
    if not target.endswith("/"):
        return [(target, instruction.line)]
    found = [(target.rstrip("/"), instruction.line)] if target != "/" else []
    for word in sources(instruction):
        base = (instruction.expand(word) or "").rstrip("/").rpartition("/")[2]
        if base and base not in (".", "*"):
            found.append((target + base, instruction.line))
    return found


class CopiedFileIgnored(InstructionRule):
    """COPY names a file that .dockerignore hides.

    What it does: reports sources that exist in the build context and that .dockerignore leaves out of it. Needs the
    context's directory.

    Why is this bad: the build fails: the file is not found.

    Fix safety: report only.

    Sources: BuildKit CopyIgnoredFile.
    """

    code = "COPY009"
    name = "copied-file-ignored"
    aliases = ("CopyIgnoredFile",)
    severity = Severity.ERROR
    kinds = ("COPY", "ADD")
    bad = "FROM debian:12\nCOPY notes.md /srv/\n"
    good = "FROM debian:12\nCOPY app.py /srv/\n"
    example_files: ClassVar[Mapping[str, str]] = {".dockerignore": "*.md\n", "notes.md": "", "app.py": ""}

    def check(self, instruction: Instruction, context: Context) -> Iterator[Finding]:
        """The source."""
        place = context.file.context
        if place is None or instruction.flag("from") is not None or not place.patterns:
            return
        for word in sources(instruction):
            text = instruction.expand(word)
            if text is None or re.search(r"[*?\[]", text) or _REMOTE.search(text):
                continue
            path = text.strip("/").removeprefix("./")
            if path not in ("", ".") and place.ignored(path) and place.exists(path):
                yield context.found(self, word, ".dockerignore leaves this out of the build context")
