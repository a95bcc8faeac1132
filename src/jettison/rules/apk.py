"""apk: what Alpine's package manager leaves behind, and how it is called."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from jettison.dockerfile.patterns import lazy
from jettison.dockerfile.style import insert_word, remove_command
from jettison.finding import Edit, Safety, Severity
from jettison.rules.engine.cleaning import cache_mounted, clean_up, later, removed, ships
from jettison.rules.engine.rule import CommandRule, ScriptRule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jettison.dockerfile.shell import Command, Script
    from jettison.dockerfile.words import Word
    from jettison.finding import Finding
    from jettison.rules.engine.context import Context

VALUES: Final = (
    "-t", "--virtual", "-X", "--repository", "-p", "--root", "--arch", "--cache-dir", "--cache-max-age", "--keys-dir",
    "--repositories-file", "--wait", "--progress-fd",
)  # fmt: skip
"""Options of apk whose value is the next word (apk(8), apk-add(8))."""
UPDATES: Final = ("-U", "--update", "--update-cache")

_CACHE = lazy(rb"/var/cache/(?:apk|\*|\{)|/var/cache/?(?:['\"]|\Z)|/etc/apk/cache")
_MOUNT = lazy(r"^/var/cache(?:/apk)?$|^/etc/apk(?:/cache)?$|^/var$|^/lib/apk")
_TOO_OLD = lazy(r"alpine[^:]*:(?:v?2\.|v?3\.[0-2](?:\D|\Z)|edge-2015)")


def action(command: Command) -> Word | None:
    """The word of the subcommand: `add`, `del`, `update`, ..."""
    words = command.operands(VALUES)
    return words[0] if words else None


def says(command: Command, *names: str) -> bool:
    """True when the subcommand is one of these."""
    word = action(command)
    return word is not None and word.text in names


class VersionsNotPinned(CommandRule):
    """Packages are installed in whatever version the mirror has today.

    What it does: reports `apk add` of packages without a version (`pkg=1.2`, `pkg~1.2`, `pkg>1`, `pkg@repository`).
    Local `.apk` files, virtual names and words whose value is not known are left out.

    Why is this bad: two builds of the same Dockerfile may install different versions.

    Off by default: Alpine's mirrors keep one version of a package, so an exact pin breaks the build with the next
    security fix. A base image pinned by digest says as much; `pkg~=1.2` is a compromise.

    Fix safety: report only; nobody can know which version you want.

    Where hadolint differs: it does not see apk behind `sudo`.

    Sources: hadolint DL3018.
    """

    code = "APK001"
    name = "apk-versions-not-pinned"
    aliases = ("DL3018",)
    default = False
    commands = ("apk",)
    bad = "FROM alpine:3.20\nRUN apk add --no-cache curl\n"
    good = (
        "FROM alpine:3.20\nRUN apk add --no-cache curl=8.9.1-r1\n",
        "FROM alpine:3.20\nRUN apk add --no-cache --virtual .deps 'curl~8.9' ./local.apk $PACKAGES\n",
    )

    def check(self, command: Command, context: Context) -> Iterator[Finding]:
        """One finding for a command, at the first package without a version."""
        if not says(command, "add"):
            return
        loose = [
            (word, name)
            for word in command.operands(VALUES)[1:]
            for name in (command.resolve(word) or "").split()
            if not re.search(r"[=~<>@]|\.apk$|^-", name)
        ]
        if loose:
            names = ", ".join(name for _, name in loose[:5]) + (", ..." if len(loose) > 5 else "")
            yield context.found(self, loose[0][0], f"no version is given for {names}")


class IndexKept(ScriptRule):
    """The package index stays in the layer.

    What it does: reports `apk add` without `--no-cache` in a RUN that does not delete `/var/cache/apk` afterwards, in a
    stage whose layers ship. A cache or tmpfs mount on apk's cache is fine.

    Why is this bad: the index, a few megabytes, is dead weight in the image, and deleting it in a later RUN frees
    nothing.

    Use instead: `apk add --no-cache ...`, which fetches the index, uses it, and keeps nothing. `apk update` is then not
    needed.

    Fix safety: safe, only the index is gone. `apk update` goes too where it serves nothing but the `apk add` after it;
    where it may serve something else, the index is deleted at the end of the RUN. Unsafe when a later RUN uses
    apk's index, withheld for Alpine before 3.3, which does not know `--no-cache`.

    Where hadolint differs: it wants `--no-cache` also beside `rm -rf /var/cache/apk/*` in the same RUN, which leaves
    nothing, beside `--no-network`, which fetches nothing, and in stages that do not ship.

    Sources: hadolint DL3019, Trivy DS-0025, Dockle DKL-DI-0004.
    """

    code = "APK002"
    name = "apk-index-kept"
    aliases = ("DL3019", "DS-0025", "DKL-DI-0004")
    severity = Severity.WARNING
    safety = Safety.SAFE
    mentions = (b"apk",)
    bad = (
        "FROM alpine:3.20\nRUN apk add curl\n",
        "FROM alpine:3.20\nRUN apk update && apk add curl git\n",
        "FROM alpine:3.20\nRUN apk --update add \\\n    curl \\\n    # for the hook\n    git\n",
        "FROM alpine:3.20\nRUN apk update && apk upgrade && apk add curl\n",
    )
    good = (
        "FROM alpine:3.20\nRUN apk add --no-cache curl\n",
        "FROM alpine:3.20\nRUN apk add --no-cache curl git\n",
        "FROM alpine:3.20\nRUN apk --update add --no-cache \\\n    curl \\\n    # for the hook\n    git\n",
        "FROM alpine:3.20\nRUN apk update && apk upgrade && apk add curl && rm -rf /var/cache/apk/*\n",
        "FROM alpine:3.20\nRUN --mount=type=cache,target=/var/cache/apk apk add curl\n",
        "FROM alpine:3.20 AS build\nRUN apk add gcc\nFROM scratch\nCOPY --from=build /a /a\n",
    )

    def check(self, script: Script, context: Context) -> Iterator[Finding]:
        """At the first `add` that keeps the index."""
        uses = list(script.named("apk"))
        adds = [command for command in uses if says(command, "add") and not self.clean(command)]
        if not adds or not ships(script) or cache_mounted(script.instruction, _MOUNT):
            return
        if removed(script, adds[-1], _CACHE) or any(
            says(command, "cache") and "clean" in [word.text for word in command.arguments]
            for command in uses
            if command.index > adds[-1].index
        ):
            return
        word = action(adds[0])
        assert word is not None
        need = self.needed(script)
        edits = self.edits(uses, adds)
        stage = script.instruction.stage
        if need == "yes" or (stage is not None and _TOO_OLD.search(stage.root.base or "")):
            edits = []
        yield context.found(
            self, word, "the package index stays in the layer",
            fix="keep no index", edits=edits, safety=Safety.UNSAFE if need else None,
        )  # fmt: skip

    def clean(self, command: Command) -> bool:
        """True when this command leaves no index (or leaves it elsewhere)."""
        return command.has("--no-cache", "--root", "-p", "--simulate", "-s", "--cache-dir", "--no-network") or any(
            command.resolve(word) is None for word in command.operands(VALUES)[:1]
        )

    def edits(self, uses: list[Command], adds: list[Command]) -> list[Edit | None]:
        """`--no-cache` in every `add`, or one `rm` at the end."""
        updates = [command for command in uses if says(command, "update")]
        if updates and (len(updates) > 1 or len(uses) != len(adds) + 1 or updates[0].index > adds[0].index):
            return [clean_up(adds[-1], b"rm -rf /var/cache/apk/*", tool=False)]
        removal = [remove_command(command) for command in updates]
        if None in removal or any(command.before != "&&" for command in adds if updates and command.before):
            return [clean_up(adds[-1], b"rm -rf /var/cache/apk/*", tool=False)]
        words = [word for command in adds if (word := action(command)) is not None]
        return [*removal, *(insert_word(word, b"--no-cache") for word in words)]

    def needed(self, script: Script) -> str | None:
        """`yes` when a later RUN asks the index without fetching it, `perhaps` when it adds, or runs what may."""
        answer = None
        for other in later(script.instruction):
            if b"apk" not in other.data:
                continue
            for other_script in other.scripts:
                for command in other_script.named("apk"):
                    if says(command, "search", "info", "policy", "list", "fetch") or command.has("--no-network"):
                        return "yes"
                    if says(command, "update") or command.has(*UPDATES):
                        return answer
                    if says(command, "add", "upgrade") and not command.has("--no-cache"):
                        answer = "perhaps"
        return answer


class VirtualElsewhere(CommandRule):
    """Build dependencies are deleted in another layer than the one that installed them.

    What it does: reports `apk del NAME` when `apk add --virtual NAME` stands in an earlier RUN of the stage.

    Why is this bad: the earlier layer keeps every byte; the `del` frees nothing.

    Use instead: one RUN that adds, builds and deletes; or a stage of its own for the build.

    Fix safety: report only; how to join the steps is yours to say.

    Sources: dockerfilelint's apkadd-missing-virtual, Docker's best practices.
    """

    code = "APK003"
    name = "apk-virtual-deleted-elsewhere"
    severity = Severity.WARNING
    commands = ("apk",)
    bad = "FROM alpine:3.20\nRUN apk add --no-cache --virtual .build gcc\nRUN make\nRUN apk del .build\n"
    good = "FROM alpine:3.20\nRUN apk add --no-cache --virtual .build gcc && make && apk del .build\n"

    def check(self, command: Command, context: Context) -> Iterator[Finding]:
        """At the name that is deleted."""
        instruction = command.instruction
        if not says(command, "del") or not ships(command.script) or instruction.stage is None:
            return
        for word in command.operands(VALUES)[1:]:
            if not word.text or self.virtual(command.script, word.text, command):
                continue
            for stage in instruction.stage.lineage:
                for other in stage.instructions:
                    if other.kind != "RUN" or other.index >= instruction.index or word.text.encode() not in other.data:
                        continue
                    if any(self.virtual(script, word.text, None) for script in other.scripts):
                        message = f"line {other.line} installed {word.text} in a layer of its own, which keeps it"
                        yield context.found(self, word, message)
                        return

    def virtual(self, script: Script, name: str, before: Command | None) -> bool:
        """True when a script adds a virtual package of that name."""
        for command in script.named("apk"):
            if before is not None and command.index >= before.index:
                return False
            if not says(command, "add"):
                continue
            texts = [word.text or "" for word in command.arguments]
            for option, value in zip(texts, [*texts[1:], ""], strict=True):
                if (option in ("-t", "--virtual") and value == name) or option == f"--virtual={name}":
                    return True
        return False


class UntrustedAllowed(CommandRule):
    """Packages are installed without checking who signed them.

    What it does: reports `apk --allow-untrusted`, except where every package is a local file.

    Why is this bad: whoever answers for the mirror can put anything into the image.

    Use instead: add the repository's key to `/etc/apk/keys`.

    Fix safety: report only; the key has to be added first.

    Where Checkov differs: it also reports local `.apk` files, which the build made itself.

    Sources: Checkov CKV2_DOCKER_7, apk(8).
    """

    code = "APK004"
    name = "apk-untrusted-allowed"
    aliases = ("CKV2_DOCKER_7",)
    severity = Severity.ERROR
    commands = ("apk",)
    bad = "FROM alpine:3.20\nRUN apk add --no-cache --allow-untrusted curl\n"
    good = "FROM alpine:3.20\nRUN apk add --no-cache --allow-untrusted /tmp/made-here.apk && apk add --no-cache curl\n"

    def check(self, command: Command, context: Context) -> Iterator[Finding]:
        """At the option."""
        word = command.option("--allow-untrusted")
        names = command.operands(VALUES)[1:]
        if word is not None and not (names and all(name.raw.rstrip(b"\"'").endswith(b".apk") for name in names)):
            yield context.found(self, word, "--allow-untrusted switches off the check of signatures")


class UpdateAlone(CommandRule):
    """The package index is fetched in a layer of its own.

    What it does: reports a RUN whose only use of apk is `apk update`, when a later RUN of the stage adds packages.

    Why is this bad: the layer is cached, so later packages may be looked up in an index of last month, and the index
    stays in the image.

    Use instead: `apk add --no-cache`, which fetches its own index.

    Fix safety: report only.

    Sources: Trivy DS-0017 and Checkov CKV_DOCKER_5, which see apk too.
    """

    code = "APK005"
    name = "apk-update-alone"
    severity = Severity.WARNING
    commands = ("apk",)
    onbuild = False
    bad = "FROM alpine:3.20\nRUN apk update\nRUN apk add curl\n"
    good = "FROM alpine:3.20\nRUN apk add --no-cache curl\n"

    def check(self, command: Command, context: Context) -> Iterator[Finding]:
        """At the update."""
        script = command.script
        if not says(command, "update") or len(list(script.named("apk"))) > 1:
            return
        if removed(script, command, _CACHE) or cache_mounted(script.instruction, _MOUNT):
            return
        user = next(
            (
                other
                for other in later(script.instruction)
                if b"apk" in other.data
                and any(says(use, "add") for found in other.scripts for use in found.named("apk"))
            ),
            None,
        )
        if user is not None:
            yield context.found(self, command, f"the index fetched here is cached; line {user.line} adds from it")
