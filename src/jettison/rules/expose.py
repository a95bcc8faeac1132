"""EXPOSE: ports."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from jettison.dockerfile.edit import replace
from jettison.finding import Safety, Severity
from jettison.rules.engine.rule import InstructionRule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jettison.dockerfile.instruction import Instruction
    from jettison.finding import Finding
    from jettison.rules.engine.context import Context


class PortOutOfRange(InstructionRule):
    """A port is outside 0 to 65535.

    What it does: reports EXPOSE with such a number, in ranges too.

    Why is this bad: there is no such port; BuildKit refuses it.

    Fix safety: report only.

    Sources: hadolint DL3011, Trivy DS-0008.
    """

    code = "PORT001"
    name = "port-out-of-range"
    aliases = ("DL3011", "DS-0008")
    severity = Severity.ERROR
    kinds = ("EXPOSE",)
    bad = "FROM debian:12\nEXPOSE 80000\n"
    good = "FROM debian:12\nEXPOSE 8000\n"

    def check(self, instruction: Instruction, context: Context) -> Iterator[Finding]:
        """The port."""
        for word in instruction.words:
            text = instruction.expand(word) or ""
            if any(int(number) > 65535 for number in re.findall(r"\d+", text.partition("/")[0]) if len(number) < 20):
                yield context.found(self, word, f"{text} is no port: they end at 65535")


class SecureShellPort(InstructionRule):
    """The port of SSH is exposed.

    What it does: reports EXPOSE 22.

    Why is this bad: a container needs no SSH server: `docker exec` gives a shell without one more service to patch.

    Fix safety: report only.

    Sources: Trivy DS-0004, Checkov CKV_DOCKER_1.
    """

    code = "PORT002"
    name = "port-of-ssh"
    aliases = ("DS-0004", "CKV_DOCKER_1")
    kinds = ("EXPOSE",)
    bad = "FROM debian:12\nEXPOSE 22\n"
    good = "FROM debian:12\nEXPOSE 2222/udp 443\n"

    def check(self, instruction: Instruction, context: Context) -> Iterator[Finding]:
        """The port."""
        for word in instruction.words:
            if instruction.expand(word) in ("22", "22/tcp", "22/TCP"):
                yield context.found(self, word, "docker exec gives a shell without an SSH server")


class ProtocolCasing(InstructionRule):
    """A protocol is written in capital letters.

    What it does: reports EXPOSE 80/TCP.

    Why is this bad: it reads badly.

    Fix safety: safe; the builder turns it into lower case.

    Sources: BuildKit ExposeProtoCasing.
    """

    code = "PORT003"
    name = "port-protocol-casing"
    aliases = ("ExposeProtoCasing",)
    severity = Severity.STYLE
    safety = Safety.SAFE
    kinds = ("EXPOSE",)
    bad = "FROM debian:12\nEXPOSE 80/TCP 53/udp\n"
    good = "FROM debian:12\nEXPOSE 80/tcp 53/udp\n"

    def check(self, instruction: Instruction, context: Context) -> Iterator[Finding]:
        """The port."""
        for word in instruction.words:
            port, slash, protocol = word.raw.partition(b"/")
            if slash and b"$" not in word.raw and protocol != protocol.lower() and len(word.span) == len(word.raw):
                edit = replace(word.span, port + slash + protocol.lower())
                message = "protocols are written in lower case"
                yield context.found(self, word, message, fix="write it in lower case", edits=[edit])


class PortMapped(InstructionRule):
    """EXPOSE maps a port or names an address.

    What it does: reports EXPOSE with a host port or an address (`80:8080`, `127.0.0.1:80`).

    Why is this bad: an image cannot map ports; the part before the colon is ignored.

    Use instead: `EXPOSE 8080`, and `docker run --publish 80:8080`.

    Fix safety: report only.

    Sources: BuildKit ExposeInvalidFormat; dockerfilelint's expose_host_port.
    """

    code = "PORT004"
    name = "port-mapped"
    aliases = ("ExposeInvalidFormat",)
    kinds = ("EXPOSE",)
    bad = "FROM debian:12\nEXPOSE 80:8080\n"
    good = "FROM debian:12\nEXPOSE 8080\n"

    def check(self, instruction: Instruction, context: Context) -> Iterator[Finding]:
        """The word with the colon."""
        for word in instruction.words:
            if ":" in (instruction.expand(word) or ""):
                yield context.found(self, word, "an image cannot map ports; docker run --publish does")
