"""RUN's own flags, and volumes where none should be."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from jettison.finding import Severity
from jettison.rules.engine.rule import InstructionRule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jettison.dockerfile.instruction import Instruction
    from jettison.finding import Finding
    from jettison.rules.engine.context import Context

_SYSTEM: Final = frozenset(
    ("/", "/bin", "/boot", "/dev", "/etc", "/lib", "/lib64", "/proc", "/sbin", "/sys", "/usr", "/usr/bin", "/usr/lib",
     "/usr/sbin", "/var")
)  # fmt: skip


class RunInsecure(InstructionRule):
    """A RUN has all the rights of the host's kernel.

    What it does: reports `RUN --security=insecure`.

    Why is this bad: the command runs without a sandbox, as a privileged container does; builders refuse it unless they
    are told to allow it.

    Fix safety: report only.

    Sources: BuildKit's documentation of RUN --security.
    """

    code = "RUN001"
    name = "run-insecure"
    kinds = ("RUN",)
    bad = "FROM debian:12\nRUN --security=insecure mount\n"
    good = "FROM debian:12\nRUN --security=sandbox true\n"

    def check(self, instruction: Instruction, context: Context) -> Iterator[Finding]:
        """The flag."""
        flag = instruction.flag("security") if b"--security" in instruction.data else None
        if flag is not None and flag.value == "insecure":
            yield context.found(self, flag, "this command runs without a sandbox, on builders that allow it")


class RunOnHostNetwork(InstructionRule):
    """A RUN uses the host's network.

    What it does: reports `RUN --network=host`.

    Why is this bad: the command reaches whatever listens on the builder's own machine; the build works on builders
    that allow it only, and what it finds there differs.

    Use instead: the default network; `--network=none` where nothing is to be fetched.

    Fix safety: report only.

    Sources: BuildKit's documentation of RUN --network.
    """

    code = "RUN002"
    name = "run-on-host-network"
    severity = Severity.INFO
    kinds = ("RUN",)
    bad = "FROM debian:12\nRUN --network=host curl http://localhost:8000/a\n"
    good = "FROM debian:12\nRUN --network=none make\n"

    def check(self, instruction: Instruction, context: Context) -> Iterator[Finding]:
        """The flag."""
        flag = instruction.flag("network") if b"--network" in instruction.data else None
        if flag is not None and flag.value == "host":
            yield context.found(self, flag, "this command reaches what listens on the builder's own machine")


class SystemVolume(InstructionRule):
    """A system directory is a volume.

    What it does: reports VOLUME of `/`, `/etc`, `/usr`, `/lib`, `/proc` and the like.

    Why is this bad: the volume hides the image's own files: an update of the image does not reach them, and whatever
    changes them in the volume is the system.

    Fix safety: report only.

    Sources: Dockle DKL-DI-0002.
    """

    code = "RUN003"
    name = "system-volume"
    aliases = ("DKL-DI-0002",)
    kinds = ("VOLUME",)
    bad = "FROM debian:12\nVOLUME /etc\n"
    good = "FROM debian:12\nVOLUME /var/lib/app\n"

    def check(self, instruction: Instruction, context: Context) -> Iterator[Finding]:
        """The path."""
        for word in instruction.json or instruction.words:
            path = instruction.expand(word)
            if path and (path.rstrip("/") or "/") in _SYSTEM:
                yield context.found(self, word, f"a volume on {path} hides the image's own files")
