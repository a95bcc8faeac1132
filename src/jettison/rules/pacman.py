"""pacman: what it leaves behind, and how it is called."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from jettison.dockerfile.patterns import lazy
from jettison.dockerfile.style import insert_word
from jettison.finding import Safety
from jettison.rules.engine.cleaning import clean_up
from jettison.rules.engine.rule import CommandRule
from jettison.rules.kept_caches import KeptCache

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jettison.dockerfile.shell import Command
    from jettison.dockerfile.words import Word
    from jettison.finding import Edit, Finding
    from jettison.rules.engine.context import Context

_CACHE = lazy(rb"/var/cache/(?:pacman|\*|\{)|/var/cache/?(?:['\"]|\Z)")
_MOUNT = lazy(r"^/var/cache(?:/pacman.*)?$|^/var$")


def operation(command: Command) -> Word | None:
    """The word of the operation: `-S`, `-Syu`, `-R`, ..."""
    for word in command.arguments:
        if re.fullmatch(r"-[SRUQDTF][a-z]*|--(?:sync|remove|upgrade|query|database|deptest|files)", word.text or ""):
            return word
    return None


def downloads(command: Command) -> bool:
    """True for `-S` that installs or upgrades, not for queries, lists and cleaning."""
    word = operation(command)
    if word is None or word.text is None or not word.text.startswith(("-S", "--sync")):
        return False
    letters = "" if word.text.startswith("--") else word.text[2:]
    if set(letters) & set("scilgp") or command.has("-c", "--clean", "--search", "--info", "--list", "--print"):
        return False
    return "u" in letters or command.has("--sysupgrade", "-u") or bool(command.operands())


class InstallAsks(CommandRule):
    """pacman may ask a question nobody can answer.

    What it does: reports `pacman -S`, `-U` and `-R` of something without `--noconfirm`.

    Why is this bad: pacman asks, reads end of file, and the build fails.

    Fix safety: safe. Where the command succeeded without `--noconfirm`, nothing was asked, and nothing changes.

    Sources: pacman(8).
    """

    code = "PAC001"
    name = "pacman-install-asks"
    safety = Safety.SAFE
    commands = ("pacman",)
    bad = "FROM archlinux:base\nRUN pacman -Syu curl && rm -rf /var/cache/pacman/pkg/*\n"
    good = (
        "FROM archlinux:base\nRUN pacman -Syu --noconfirm curl && rm -rf /var/cache/pacman/pkg/*\n",
        "FROM archlinux:base\nRUN yes | pacman -Syu curl && pacman -Sy && pacman -Qi curl\n",
    )

    def check(self, command: Command, context: Context) -> Iterator[Finding]:
        """At the operation."""
        word = operation(command)
        if word is None or word.text is None or command.before == "|" or command.has("--noconfirm", "--confirm"):
            return
        if not downloads(command) and not (re.match(r"-[UR]|--(?:upgrade|remove)", word.text) and command.operands()):
            return
        if any(command.resolve(other) is None for other in command.arguments) or b"<<<" in command.script.text:
            return
        yield context.found(
            self, word, "pacman asks a question",
            fix="answer with --noconfirm", edits=[insert_word(word, b"--noconfirm")],
        )  # fmt: skip


class CacheKept(KeptCache):
    """Downloaded packages stay in the layer.

    What it does: reports an install or upgrade with pacman that the RUN does not clean up after (`pacman -Scc`, or
    `rm -rf /var/cache/pacman/pkg/*`), in a stage whose layers ship. A cache or tmpfs mount on it is fine.

    Why is this bad: every package is in the image twice, packed and unpacked.

    Use instead: `rm -rf /var/cache/pacman/pkg/*`. `pacman -Scc --noconfirm` is accepted, but mind that `--noconfirm`
    takes the answer no to its question whether to remove all files.

    Fix safety: safe, only the cache is removed.

    Sources: pacman(8), hadolint has no such rule.
    """

    code = "PAC002"
    name = "pacman-cache-kept"
    mentions = (b"pacman",)
    tools = ("pacman",)
    cache = _CACHE
    mount = _MOUNT
    kept = "the downloaded packages stay in the layer"
    mend = "delete them in the same RUN"
    bad = "FROM archlinux:base\nRUN pacman -Syu --noconfirm curl\n"
    good = (
        "FROM archlinux:base\nRUN pacman -Syu --noconfirm curl && rm -rf /var/cache/pacman/pkg/*\n",
        "FROM archlinux:base\nRUN pacman -Syu --noconfirm curl && yes | pacman -Scc\n",
        "FROM archlinux:base\nRUN --mount=type=cache,target=/var/cache/pacman/pkg pacman -Syu --noconfirm curl\n",
    )

    def fills(self, command: Command) -> Word | None:
        """Operations that download."""
        return operation(command) if downloads(command) else None

    def empties(self, command: Command) -> bool:
        """`pacman -Sc`, `-Scc`, `paccache`."""
        return command.name == "paccache" or (
            command.name in ("pacman", "yay", "paru")
            and any(re.match(r"-Sc|--clean", word.text or "") for word in command.arguments)
        )

    def elsewhere(self, filling: list[Command]) -> bool:
        """Another root, or a cache of its own."""
        return any(command.has("--cachedir", "--root", "-r", "--sysroot") for command in filling)

    def edit(self, filling: list[Command], context: Context) -> Edit | None:
        """Delete the packages; `-Scc` would ask."""
        return clean_up(filling[-1], b"rm -rf /var/cache/pacman/pkg/*", tool=False)
