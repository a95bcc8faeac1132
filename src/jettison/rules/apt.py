"""apt-get and apt: what they leave behind, and how they are called."""

from __future__ import annotations

import re
from bisect import bisect_right
from typing import TYPE_CHECKING, Final

from jettison.dockerfile.edit import replace
from jettison.dockerfile.patterns import lazy
from jettison.dockerfile.style import append_command, insert_word, remove_command, remove_word
from jettison.finding import Edit, Safety, Severity, Span
from jettison.rules.engine.rule import CommandRule, ScriptRule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jettison.dockerfile.instruction import Instruction
    from jettison.dockerfile.shell import Command, Script
    from jettison.dockerfile.words import Word
    from jettison.finding import Finding
    from jettison.rules.engine.context import Context

APT: Final = ("apt-get", "apt")
LISTS: Final = "/var/lib/apt/lists"
ARCHIVES: Final = "/var/cache/apt/archives"
VALUES: Final = ("-o", "-c", "-t", "-a", "--option", "--config-file", "--target-release", "--default-release")
"""Options of apt-get whose value is the next word (apt-get(8))."""

_CLEANS_LISTS = lazy(rb"/var/lib/(?:apt(?:/lists)?(?:/|\*|\Z|['\"])|\{[^}]*\bapt\b|\*)")
_CLEANS_ARCHIVES = lazy(rb"/var/cache/(?:apt|debconf|\*|\{)")
_NEEDS_LISTS: Final = frozenset(
    ("install", "build-dep", "source", "download", "upgrade", "dist-upgrade", "full-upgrade", "reinstall", "satisfy")
)
_DISTCLEAN: Final = frozenset(("distclean", "dist-clean"))
_RUNS_FILES: Final = frozenset(("sh", "bash", "dash", "ash", ".", "source"))


def action(command: Command) -> str | None:
    """The subcommand of an apt-get or apt command: `install`, `update`, ..."""
    return command.subcommand(VALUES)


def packages(command: Command) -> list[Word]:
    """The words of an install that name packages."""
    return command.operands(VALUES)[1:]


def updates(script: Script) -> list[Command]:
    """The commands that fetch package lists."""
    return [command for command in script.named("apt-get", "apt", "aptitude") if action(command) == "update"]


def cleans(script: Script, after: Command, pattern: re.Pattern[bytes]) -> bool:
    """True when a later `rm` or `find` names a path that `pattern` matches."""
    return any(
        pattern.search(word.raw)
        for command in script.commands[after.index + 1 :]
        if command.name in ("rm", "find")
        for word in command.arguments
    )


def needs_lists(instruction: Instruction) -> str | None:
    """`yes` when a RUN installs without an update of its own, `perhaps` when it runs a file that may, else None."""
    answer = None
    for script in instruction.scripts:
        for command in script.commands:
            name = command.name or ""
            if name in ("apt-get", "apt", "aptitude", "apt-cache", "apt-file"):
                what = action(command)
                if what == "update":
                    return answer
                if what in _NEEDS_LISTS or name in ("apt-cache", "apt-file"):
                    return "yes"
            elif (
                name.endswith(".sh")
                or (command.words and command.words[0].raw.startswith((b"./", b"$")))
                or (
                    name in _RUNS_FILES
                    and (command.operands(("-o",)) or command.before == "|")
                    and not command.has("-c")
                )
            ):
                answer = "perhaps"
    return answer


def needing(instruction: Instruction, context: Context) -> Iterator[tuple[Instruction, str]]:
    """What runs after an instruction, in its stage and those that build on it, and needs its lists; and how surely."""
    place = instruction.outer or instruction
    if place.stage is None:
        return
    needs: list[tuple[int, Instruction, str]] | None = context.memo.get("apt needs")
    if needs is None:
        needs = [(other.index, other, need) for other in context.file.instructions if (need := _need(other))]
        context.memo["apt needs"] = needs
    stages = {id(place.stage), *(id(stage) for stage in place.stage.descendants())}
    for _, other, need in needs[bisect_right(needs, place.index, key=lambda item: item[0]) :]:
        if id(other.stage) in stages:
            yield other, need


def _need(instruction: Instruction) -> str | None:
    if instruction.kind == "RUN":
        return None if instruction.mounted(LISTS) else needs_lists(instruction)
    return "perhaps" if instruction.kind in ("CMD", "ENTRYPOINT") and b"apt-get" in instruction.data else None


class VersionsNotPinned(CommandRule):
    """Packages are installed in whatever version the mirror has today.

    What it does: reports `apt-get install` of packages without `=version`. Local `.deb` files, packages with a target
    release (`-t`, `pkg/release`) and words whose value is not known are left out.

    Why is this bad: two builds of the same Dockerfile may install different versions.

    Off by default: Debian and Ubuntu mirrors delete old versions, so a pin breaks the build sooner than it helps. A
    base image pinned by digest, or a snapshot mirror, pins everything at once.

    Fix safety: report only; nobody can know which version you want.

    Sources: hadolint DL3008 (hadolint#1253 on why pins harm).
    """

    code = "APT001"
    name = "apt-versions-not-pinned"
    aliases = ("DL3008",)
    default = False
    commands = APT
    bad = (
        "FROM debian:12\nRUN apt-get update && apt-get install -y curl && rm -rf /var/lib/apt/lists/*\n",
        "FROM debian:12\nRUN apt-get update && apt-get install -y g++\n",
    )
    good = "FROM debian:12\nRUN apt-get update && apt-get install -y curl=7.88.1-10 && rm -rf /var/lib/apt/lists/*\n"

    def check(self, command: Command, context: Context) -> Iterator[Finding]:
        """One finding for a command, at the first package without a version."""
        if action(command) != "install" or command.has("-t", "--target-release", "--default-release"):
            return
        loose = [(word, name) for word in packages(command) for name in (command.resolve(word) or "").split()]
        loose = [(word, name) for word, name in loose if not re.search(r"[=/]|\.deb$|-$", name)]
        if loose:
            names = ", ".join(name for _, name in loose[:5]) + (", ..." if len(loose) > 5 else "")
            yield context.found(self, loose[0][0], f"no version is given for {names}")


class ListsKept(ScriptRule):
    """Package lists stay in the layer.

    What it does: reports a RUN that fetches package lists (`apt-get update`) and does not delete
    `/var/lib/apt/lists` afterwards, in a stage whose layers ship. A cache or tmpfs mount on that path is fine: then the
    lists are in no layer, and deleting them would empty the cache.

    Why is this bad: the lists are dead weight in the image. Deleting them in a later RUN frees nothing.

    Use instead: end the same RUN with `rm -rf /var/lib/apt/lists/*`, with `apt-get dist-clean` where apt has it (2.9,
    Debian 13), or mount a cache.

    Fix safety: safe, only lists are removed; withheld when a later RUN installs without its own `apt-get update`, and
    unsafe when a later RUN runs a script that might.

    Where hadolint differs: it also accepts a clean-up before the update, does not see `sudo`, and reports a builder
    stage that another stage builds on.

    Sources: hadolint DL3009, Dockle DKL-DI-0005, Docker's best practices for apt-get.
    """

    code = "APT002"
    name = "apt-lists-kept"
    aliases = ("DL3009", "DKL-DI-0005")
    severity = Severity.WARNING
    safety = Safety.SAFE
    mentions = (b"apt",)
    bad = (
        "FROM debian:12\nRUN apt-get update && apt-get install -y curl\n",
        r"""
        FROM debian:12
        RUN apt-get update \
          && apt-get install -y curl \
            # and git for the deploy hook
            git
        """,
        "FROM debian:12\nRUN set -eux; \\\n\tapt-get update; \\\n\tapt-get install -y curl\n",
        "FROM debian:12\nRUN <<EOF\nset -e\napt-get update\napt-get install -y curl\nEOF\n",
    )
    good = (
        "FROM debian:12\nRUN apt-get update && apt-get install -y curl && rm -rf /var/lib/apt/lists/*\n",
        "FROM debian:12\nRUN apt-get update \\\n  && apt-get install -y curl \\\n"
        "    # and git for the deploy hook\n    git \\\n  && rm -rf /var/lib/apt/lists/*\n",
        "FROM debian:12\nRUN set -eux; \\\n\tapt-get update; \\\n\tapt-get install -y curl; \\\n"
        "\trm -rf /var/lib/apt/lists/*\n",
        """
        FROM debian:12
        RUN <<EOF
        set -e
        apt-get update
        apt-get install -y curl
        rm -rf /var/lib/apt/lists/*
        EOF
        """,
        "FROM debian:12\nRUN --mount=type=cache,target=/var/lib/apt apt-get update && apt-get install -y curl\n",
        "FROM debian:13\nRUN apt-get update && apt-get install -y curl && apt-get dist-clean\n",
    )  # fmt: skip

    def check(self, script: Script, context: Context) -> Iterator[Finding]:
        """At the last update that nothing cleans up after."""
        fetched = updates(script)
        instruction = script.instruction
        if not fetched or instruction.mounted(LISTS) or cleans(script, fetched[-1], _CLEANS_LISTS):
            return
        # apt 2.9 (Debian 13) has a subcommand that deletes the lists itself.
        if any(
            action(command) in _DISTCLEAN for command in script.commands[fetched[-1].index :] if command.name in APT
        ):
            return
        if instruction.stage is not None and not instruction.stage.ships:
            return
        blocking = next((other for other, need in needing(instruction, context) if need == "yes"), None)
        perhaps = blocking is None and any(True for _ in needing(instruction, context))
        note = f"line {blocking.line} installs without an update of its own and needs these lists" if blocking else None
        sudo = b"sudo " if fetched[-1].words[0].text == "sudo" else b""
        edit = None if blocking else append_command(script, sudo + b"rm -rf /var/lib/apt/lists/*")
        yield context.found(
            self, fetched[-1], "the package lists stay in the layer",
            fix="delete the package lists in the same RUN", edits=[edit],
            safety=Safety.UNSAFE if perhaps else None, note=note,
        )  # fmt: skip


class InstallAsks(CommandRule):
    """apt-get may ask a question nobody can answer.

    What it does: reports `apt-get install` (and upgrade, remove, ...) without `-y`, `-qq`, `--assume-yes`, or the
    configuration `APT::Get::Assume-Yes`. `install`, `remove` and `purge` without a package do nothing, and ask nothing.

    Why is this bad: when further packages are needed, apt asks, reads end of file, and the build fails.

    Fix safety: safe. Where the command succeeded without `-y`, nothing was asked, and nothing changes.

    Sources: hadolint DL3014, Trivy DS-0021.
    """

    code = "APT003"
    name = "apt-install-asks"
    aliases = ("DL3014", "DS-0021")
    safety = Safety.SAFE
    commands = APT
    bad = "FROM debian:12\nRUN apt-get update && apt-get install curl && rm -rf /var/lib/apt/lists/*\n"
    good = (
        "FROM debian:12\nRUN apt-get update && apt-get install -y curl && rm -rf /var/lib/apt/lists/*\n",
        "FROM debian:12\nRUN apt-get clean && apt-get purge\n",
    )

    def check(self, command: Command, context: Context) -> Iterator[Finding]:
        """At the subcommand."""
        words = command.operands(VALUES)
        what = words[:1]
        if (
            len(words) == 1
            and words[0].text in ("install", "remove", "purge", "build-dep")
            and not command.has("-f", "--fix-broken")
        ):
            return
        if not what or what[0].text not in (
            "install",
            "upgrade",
            "dist-upgrade",
            "full-upgrade",
            "remove",
            "purge",
            "autoremove",
            "build-dep",
        ):
            return
        if command.has(
            "-y", "--yes", "--assume-yes", "--force-yes", "-s", "--dry-run", "--simulate", "--print-uris", "--assume-no"
        ):
            return
        quiet = sum(
            (word.text or "").count("q") if re.fullmatch(r"-[a-zA-Z]*q[a-zA-Z]*", word.text or "") else 0
            for word in command.arguments
        ) + sum(2 for word in command.arguments if (word.text or "").startswith(("-q=2", "--quiet=2")))
        if quiet + sum(word.text == "--quiet" for word in command.arguments) > 1 or b"ssume-Yes" in context.file.data:
            return
        if command.before == "|" or self.unknown(command):
            return
        yield context.found(
            self, what[0], f"apt-get {what[0].text} may ask a question",
            fix="answer yes with -y", edits=[insert_word(what[0], b"-y")],
        )  # fmt: skip

    def unknown(self, command: Command) -> bool:
        """True for `apt-get install $OPTIONS curl`, where the variable may say yes."""
        for word in packages(command)[:1]:
            value = command.resolve(word)
            return value is None or value.startswith("-")
        return False


class RecommendsInstalled(CommandRule):
    """Recommended packages are installed too.

    What it does: reports `apt-get install` without `--no-install-recommends`, unless apt is configured so.

    Why is this bad: apt installs what packages recommend beside what they need: more bytes, more to patch.

    Fix safety: unsafe. The set of installed packages changes; something may have relied on a recommended one.

    Sources: hadolint DL3015, Trivy DS-0029.
    """

    code = "APT004"
    name = "apt-recommends-installed"
    aliases = ("DL3015", "DS-0029")
    severity = Severity.INFO
    safety = Safety.UNSAFE
    commands = APT
    bad = "FROM debian:12\nRUN apt-get update && apt-get install -y curl && rm -rf /var/lib/apt/lists/*\n"
    good = (
        """
        FROM debian:12
        RUN apt-get update && apt-get install -y --no-install-recommends curl && rm -rf /var/lib/apt/lists/*
        """,
        """
        FROM debian:12
        RUN echo 'APT::Install-Recommends "0";' > /etc/apt/apt.conf.d/99 && apt-get install -y curl
        """,
    )

    def check(self, command: Command, context: Context) -> Iterator[Finding]:
        """At `install`."""
        what = command.operands(VALUES)[:1]
        if not what or what[0].text != "install" or command.has("--no-install-recommends", "--install-recommends"):
            return
        if b"Install-Recommends" in context.file.data or b"install-recommends=" in context.file.data:
            return
        place = what[0]
        following = command.words[command.words.index(place) + 1 :]
        if following and following[0].text in ("-y", "-qq", "-qqy", "-yqq", "-yq", "-qy", "--yes", "--assume-yes"):
            place = following[0]
        yield context.found(
            self, what[0], "recommended packages are installed too",
            fix="install only what is needed, with --no-install-recommends",
            edits=[insert_word(place, b"--no-install-recommends")],
        )  # fmt: skip


class AptInsteadOfAptGet(CommandRule):
    """apt is for people, apt-get for scripts.

    What it does: reports the command `apt`.

    Why is this bad: apt's options and output may change between releases, as its own manual says.

    Fix safety: safe where apt-get does the same. `apt upgrade` also installs new packages, so its fix adds
    `--with-new-pkgs`. `apt list`, `apt search` and package patterns are only reported.

    Sources: hadolint DL3027, Checkov CKV_DOCKER_9, apt(8) "Script usage".
    """

    code = "APT005"
    name = "apt-instead-of-apt-get"
    aliases = ("DL3027", "CKV_DOCKER_9")
    safety = Safety.SAFE
    commands = ("apt",)
    bad = "FROM debian:12\nRUN apt update && apt install -y curl && rm -rf /var/lib/apt/lists/*\n"
    good = "FROM debian:12\nRUN apt-get update && apt-get install -y curl && rm -rf /var/lib/apt/lists/*\n"

    _SAME: Final = frozenset(
        ("update", "install", "remove", "purge", "autoremove", "clean", "autoclean", "build-dep", "upgrade")
    )

    def check(self, command: Command, context: Context) -> Iterator[Finding]:
        """At the program's name; one fix mends all `apt` of the script, so that the two are not mixed."""
        edits: list[Edit | None] = list(self.edits(command))
        yield context.found(
            self, command.words[command.head], "apt has no stable interface for scripts",
            fix="use apt-get", edits=edits,
        )  # fmt: skip

    def edits(self, command: Command) -> Iterator[Edit]:
        """Nothing where apt-get would do something else."""
        program = command.words[command.head]
        words = command.operands(VALUES)
        if not words or words[0].text not in self._SAME or program.raw not in (b"apt", b"/usr/bin/apt"):
            return
        if any(
            re.search(r"[*?^~\[]", word.text or "$")
            for word in words[1:]
            if not (word.text or "").startswith(("./", "/"))
        ):
            return
        end = program.span.end
        yield replace(Span(end - 3, end), b"apt-get")
        if words[0].text == "upgrade" and not command.has("--with-new-pkgs", "--without-new-pkgs"):
            yield insert_word(words[0], b"--with-new-pkgs")


class UpdateAlone(ScriptRule):
    """Package lists are fetched in a layer of their own.

    What it does: reports a RUN with `apt-get update` that installs nothing, when a later RUN of the stage installs
    without an update of its own.

    Why is this bad: the layer is cached. Change the later RUN, and it installs from lists of last month: packages are
    stale, or no longer found. The lists stay in the image besides.

    Use instead: `apt-get update && apt-get install ...` in one RUN.

    Fix safety: safe, and offered only when the RUN is nothing but the update and the very next instruction is a RUN
    whose commands are all joined by `&&`.

    Sources: Trivy DS-0017, Checkov CKV_DOCKER_5, Dockle CIS-DI-0007, Docker's best practices.
    """

    code = "APT006"
    name = "apt-update-alone"
    aliases = ("DS-0017", "CKV_DOCKER_5", "CIS-DI-0007")
    safety = Safety.SAFE
    mentions = (b"apt",)
    onbuild = False
    bad = (
        "FROM debian:12\nRUN apt-get update\nRUN apt-get install -y curl && rm -rf /var/lib/apt/lists/*\n",
        r"""
        FROM debian:12
        RUN apt-get update
        RUN apt-get install -y \
              curl \
            && rm -rf /var/lib/apt/lists/*
        """,
    )
    good = (
        "FROM debian:12\nRUN apt-get update && apt-get install -y curl && rm -rf /var/lib/apt/lists/*\n",
        r"""
        FROM debian:12
        RUN apt-get update \
            && apt-get install -y \
              curl \
            && rm -rf /var/lib/apt/lists/*
        """,
    )

    def check(self, script: Script, context: Context) -> Iterator[Finding]:
        """At the update."""
        fetched = updates(script)
        if not fetched or needs_lists_anywhere(script) or script.instruction.mounted(LISTS):
            return
        user = next((other for other, need in needing(script.instruction, context) if need == "yes"), None)
        if user is None:
            return
        yield context.found(
            self, fetched[-1], f"the lists fetched here are cached; line {user.line} installs from them",
            fix="join it with the next RUN", edits=[self.join(script)],
        )  # fmt: skip

    def join(self, script: Script) -> Edit | None:
        """Turn `RUN update` and the RUN after it into one, where that changes nothing else."""
        first = script.instruction
        following = first.index + 1
        instructions = first.file.instructions
        if following >= len(instructions) or len(script.commands) != 1 or script.comments:
            return None
        second = instructions[following]
        if second.kind != "RUN" or second.stage is not first.stage or needs_lists(second) != "yes":
            return None
        other = second.script
        plain = (
            not (first.flags or second.flags or first.heredocs or second.heredocs) and first.json is second.json is None
        )
        if other is None or not plain or other.has_error or script.has_error or other.shell != script.shell:
            return None
        if first.end != second.start or script.commands[0].redirections or len(other.statements) != 1:
            return None
        if other.statements[0].terminator or any(
            command.before not in ("", "&&") or command.inside for command in other.commands
        ):
            return None
        lead = re.search(rb"\n([ \t]*)&&", second.data)
        joint = b" && "
        if lead:
            joint = b" " + first.grammar.escape + first.file.source.newline + lead[1] + b"&& "
        return replace(Span(first.body_span.end, other.logical.offset(0)), joint)


def needs_lists_anywhere(script: Script) -> bool:
    """True when a script installs, or runs something that may."""
    for command in script.commands:
        if command.name in ("apt-get", "apt", "aptitude"):
            if action(command) != "update":
                return True
        elif command.name not in ("echo", "true", ":", "rm", "sed", "dpkg", "set", "cat", "export"):
            return True
    return False


class DistUpgrade(CommandRule):
    """The whole distribution is upgraded.

    What it does: reports `apt-get dist-upgrade` and `full-upgrade`.

    Why is this bad: it may remove packages to install others, and every upgraded file is in the image twice: in the
    base's layer and in this one. A newer base image has the upgrades without the weight.

    Fix safety: report only.

    Sources: Trivy DS-0024, Dockle DKL-DI-0003.
    """

    code = "APT007"
    name = "apt-dist-upgrade"
    aliases = ("DS-0024", "DKL-DI-0003")
    severity = Severity.INFO
    commands = APT
    bad = "FROM debian:12\nRUN apt-get update && apt-get dist-upgrade -y && rm -rf /var/lib/apt/lists/*\n"
    good = "FROM debian:12.8\nRUN true\n"

    def check(self, command: Command, context: Context) -> Iterator[Finding]:
        """At the subcommand."""
        for word in command.operands(VALUES)[:1]:
            if word.text in ("dist-upgrade", "full-upgrade"):
                yield context.found(self, word, f"apt-get {word.text} upgrades the whole distribution")


class Unauthenticated(CommandRule):
    """Packages are installed without checking who signed them.

    What it does: reports `--allow-unauthenticated`, `--force-yes`, `--allow-insecure-repositories` and their
    configuration forms.

    Why is this bad: whoever answers for the mirror can put anything into the image.

    Fix safety: report only; the signing key has to be added first.

    Sources: Checkov CKV2_DOCKER_8 and CKV2_DOCKER_11, apt-get(8).
    """

    code = "APT008"
    name = "apt-unauthenticated"
    aliases = ("CKV2_DOCKER_8", "CKV2_DOCKER_11")
    severity = Severity.ERROR
    commands = APT
    bad = """
    FROM debian:12
    RUN apt-get update && apt-get install -y --allow-unauthenticated curl && rm -rf /var/lib/apt/lists/*
    """
    good = "FROM debian:12\nRUN apt-get update && apt-get install -y curl && rm -rf /var/lib/apt/lists/*\n"

    _SETTINGS = lazy(r"(?:allow-?unauthenticated|allow-?insecure-?repositories)=(?:true|yes|1|on)\Z", re.IGNORECASE)

    def check(self, command: Command, context: Context) -> Iterator[Finding]:
        """At the option."""
        for word in command.arguments:
            text = word.text or ""
            if text in (
                "--allow-unauthenticated",
                "--force-yes",
                "--allow-insecure-repositories",
            ) or self._SETTINGS.search(text):
                yield context.found(self, word, f"{text} switches off the check of signatures")


class ArchivesKept(ScriptRule):
    """Downloaded packages stay in the layer.

    What it does: reports an install in a file that switches off the clean-up which Debian's and Ubuntu's images bring
    (`/etc/apt/apt.conf.d/docker-clean`), when the RUN neither mounts a cache on `/var/cache/apt` nor cleans it.

    Why is this bad: every `.deb` is in the image beside what was unpacked from it.

    Use instead: mount a cache, or end the RUN with `apt-get clean`.

    Fix safety: safe, only downloaded archives are removed.

    Sources: the docker-clean file of the official images; Docker's documentation of cache mounts.
    """

    code = "APT009"
    name = "apt-archives-kept"
    severity = Severity.WARNING
    safety = Safety.SAFE
    mentions = (b"apt",)
    bad = (
        "FROM debian:12\nRUN rm -f /etc/apt/apt.conf.d/docker-clean\n"
        "RUN --mount=type=cache,target=/var/lib/apt apt-get update && apt-get install -y curl\n"
    )
    good = (
        "FROM debian:12\nRUN rm -f /etc/apt/apt.conf.d/docker-clean\n"
        "RUN --mount=type=cache,target=/var/lib/apt apt-get update && apt-get install -y curl && apt-get clean\n",
        "FROM debian:12\nRUN rm -f /etc/apt/apt.conf.d/docker-clean\n"
        "RUN --mount=type=cache,target=/var/cache/apt apt-get update && apt-get install -y curl\n",
    )

    def check(self, script: Script, context: Context) -> Iterator[Finding]:
        """At the last install."""
        if b"docker-clean" not in context.file.data:
            return
        installs = [
            command for command in script.named(*APT) if action(command) in ("install", "upgrade", "dist-upgrade")
        ]
        instruction = script.instruction
        if not installs or instruction.mounted(ARCHIVES) or cleans(script, installs[-1], _CLEANS_ARCHIVES):
            return
        if any(
            command.name in APT and action(command) in ("clean", *_DISTCLEAN)
            for command in script.commands[installs[-1].index :]
        ):
            return
        if not self.switched_off(instruction) or (instruction.stage is not None and not instruction.stage.ships):
            return
        sudo = b"sudo " if installs[-1].words[0].text == "sudo" else b""
        yield context.found(
            self, installs[-1], "the downloaded packages stay in the layer",
            fix="clean the archives in the same RUN", edits=[append_command(script, sudo + b"apt-get clean")],
        )  # fmt: skip

    def switched_off(self, instruction: Instruction) -> bool:
        """True when docker-clean was removed before, in this stage or one below."""
        place = instruction.outer or instruction
        stages = place.stage.lineage if place.stage else []
        return any(
            other.index <= place.index
            and other.kind == "RUN"
            and re.search(rb"\brm\b[^\n;&|]*docker-clean", other.logical.text)
            for stage in stages
            for other in stage.instructions
        )


class CleanRedundant(CommandRule):
    """apt-get clean has nothing to do here.

    What it does: reports `apt-get clean` where the base is an official Debian or Ubuntu image, whose apt deletes
    archives by itself.

    Why is this bad: it does no harm; it makes the RUN longer and suggests that it does something.

    Fix safety: safe, and only where the file does not touch `docker-clean`.

    Sources: the docker-clean file of the official images.
    """

    code = "APT010"
    name = "apt-clean-redundant"
    severity = Severity.STYLE
    safety = Safety.SAFE
    default = False
    commands = APT
    bad = """
    FROM debian:12
    RUN apt-get update && apt-get install -y curl && apt-get clean && rm -rf /var/lib/apt/lists/*
    """
    good = "FROM debian:12\nRUN apt-get update && apt-get install -y curl && rm -rf /var/lib/apt/lists/*\n"

    def check(self, command: Command, context: Context) -> Iterator[Finding]:
        """At the command."""
        stage = command.instruction.stage
        base = (stage.root.base or "") if stage else ""
        if action(command) not in ("clean", "autoclean") or not re.match(
            r"(?:docker\.io/|library/)*(?:debian|ubuntu)(?:[:@]|\Z)", base
        ):
            return
        if b"docker-clean" in context.file.data or b"Keep-Downloaded" in context.file.data:
            return
        yield context.found(
            self, command, "the base image's apt keeps no archives", fix="remove it", edits=[remove_command(command)]
        )


class PackageTwice(CommandRule):
    """A package is named twice in one install.

    What it does: reports a package that the same `apt-get install` names before.

    Why is this bad: the second mention does nothing but mislead.

    Fix safety: safe.
    """

    code = "APT011"
    name = "apt-package-twice"
    severity = Severity.STYLE
    safety = Safety.SAFE
    commands = APT
    bad = (
        "FROM debian:12\nRUN apt-get update && apt-get install -y curl git curl && rm -rf /var/lib/apt/lists/*\n",
        "FROM debian:12\nRUN apt-get update && apt-get install -y \\\n    curl \\\n    git \\\n    curl \\\n"
        "    wget && rm -rf /var/lib/apt/lists/*\n",
    )
    good = (
        "FROM debian:12\nRUN apt-get update && apt-get install -y curl git && rm -rf /var/lib/apt/lists/*\n",
        "FROM debian:12\nRUN apt-get update && apt-get install -y \\\n    curl \\\n    git \\\n"
        "    wget && rm -rf /var/lib/apt/lists/*\n",
    )

    def check(self, command: Command, context: Context) -> Iterator[Finding]:
        """At the second mention."""
        if action(command) != "install":
            return
        seen: set[str] = set()
        for word in packages(command):
            if word.text in seen:
                edit = remove_word(command, word)
                yield context.found(self, word, f"{word.text} is named before", fix="remove it", edits=[edit])
            elif word.text:
                seen.add(word.text)
