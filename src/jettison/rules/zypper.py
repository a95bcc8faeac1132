"""zypper: what it leaves behind, and how it is called."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from jettison.dockerfile.patterns import lazy
from jettison.dockerfile.style import insert_word
from jettison.finding import Safety, Severity
from jettison.rules.engine.cleaning import clean_up, ships
from jettison.rules.engine.rule import CommandRule
from jettison.rules.kept_caches import KeptCache

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jettison.dockerfile.shell import Command
    from jettison.dockerfile.words import Word
    from jettison.finding import Edit, Finding
    from jettison.rules.engine.context import Context

VALUES: Final = (
    "-C", "--cache-dir", "-R", "--root", "-D", "--reposd-dir", "-p", "--plus-repo", "--plus-content", "-c", "--config",
    "-t", "--type", "-r", "--repo", "--from", "--installroot", "--releasever", "--solv-cache-dir", "--pkg-cache-dir",
    "--raw-cache-dir", "-d", "--details",
)  # fmt: skip
"""Options of zypper whose value is the next word (zypper(8))."""
INSTALL: Final = frozenset(("install", "in"))
CHANGES: Final = INSTALL | {
    "remove", "rm", "source-install", "si", "patch", "update", "up", "dist-upgrade", "dup", "install-new-recommends",
}  # fmt: skip

_CACHE = lazy(rb"/var/cache/(?:zypp|\*|\{)|/var/cache/?(?:['\"]|\Z)")
_MOUNT = lazy(r"^/var/cache(?:/zypp.*)?$|^/var$")


def action(command: Command) -> Word | None:
    """The word of the subcommand: `install`, `ref`, ..."""
    words = command.operands(VALUES)
    return words[0] if words else None


class InstallAsks(CommandRule):
    """zypper may ask a question nobody can answer.

    What it does: reports `zypper install` and what else changes packages without `-n`, `-y` or their long forms.

    Why is this bad: zypper asks, reads end of file, and the build fails.

    Fix safety: safe. Where the command succeeded without `-y`, nothing was asked, and nothing changes.

    Where hadolint differs: it does not look at update and dist-upgrade.

    Sources: hadolint DL3034, zypper(8).
    """

    code = "ZYP001"
    name = "zypper-install-asks"
    aliases = ("DL3034",)
    safety = Safety.SAFE
    commands = ("zypper",)
    bad = "FROM opensuse/leap:15.6\nRUN zypper install --no-recommends curl && zypper clean --all\n"
    good = (
        "FROM opensuse/leap:15.6\nRUN zypper install -y --no-recommends curl && zypper clean --all\n",
        "FROM opensuse/leap:15.6\nRUN zypper -n in --no-recommends curl && zypper clean --all\n",
    )

    def check(self, command: Command, context: Context) -> Iterator[Finding]:
        """At the subcommand."""
        what = action(command)
        if what is None or what.text not in CHANGES or command.before == "|":
            return
        if command.has("-y", "--no-confirm", "-n", "--non-interactive", "--dry-run", "--download-only"):
            return
        if any(command.resolve(word) is None for word in command.arguments if word.span.start < what.span.start):
            return
        if context.file.variables(command.instruction).get("ZYPP_NONINTERACTIVE") or command.has("--help"):
            return
        yield context.found(
            self, what, f"zypper {what.text} asks a question",
            fix="answer yes with -y", edits=[insert_word(what, b"-y")],
        )  # fmt: skip


class DistUpgrade(CommandRule):
    """The whole distribution is upgraded.

    What it does: reports `zypper dist-upgrade` and `dup`.

    Why is this bad: every upgraded file is in the image twice, in the base's layer and in this one, and packages may be
    removed. A newer base image has the upgrades without the weight.

    Fix safety: report only.

    Sources: hadolint DL3035.
    """

    code = "ZYP002"
    name = "zypper-dist-upgrade"
    aliases = ("DL3035",)
    severity = Severity.INFO
    commands = ("zypper",)
    bad = "FROM opensuse/leap:15.6\nRUN zypper -n dup && zypper clean --all\n"
    good = "FROM opensuse/leap:15.6\nRUN zypper -n in --no-recommends curl && zypper clean --all\n"

    def check(self, command: Command, context: Context) -> Iterator[Finding]:
        """At the subcommand."""
        what = action(command)
        if what is not None and what.text in ("dist-upgrade", "dup"):
            yield context.found(self, what, f"zypper {what.text} upgrades the whole distribution")


class CacheKept(KeptCache):
    """zypper's cache stays in the layer.

    What it does: reports an install or update with zypper that the RUN does not clean up after (`zypper clean`, or
    `rm -rf /var/cache/zypp`), in a stage whose layers ship. A cache or tmpfs mount on it is fine.

    Why is this bad: repository data is dead weight in the image. Deleting it in a later RUN frees nothing.

    Use instead: end the same RUN with `zypper clean --all`.

    Fix safety: safe, only the cache is removed; the next command fetches it again. No fix where a command says
    `--no-refresh`.

    Where hadolint differs: it also reports stages that do not ship.

    Sources: hadolint DL3036, Trivy DS-0020.
    """

    code = "ZYP003"
    name = "zypper-cache-kept"
    aliases = ("DL3036", "DS-0020")
    mentions = (b"zypper",)
    tools = ("zypper",)
    cache = _CACHE
    mount = _MOUNT
    bad = (
        "FROM opensuse/leap:15.6\nRUN zypper -n in --no-recommends curl\n",
        "FROM opensuse/leap:15.6\nRUN zypper ref && \\\n    zypper -n in --no-recommends curl\n",
    )
    good = (
        "FROM opensuse/leap:15.6\nRUN zypper -n in --no-recommends curl && zypper clean --all\n",
        "FROM opensuse/leap:15.6\nRUN zypper ref && \\\n    zypper -n in --no-recommends curl && \\\n"
        "    zypper clean --all\n",
        "FROM opensuse/leap:15.6\nRUN --mount=type=cache,target=/var/cache/zypp zypper -n in curl\n",
    )

    def fills(self, command: Command) -> Word | None:
        """Commands that change what is installed, removals left out."""
        what = action(command)
        return what if what is not None and what.text in CHANGES - {"remove", "rm"} else None

    def empties(self, command: Command) -> bool:
        """`zypper clean`."""
        what = action(command) if command.name == "zypper" else None
        return what is not None and what.text in ("clean", "cc")

    def edit(self, filling: list[Command], context: Context) -> Edit | None:
        """`zypper clean --all`."""
        if any(command.has("-R", "--root", "--installroot") for command in filling):
            return None
        return None if b"--no-refresh" in context.file.data else clean_up(filling[-1], b"clean --all")


class VersionsNotPinned(CommandRule):
    """Packages are installed in whatever version the mirror has today.

    What it does: reports `zypper install` of packages without a version (`pkg=1.2`, `pkg>=1`). Local `.rpm` files,
    addresses, patterns and words whose value is not known are left out.

    Why is this bad: two builds of the same Dockerfile may install different versions.

    Off by default: mirrors drop old versions, so a pin breaks the build sooner than it helps.

    Fix safety: report only; nobody can know which version you want.

    Sources: hadolint DL3037.
    """

    code = "ZYP004"
    name = "zypper-versions-not-pinned"
    aliases = ("DL3037",)
    default = False
    commands = ("zypper",)
    bad = "FROM opensuse/leap:15.6\nRUN zypper -n in --no-recommends curl && zypper clean --all\n"
    good = "FROM opensuse/leap:15.6\nRUN zypper -n in --no-recommends curl=8.0.1 && zypper clean --all\n"

    def check(self, command: Command, context: Context) -> Iterator[Finding]:
        """One finding for a command, at the first package without a version."""
        what = action(command)
        if what is None or what.text not in INSTALL:
            return
        loose = [
            (word, name)
            for word in command.operands(VALUES)[1:]
            for name in (command.resolve(word) or "").split()
            if not re.search(r"[=<>/:]|\.rpm$|^[-!]", name)
        ]
        if loose:
            names = ", ".join(name for _, name in loose[:5]) + (", ..." if len(loose) > 5 else "")
            yield context.found(self, loose[0][0], f"no version is given for {names}")


class RecommendsInstalled(CommandRule):
    """Recommended packages are installed too.

    What it does: reports `zypper install` without `--no-recommends`, unless the file configures it.

    Why is this bad: zypper installs what packages recommend beside what they need: more bytes, more to patch.

    Fix safety: unsafe. The set of installed packages changes; something may have relied on a recommended one.

    Sources: zypper(8); the counterpart of apt's `--no-install-recommends`.
    """

    code = "ZYP005"
    name = "zypper-recommends-installed"
    severity = Severity.INFO
    safety = Safety.UNSAFE
    commands = ("zypper",)
    bad = "FROM opensuse/leap:15.6\nRUN zypper -n in curl && zypper clean --all\n"
    good = (
        "FROM opensuse/leap:15.6\nRUN zypper -n in --no-recommends curl && zypper clean --all\n",
        """
        FROM opensuse/leap:15.6
        RUN echo 'solver.onlyRequires = true' >> /etc/zypp/zypp.conf && zypper -n in curl && zypper clean --all
        """,
    )

    def check(self, command: Command, context: Context) -> Iterator[Finding]:
        """At `install`."""
        what = action(command)
        if what is None or what.text not in INSTALL or not ships(command.script):
            return
        if command.has("--no-recommends", "--recommends") or b"onlyRequires" in context.file.data:
            return
        place = what
        following = command.words[command.words.index(what) + 1 :]
        if following and following[0].text in ("-y", "--no-confirm"):
            place = following[0]
        yield context.found(
            self, what, "recommended packages are installed too",
            fix="install only what is needed, with --no-recommends", edits=[insert_word(place, b"--no-recommends")],
        )  # fmt: skip
