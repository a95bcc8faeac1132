"""Downloads: what comes from the net without anybody checking that it is what it was."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from jettison.dockerfile.patterns import lazy
from jettison.finding import Severity
from jettison.rules.engine.rule import InstructionRule, ScriptRule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jettison.dockerfile.instruction import Instruction
    from jettison.dockerfile.shell import Command, Script
    from jettison.finding import Finding
    from jettison.rules.engine.context import Context

_INTERPRETERS: Final = frozenset(
    ("sh", "bash", "ash", "dash", "zsh", "python", "python3", "perl", "node", "ruby", "php")
)
_CHECKS: Final = frozenset(
    ("sha1sum", "sha224sum", "sha256sum", "sha384sum", "sha512sum", "md5sum", "shasum", "b2sum", "gpg", "gpgv",
     "cosign", "minisign", "openssl", "cksum", "signify")
)  # fmt: skip
_PINNED = lazy(r"\d+\.\d+|[0-9a-f]{40}|\$")


class ScriptFromTheNet(ScriptRule):
    """A script from the net is run without being looked at.

    What it does: reports `curl … | sh` and `wget … | bash` (also other interpreters), where the address names no
    version. Two builds may run two different scripts.

    Why is this bad: whoever controls the address, or the way to it, runs code in the build; a broken download runs
    half a script.

    Use instead: the package of the distribution, or a download with a checksum.

    Fix safety: report only.

    Sources: ours.
    """

    code = "DWN001"
    name = "script-from-the-net"
    severity = Severity.INFO
    mentions = (b"|",)
    bad = "FROM debian:12\nRUN curl -fsSL https://example.com/install.sh | sh\n"
    good = (
        "FROM debian:12\nRUN curl -fsSLO https://example.com/install.sh && echo 'ab  install.sh' | sha256sum -c\n",
        "FROM debian:12\nRUN curl -fsSL https://example.com/v1.2.3/install.sh | sh\n",
    )

    def check(self, script: Script, context: Context) -> Iterator[Finding]:
        """The download."""
        for command in script.named("curl", "wget"):
            following = script.commands[command.index + 1] if command.index + 1 < len(script.commands) else None
            if command.after not in ("|", "|&") or following is None or following.name not in _INTERPRETERS:
                continue
            if following.has("-c", "-e", "-m", "-n", "-ne", "-pe", "-r"):
                continue
            addresses = [text for word in command.arguments if "://" in (text := str(word))]
            if addresses and not _PINNED.search(addresses[0]):
                yield context.found(self, command, f"{following.name} runs whatever this address answers today")


class NotVerified(ScriptRule):
    """A download is used without being checked.

    What it does: reports files that `curl` and `wget` fetch in a RUN with no checksum or signature check after it.

    Why is this bad: the image holds whatever the server, or anybody on the way, gave at build time.

    Use instead: `echo "<sha256>  file" | sha256sum -c`, `gpg --verify`, or `ADD --checksum=sha256:… url`.

    Off by default: most downloads are not checked, and nobody can write the checksum for you.

    Fix safety: report only.

    Sources: ours.
    """

    code = "DWN002"
    name = "download-not-verified"
    severity = Severity.INFO
    default = False
    mentions = (b"curl", b"wget")
    bad = "FROM debian:12\nRUN curl -fsSLO https://example.com/a.tar.gz && tar -xzf a.tar.gz\n"
    good = """
        FROM debian:12
        RUN curl -fsSLO https://example.com/a.tar.gz && echo "0a1b  a.tar.gz" | sha256sum -c && tar -xzf a.tar.gz
        """

    def check(self, script: Script, context: Context) -> Iterator[Finding]:
        """The first download that nothing checks."""
        for command in script.named("curl", "wget"):
            if not any("://" in str(word) for word in command.arguments) or self._asks(command):
                continue
            if not any(later.name in _CHECKS for later in script.commands[command.index + 1 :]):
                yield context.found(self, command, "nothing checks that this is the file it was")
                return

    def _asks(self, command: Command) -> bool:
        """True for requests that fetch no file: heads, posts, health checks."""
        return command.has("-I", "--head", "-X", "--request", "-d", "--data", "--spider", "-T", "--upload-file")


class AddedWithoutChecksum(InstructionRule):
    """ADD of an address without a checksum.

    What it does: reports `ADD https://…` without `--checksum`, and `ADD` of a git repository that names no commit.

    Why is this bad: the file may be another one tomorrow, and nobody would notice.

    Use instead: `ADD --checksum=sha256:… https://…`, `ADD https://….git#<commit>`.

    Fix safety: report only.

    Sources: Docker's best practices for ADD.
    """

    code = "DWN003"
    name = "added-without-checksum"
    severity = Severity.INFO
    kinds = ("ADD",)
    bad = "FROM debian:12\nADD https://example.com/a.tar.gz /tmp/\n"
    good = (
        """
        FROM debian:12
        ADD --checksum=sha256:24454f830cdb571e2c4ad15481119c43b3cafd48dd869a9b2945d1036d1dc68d https://example.com/a /a
        """,
        "FROM debian:12\nADD https://github.com/example/x.git#0123456789012345678901234567890123456789 /x\n",
    )

    def check(self, instruction: Instruction, context: Context) -> Iterator[Finding]:
        """The address."""
        if instruction.flag("checksum") is not None:
            return
        for word in (instruction.json or instruction.words)[:-1]:
            text = word.text or ""
            if not re.match(r"https?://|git@|git://|ssh://", text):
                continue
            if re.search(r"\.git(?:#|\Z|\?)", text) or text.startswith("git"):
                if re.search(r"#[0-9a-f]{40}|checksum=", text):
                    continue
                message = "the branch may hold other files tomorrow; no commit is named"
            else:
                message = "nothing checks that this is the file it was"
            yield context.found(self, word, message)
