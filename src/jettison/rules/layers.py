"""Layers: what one RUN leaves and another deletes, and RUNs that need no layer of their own."""

from __future__ import annotations

import itertools
import posixpath
import re
from typing import TYPE_CHECKING, Final

from jettison.dockerfile.edit import replace
from jettison.dockerfile.patterns import lazy
from jettison.dockerfile.shell import Inside
from jettison.dockerfile.style import append_command
from jettison.finding import Edit, Safety, Severity, Span
from jettison.rules.engine.rule import ScriptRule, StageRule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jettison.dockerfile.instruction import Instruction
    from jettison.dockerfile.shell import Command, Script
    from jettison.dockerfile.stages import Stage
    from jettison.dockerfile.words import Word
    from jettison.finding import Finding
    from jettison.rules.engine.context import Context

_KEEPS_STATE: Final = frozenset(
    (
        "cd", "pushd", "popd", "export", "set", "unset", "source", ".", "eval", "umask", "ulimit", "trap", "alias",
        "shopt", "exit", "exec", "return", "break", "continue", "wait", "read", "declare", "local", "readonly", "shift",
        "nohup", "service", "nvm", "conda", "activate", "setopt", "typeset", "hash", "su", "newgrp", "command",
    )
)  # fmt: skip
"""Commands that change the shell they run in, or leave something running, so that the next RUN would notice."""
_LEADING = lazy(rb"\n([ \t]*)&&[ \t]+\S")
_TRAILING = lazy(rb"&&[ \t]*\\[ \t]*\r?\n([ \t]*)\S")
_LISTS_AND_CACHES = lazy(
    r"/var/lib/apt(?:/lists)?(?:/[*.\w]*)?|/var/cache/(?:apt|apk|yum|dnf|zypp|debconf)?(?:/[*.\w]*)*"
    r"|/root/\.(?:cache|npm|gem|composer)(?:/[*.\w-]*)*|~/\.(?:cache|npm)(?:/[*.\w-]*)*"
)


def plain(instruction: Instruction) -> Script | None:
    """The script of a RUN that is one list of simple commands joined by `&&`, and changes nothing of its shell."""
    if instruction.kind != "RUN" or instruction.heredocs or instruction.json is not None or instruction.flags:
        return None
    script = instruction.script
    if script is None or script.opaque or script.has_error or script.stdin or len(script.statements) != 1:
        return None
    if script.statements[0].terminator or script.comments or instruction.comments() or not script.commands:
        return None
    if script.commands[-1].inside & Inside.SUBSTITUTION and len(script.commands) == 1:
        return None
    for command in script.commands:
        if command.inside & ~(Inside.PIPELINE | Inside.SUBSTITUTION) or not command.words:
            return None
        if command.inside & Inside.SUBSTITUTION:
            continue
        if command.name is None or command.name in _KEEPS_STATE or command.assignments:
            return None
        if command.before not in ("", "&&", "|") or command.after not in ("", "&&", "|"):
            return None
    return script


def joined(first: Instruction, second: Instruction) -> Edit | None:
    """Join two neighbouring RUNs with `&&`, in the first one's style; None when something lies between them."""
    file = first.file
    head, tail = plain(first), plain(second)
    if head is None or tail is None or head.shell != tail.shell:
        return None
    start, stop = first.body_span.end, tail.logical.offset(0)
    gap = file.data[start : second.keyword[0]]
    if gap.strip() or file.data[second.keyword[1] : stop].strip(b" \t"):
        return None
    data = first.data
    newline = b"\r\n" if b"\r\n" in gap else b"\n"
    escape = first.grammar.escape
    trailing = _TRAILING.findall(data)
    leading = _LEADING.findall(data)
    if trailing and not leading:
        return replace(Span(start, stop), b" && " + escape + newline + bytes(trailing[-1]))
    indent = bytes(leading[-1]) if leading else b"    "
    return replace(Span(start, stop), b" " + escape + newline + indent + b"&& ")


class RunsApart(StageRule):
    """RUNs that follow each other need only one layer.

    What it does: reports a series of two or more RUNs of one simple command each, in a stage that ships, that are all
    quick: they create, move, link or set modes, and install, build or download nothing. A download or a build in front
    belongs to the series where the next RUN changes files (`chmod`, `chown`, `mv`, `rm`, `strip`, ...), which would
    otherwise be in two layers.

    Why is this bad: every RUN is a layer, with its own copy of each file it changes; a `chmod` in a layer of its own
    doubles the file.

    Fix safety: unsafe. The files are the same, but one cached layer takes the place of several. Nothing is joined
    that keeps state in its shell (`cd`, `export`, `set`, …), is no plain `&&` list, has mounts, comments or
    here-documents.

    Where hadolint differs: it reports every RUN of one command after another one, also where an install and what
    follows are kept apart so that the first stays cached; and one finding a RUN, where we give one a series.

    Sources: hadolint DL3059.
    """

    code = "LAY001"
    name = "runs-apart"
    aliases = ("DL3059",)
    severity = Severity.INFO
    safety = Safety.UNSAFE
    mentions = (b"RUN", b"run")
    bad = (
        "FROM debian:12\nRUN mkdir /app\nRUN chown www-data /app\nRUN ln -s /app /srv/app\n",
        "FROM debian:12\nRUN make install \\\n  && strip /usr/bin/x\n\nRUN mkdir /a\nRUN touch /a/b\n",
        "FROM debian:12\nRUN curl -fsSLo /bin/x https://example.com/x\nRUN chmod +x /bin/x\n",
        "FROM nginx:1\nRUN echo 'daemon off;' >> /etc/nginx.conf\nRUN chmod 644 /etc/nginx.conf\n",
    )
    good = (
        """
        FROM debian:12
        RUN mkdir /app \\
            && chown www-data /app \\
            && ln -s /app /srv/app
        """,
        "FROM debian:12\nRUN make install \\\n  && strip /usr/bin/x\n\nRUN mkdir /a \\\n    && touch /a/b\n",
        "FROM debian:12\nRUN curl -fsSLo /bin/x https://example.com/x \\\n    && chmod +x /bin/x\n",
        "FROM nginx:1\nRUN echo 'daemon off;' >> /etc/nginx.conf \\\n    && chmod 644 /etc/nginx.conf\n",
        "FROM alpine:3.20\nRUN apk add --no-cache nginx\nRUN mkdir /run/nginx\n",
        "FROM node:22\nRUN npm ci\nRUN npm run build\n",
        "FROM debian:12\nRUN mkdir /app\nUSER www-data\nRUN touch /app/x\n",
    )

    def check(self, stage: Stage, context: Context) -> Iterator[Finding]:
        """The second RUN of a series."""
        if not stage.ships:
            return
        series: list[Instruction] = []
        steps = stage.instructions
        for index, instruction in enumerate(steps):
            if series and _starts_quickly(instruction) and self._single(instruction) and self._quick(instruction):
                series.append(instruction)
                continue
            if len(series) > 1:
                yield self._found(series, context)
            # Only a RUN that a quick one follows is worth parsing.
            follows = _first_word(steps[index + 1]) if index + 1 < len(steps) else ""
            opens = follows in _QUICK and self._single(instruction) and self._opens(instruction, follows)
            series = [instruction] if opens else []
        if len(series) > 1:
            yield self._found(series, context)

    def _found(self, series: list[Instruction], context: Context) -> Finding:
        edits = [joined(first, second) for first, second in itertools.pairwise(series)]
        return context.found(
            self, series[1].keyword_span, f"these {len(series)} RUNs need only one layer",
            fix="join them into one RUN", edits=edits,
        )  # fmt: skip

    def _single(self, instruction: Instruction) -> bool:
        data = instruction.data
        if instruction.kind != "RUN":
            return False
        # Cheap: a joiner outside quotes.
        if (b"&&" in data or b";" in data) and b'"' not in data and b"'" not in data:
            return False
        script = instruction.script
        return script is not None and len(script.commands) == 1 and plain(instruction) is not None

    def _quick(self, instruction: Instruction) -> bool:
        script = instruction.script
        return script is not None and script.commands[0].name in _QUICK

    def _opens(self, instruction: Instruction, follows: str) -> bool:
        """True when a RUN may be the first of a series, `follows` being the next one's first word."""
        script = instruction.script
        name = script.commands[0].name if script is not None else None
        return name in _QUICK or (follows in _CHANGES and name not in _PACKAGE_MANAGERS)


_QUICK: Final = frozenset(
    (
        "mkdir", "chmod", "chown", "chgrp", "ln", "mv", "cp", "rm", "rmdir", "touch", "echo", "printf", "sed",
        "useradd", "groupadd", "adduser", "addgroup", "usermod", "install", "chsh", "locale-gen", "ldconfig", "a2enmod",
        "a2ensite", "a2dissite", "a2dismod", "update-alternatives", "rename", "tee", "truncate",
        "userdel", "passwd", "chpasswd", "phpenmod", "php5enmod", "update-ca-certificates", "dpkg-reconfigure",
        "ssh-keygen", "setcap", "strip",
    )
)  # fmt: skip


_CHANGES: Final = frozenset(("chmod", "chown", "chgrp", "mv", "rm", "strip", "setcap", "sed", "truncate"))
"""Those of them that change or delete what is there."""
_PACKAGE_MANAGERS: Final = frozenset(("apt-get", "apt", "apk", "yum", "dnf", "microdnf", "zypper", "pacman"))


def _first_word(instruction: Instruction) -> str:
    """The first word of a RUN as it is written, cheaply; "" for other instructions."""
    if instruction.kind != "RUN":
        return ""
    words = instruction.file.data[instruction.keyword[1] : instruction.keyword[1] + 80].split(None, 2)
    word = words[1] if len(words) > 1 and words[0] == b"sudo" else words[0] if words else b""
    return word.decode("utf-8", "replace").rpartition("/")[2]


def _starts_quickly(instruction: Instruction) -> bool:
    return _first_word(instruction) in _QUICK


class CleanedTooLate(StageRule):
    """A clean-up in a RUN of its own frees nothing.

    What it does: reports a RUN that does nothing but delete package lists and caches (`apt-get clean`,
    `rm -rf /var/lib/apt/lists/*`, `yum clean all`, …), in a stage that ships.

    Why is this bad: the files are in the layer of the RUN before, and stay there. This layer only hides them.

    Use instead: clean at the end of the RUN that installs.

    Fix safety: safe where the RUN right before is a plain `&&` list under the same shell: joined to it, the clean-up
    takes out what it was meant to take out; the files one sees stay the same. Else no fix.

    Sources: Docker's best practices; the course's chapter on image optimization, 7.4. hadolint is silent.
    """

    code = "LAY002"
    name = "cleaned-too-late"
    safety = Safety.SAFE
    mentions = (b"rm ", b"clean")
    bad = (
        "FROM debian:12\nRUN apt-get update && apt-get install -y curl\nRUN apt-get clean\n",
        r"""
        FROM debian:12
        RUN apt-get update && \
            apt-get install -y curl

        RUN apt-get clean && rm -rf /var/lib/apt/lists/*
        CMD ["curl"]
        """,
    )
    good = (
        "FROM debian:12\nRUN apt-get update && apt-get install -y curl \\\n    && apt-get clean\n",
        r"""
        FROM debian:12
        RUN apt-get update && \
            apt-get install -y curl && \
            apt-get clean && rm -rf /var/lib/apt/lists/*
        CMD ["curl"]
        """,
        "FROM debian:12 AS build\nRUN apt-get clean\nFROM scratch\nCOPY --from=build /x /x\n",
    )

    def check(self, stage: Stage, context: Context) -> Iterator[Finding]:
        """The RUN that cleans."""
        if not stage.ships:
            return
        before: Instruction | None = None
        for instruction in stage.instructions:
            if _first_word(instruction) in _CLEANERS:
                scripts = instruction.scripts
                commands = [command for script in scripts for command in script.commands]
                if commands and not instruction.flags and all(_cleans(command) for command in commands):
                    edit = joined(before, instruction) if before is not None and _fills(before) else None
                    yield context.found(
                        self, instruction.body_span, "this frees nothing: the files stay in the layer below",
                        fix="clean up in the RUN before", edits=[edit],
                    )  # fmt: skip
            before = instruction


_CLEANERS: Final = frozenset(
    ("apt-get", "apt", "yum", "dnf", "microdnf", "zypper", "npm", "yarn", "conda", "pip", "pip3", "rm")
)


def _fills(before: Instruction) -> bool:
    """True for a RUN that leaves what a clean-up is for."""
    names = (*_PACKAGE_MANAGERS, "conda", "npm", "yarn", "pip", "pip3")
    return before.kind == "RUN" and any(any(script.named(*names)) for script in before.scripts)


def _cleans(command: Command) -> bool:
    name, what = command.name, command.subcommand()
    if name in ("apt-get", "apt", "yum", "dnf", "microdnf", "zypper"):
        return what in ("clean", "autoclean", "distclean", "dist-clean")
    if name in ("npm", "yarn"):
        return [word.text for word in command.operands()[:2]] == ["cache", "clean"]
    if name == "conda":
        return what == "clean"
    if name in ("pip", "pip3"):
        return [word.text for word in command.operands()[:2]] == ["cache", "purge"]
    paths = command.operands()
    return (
        name == "rm"
        and bool(paths)
        and all(_LISTS_AND_CACHES.fullmatch(word.text or word.raw.decode("utf-8", "replace")) for word in paths)
    )


class RemovedInLaterLayer(StageRule):
    """A file is deleted in a later layer than the one that holds it.

    What it does: reports `rm` of a path that an earlier RUN of the stage downloaded (`wget`, `curl -o`), or that COPY
    or ADD brought, in a stage that ships.

    Why is this bad: the file stays in its layer, for the size and for everybody who looks.

    Use instead: download, use and delete in one RUN; for what COPY brings, `RUN --mount=type=bind,source=x,target=/x`.

    Fix safety: report only: the instructions between may need the file.

    Sources: ours; `jettison analyze` measures it. The course's chapter, question 5.
    """

    code = "LAY003"
    name = "removed-in-later-layer"
    mentions = (b"rm ",)
    bad = (
        "FROM debian:12\nWORKDIR /tmp\nRUN wget -q https://example.com/a.tar.gz\nRUN tar -xf a.tar.gz && rm a.tar.gz\n",
        "FROM debian:12\nCOPY setup.sh /tmp/\nRUN /tmp/setup.sh && rm /tmp/setup.sh\n",
    )
    good = (
        "FROM debian:12\nRUN curl -fsSLo a.tar.gz https://example.com/a.tar.gz && tar -xf a.tar.gz && rm a.tar.gz\n",
        "FROM debian:12\nRUN --mount=type=bind,source=setup.sh,target=/tmp/setup.sh /tmp/setup.sh\n",
    )

    def check(self, stage: Stage, context: Context) -> Iterator[Finding]:
        """The path."""
        if not stage.ships:
            return
        made: dict[str, Instruction] = {}
        directory = "/"
        last = max(
            (item.index for item in stage.instructions if item.kind == "RUN" and b"rm " in item.data), default=-1
        )
        for instruction in stage.instructions:
            if instruction.index > last:
                return
            if instruction.kind == "WORKDIR":
                path = instruction.expand(instruction.words[0]) if instruction.words else None
                directory = posixpath.join(directory, path) if path else "?"
            elif instruction.kind in ("COPY", "ADD"):
                for path in _copied(instruction, directory):
                    made[path] = instruction
            elif instruction.kind == "RUN":
                if made and b"rm " in instruction.data:
                    yield from self._removed(instruction, made, directory, context)
                if instruction.index < last:
                    made.update((path, instruction) for path in _downloaded(instruction, directory))

    def _removed(
        self, run: Instruction, made: dict[str, Instruction], directory: str, context: Context
    ) -> Iterator[Finding]:
        for script in run.scripts:
            moved = False
            for command in script.commands:
                moved = moved or command.name in ("cd", "pushd")
                if command.name != "rm":
                    continue
                recursive = command.has("-r", "-R", "--recursive")
                for word in command.operands():
                    text = command.resolve(word)
                    if not text or (moved and not text.startswith("/")) or "*" in text:
                        continue
                    path = posixpath.normpath(posixpath.join(directory, text))
                    held = next(
                        (p for p in made if p == path or (recursive and p.startswith(path.rstrip("/") + "/"))), None
                    )
                    if held is not None and path not in ("/tmp", "/var/tmp"):
                        line = made.pop(held).line
                        yield context.found(self, word, f"{held} stays in the layer of line {line}")
                        return


def _copied(instruction: Instruction, directory: str) -> list[str]:
    """The files a COPY or ADD brings, where their paths can be told."""
    words = instruction.json or instruction.words
    if len(words) < 2:
        return []
    target = instruction.expand(words[-1])
    if not target or not (target.startswith("/") or directory.startswith("/")):
        return []
    found = []
    for word in words[:-1]:
        source = instruction.expand(word) or ""
        base = posixpath.basename(source.rstrip("/"))
        if not base or base in (".", "*", "..") or "*" in base or "?" in base:
            continue
        # A directory's contents, not the directory, go below the target; only names with a suffix are taken for files.
        if "." not in base.lstrip("."):
            continue
        if (
            instruction.kind == "ADD"
            and re.search(r"\.(?:tar(?:\.\w+)?|tgz|tbz2?|txz)\Z", base)
            and "://" not in source
        ):
            continue
        into = target.endswith("/") or target in (".", "..") or len(words) > 2
        where = posixpath.join(directory, target)
        found.append(posixpath.normpath(posixpath.join(where, base) if into else where))
        if not into and posixpath.basename(where) != base and "." not in posixpath.basename(where):
            found.append(posixpath.normpath(posixpath.join(where, base)))
    return found


def _downloaded(instruction: Instruction, directory: str) -> list[str]:
    """The files that wget and curl of a RUN leave, deleted ones left out."""
    if b"wget" not in instruction.data and b"curl" not in instruction.data:
        return []
    found: list[str] = []
    for script in instruction.scripts:
        if any(script.named("cd", "pushd")):
            continue
        for command in script.named("wget", "curl"):
            path = saved(command)
            if path is None or instruction.mounted(posixpath.join(directory, path)):
                continue
            gone = any(
                posixpath.basename(path) in str(word) or "*" in str(word) or later.has("-r", "-R")
                for later in script.named("rm", "mv")
                for word in later.arguments
            )
            if not gone and (path.startswith("/") or directory.startswith("/")):
                found.append(posixpath.normpath(posixpath.join(directory, path)))
    return found


def saved(command: Command) -> str | None:
    """The path to which wget or curl writes, None when unknown or standard output."""
    words = command.arguments
    remote = command.name == "wget"
    url: str | None = None
    for index, word in enumerate(words):
        text = word.text if word.text is not None else str(word)
        following = words[index + 1] if index + 1 < len(words) else None
        if "://" in text:
            url = command.resolve(word)
            continue
        if command.name == "wget":
            if text in ("-i", "-P", "--directory-prefix", "-r", "--spider") or text.startswith(
                ("-P", "--directory-pre")
            ):
                return None
            if re.fullmatch(r"-[a-zA-Z]*O|--output-document", text):
                value = command.resolve(following) if following is not None else None
                return value if value and value != "-" and not value.startswith("/dev/") else None
            if text.startswith("--output-document="):
                return text[18:] if word.text is not None and text[18:] not in ("", "-") else None
            if re.match(r"-[qnvc]*O.", text):
                return None
        else:
            if re.fullmatch(r"-[a-zA-Z#]*o|--output", text):
                value = command.resolve(following) if following is not None else None
                return value if value and value != "-" and not value.startswith("/dev/") else None
            if re.fullmatch(r"-[a-zA-Z#]*O[a-zA-Z]*|--remote-name", text):
                remote = True
    if command.redirections and command.name == "curl":
        out = next((item.target for item in command.redirections if item.operator == ">" and not item.descriptor), None)
        return command.resolve(out) if out is not None else None
    if not remote or not url:
        return None
    name = posixpath.basename(url.partition("?")[0].partition("#")[0]) if "?" not in url else None
    return name or None


class ArchiveKept(ScriptRule):
    """A downloaded archive stays beside what was unpacked from it.

    What it does: reports an archive that a RUN downloads to a file and unpacks, and that no command of the RUN deletes,
    in a stage that ships.

    Why is this bad: the archive is dead weight; deleting it in a later RUN frees nothing.

    Use instead: delete it in the same RUN, or unpack from a pipe: `curl -fsSL url | tar -xz`.

    Fix safety: unsafe: something later may read the archive; none when the RUN changes its directory before.

    Sources: docker-parfum's tarSomethingRmTheSomething.
    """

    code = "LAY004"
    name = "archive-kept"
    safety = Safety.UNSAFE
    mentions = (b"tar ", b"unzip")
    bad = "FROM debian:12\nRUN wget -q https://example.com/a.tar.gz && tar -xzf a.tar.gz -C /opt\n"
    good = (
        "FROM debian:12\nRUN wget -q https://example.com/a.tar.gz && tar -xzf a.tar.gz -C /opt && rm a.tar.gz\n",
        "FROM debian:12\nRUN curl -fsSL https://example.com/a.tar.gz | tar -xz -C /opt\n",
    )

    def check(self, script: Script, context: Context) -> Iterator[Finding]:
        """The download."""
        instruction = script.instruction
        if instruction.stage is not None and not instruction.stage.ships:
            return
        for command in script.named("wget", "curl"):
            path = saved(command)
            if path is None or not re.search(r"\.(?:tar(?:\.\w+)?|tgz|tbz2?|txz|zip)\Z", path):
                continue
            name = posixpath.basename(path)
            later = script.commands[command.index + 1 :]
            if not any(
                item.name in ("tar", "unzip", "bsdtar") and any(name in _said(item, word) for word in item.arguments)
                for item in later
            ):
                continue
            if any(item.name in ("rm", "mv", "unlink", "find", "shred") or item.name is None for item in later):
                continue
            if instruction.mounted(path) or instruction.mounted("/tmp" if not path.startswith("/") else path):
                continue
            moved = any(script.named("cd", "pushd")) and not path.startswith("/")
            written = _written(path, command, later)
            sudo = command.words[0].text == "sudo"
            edit = None if moved or written is None or sudo else append_command(script, b"rm " + written)
            yield context.found(
                self, command, f"{name} stays in the layer beside what was unpacked from it",
                fix="delete the archive in the same RUN", edits=[edit],
            )  # fmt: skip


def _written(path: str, command: Command, later: list[Command]) -> bytes | None:
    """The path as the RUN itself writes it, variables kept."""
    for item in (command, *later):
        for word in item.arguments:
            if item.resolve(word) == path and not re.search(rb"[\s`\\]|\$\(", word.raw):
                return word.raw
    static = all(b"$" not in word.raw for word in command.arguments)
    return path.encode() if static and re.fullmatch(r"[\w./+~-]+", path) else None


def _said(command: Command, word: Word) -> str:
    return command.resolve(word) or str(word)
