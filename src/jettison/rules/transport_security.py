"""Certificates and signatures that are not checked: whoever sits on the way decides what gets into the image."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, ClassVar

from jettison.dockerfile.patterns import lazy
from jettison.rules.engine.rule import CommandRule, FileRule, ScriptRule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jettison.dockerfile.instruction import Instruction
    from jettison.dockerfile.shell import Command, Script
    from jettison.dockerfile.tree import Dockerfile
    from jettison.finding import Finding
    from jettison.rules.engine.context import Context


class _Setting(FileRule):
    """A variable that switches a check off, in ENV, ARG or the shell code of a RUN."""

    variable: ClassVar[str] = ""
    off: ClassVar[str] = r""
    message: ClassVar[str] = ""

    def __init_subclass__(cls) -> None:
        cls.mentions = (cls.variable.encode(), cls.variable.lower().encode())

    def check(self, file: Dockerfile, context: Context) -> Iterator[Finding]:
        """The places where the variable is set."""
        for outer in file.instructions:
            instruction = outer.inner or outer
            if instruction.kind in ("ENV", "ARG", "RUN") and any(name in instruction.data for name in self.mentions):
                yield from self._set(instruction, context)

    def _set(self, instruction: Instruction, context: Context) -> Iterator[Finding]:
        if instruction.kind != "RUN":
            for pair in instruction.pairs:
                value = instruction.expand(pair.value) if pair.value is not None else None
                if self._named(pair.name.text) and value is not None and re.fullmatch(self.off, value, re.IGNORECASE):
                    yield context.found(self, pair, self.message)
            return
        for script in instruction.scripts:
            for command in script.commands:
                for assignment in command.assignments:
                    text = (assignment.value.text if assignment.value is not None else "") or ""
                    if self._named(assignment.name) and re.fullmatch(self.off, text, re.IGNORECASE):
                        yield context.found(self, assignment, self.message)
                for word in command.words if command.name == "export" or command.head else ():
                    name_text, _, value_text = (word.text or "").partition("=")
                    if self._named(name_text) and re.fullmatch(self.off, value_text, re.IGNORECASE):
                        yield context.found(self, word, self.message)

    def _named(self, name: str | None) -> bool:
        return (name or "").upper() == self.variable


class _Option(CommandRule):
    """An option that switches a check off."""

    option: ClassVar[re.Pattern[str]]
    message: ClassVar[str] = ""

    def check(self, command: Command, context: Context) -> Iterator[Finding]:
        """The option."""
        for word in command.arguments:
            if self.option.match(word.text or ""):
                yield context.found(self, word, self.message)


class CurlInsecure(_Option):
    """curl does not check certificates.

    What it does: reports `curl -k` and `--insecure`, also among other letters (`-skL`), and `--proxy-insecure`.

    Why is this bad: anybody on the way can answer for the server, and the answer becomes part of the image.

    Use instead: install `ca-certificates`, or name the authority with `--cacert`.

    Fix safety: report only; where the check fails today the build would fail.

    Sources: Checkov CKV2_DOCKER_2.
    """

    code = "TLS001"
    name = "curl-insecure"
    aliases = ("CKV2_DOCKER_2",)
    commands = ("curl",)
    bad = "FROM debian:12\nRUN curl -skLO https://example.com/a\n"
    good = (
        "FROM debian:12\nRUN curl -fsSLO https://example.com/a\n",
        "FROM debian:12\nRUN curl -o-k https://example.com/a\n",
    )

    # A letter that takes a value ends the group: in `-okey` k is part of the name.
    option = lazy(r"(?:--(?:proxy-)?insecure|-[afgijlnpqsvBGIJLMNOSRZ0-9#]*k[a-zA-Z#]*)\Z")
    message = "curl takes any certificate for the server's"


class WgetInsecure(_Option):
    """wget does not check certificates.

    What it does: reports `wget --no-check-certificate`.

    Why is this bad: anybody on the way can answer for the server, and the answer becomes part of the image.

    Use instead: install `ca-certificates`, or name the authority with `--ca-certificate`.

    Fix safety: report only; where the check fails today the build would fail.

    Sources: Checkov CKV2_DOCKER_3.
    """

    code = "TLS002"
    name = "wget-insecure"
    aliases = ("CKV2_DOCKER_3",)
    commands = ("wget",)
    option = lazy(r"--no-check-cert")
    message = "wget takes any certificate for the server's"
    bad = "FROM debian:12\nRUN wget --no-check-certificate https://example.com/a\n"
    good = "FROM debian:12\nRUN wget -q https://example.com/a\n"


class PythonHttpsNotVerified(_Setting):
    """Python does not check certificates.

    What it does: reports `PYTHONHTTPSVERIFY=0` in ENV, ARG and RUN.

    Why is this bad: in ENV it holds for the program in every container too, not only for the build.

    Fix safety: report only.

    Sources: Checkov CKV2_DOCKER_5.
    """

    code = "TLS003"
    name = "python-https-not-verified"
    aliases = ("CKV2_DOCKER_5",)
    variable = "PYTHONHTTPSVERIFY"
    off = "0"
    message = "Python takes any certificate for the server's"
    bad = ("FROM debian:12\nENV PYTHONHTTPSVERIFY=0\n", "FROM debian:12\nRUN PYTHONHTTPSVERIFY=0 python fetch.py\n")
    good = "FROM debian:12\nENV PYTHONHTTPSVERIFY=1\n"


class NodeTlsNotVerified(_Setting):
    """Node does not check certificates.

    What it does: reports `NODE_TLS_REJECT_UNAUTHORIZED=0` in ENV, ARG and RUN.

    Why is this bad: in ENV it holds for the program in every container too, not only for the build.

    Use instead: `NODE_EXTRA_CA_CERTS`.

    Fix safety: report only.

    Sources: Checkov CKV2_DOCKER_6.
    """

    code = "TLS004"
    name = "node-tls-not-verified"
    aliases = ("CKV2_DOCKER_6",)
    variable = "NODE_TLS_REJECT_UNAUTHORIZED"
    off = "0"
    message = "Node takes any certificate for the server's"
    bad = (
        "FROM node:22\nENV NODE_TLS_REJECT_UNAUTHORIZED 0\n",
        "FROM node:22\nRUN export NODE_TLS_REJECT_UNAUTHORIZED=0 && npm ci\n",
    )
    good = "FROM node:22\nENV NODE_EXTRA_CA_CERTS=/etc/ssl/ours.pem\n"


class NpmStrictSslVariable(_Setting):
    """npm does not check certificates, by a variable.

    What it does: reports `NPM_CONFIG_STRICT_SSL=false` in ENV, ARG and RUN, in either case.

    Why is this bad: what npm installs is then whatever anybody on the way answers.

    Use instead: `NODE_EXTRA_CA_CERTS`, or npm's `cafile`.

    Fix safety: report only.

    Sources: Checkov CKV2_DOCKER_12.
    """

    code = "TLS005"
    name = "npm-strict-ssl-variable"
    aliases = ("CKV2_DOCKER_12",)
    variable = "NPM_CONFIG_STRICT_SSL"
    off = "false|0"
    message = "npm takes any certificate for the registry's"
    bad = "FROM node:22\nENV NPM_CONFIG_STRICT_SSL=false\n"
    good = "FROM node:22\nENV NPM_CONFIG_STRICT_SSL=true\n"


class StrictSslConfigured(ScriptRule):
    """npm, yarn or pnpm is configured not to check certificates.

    What it does: reports `npm config set strict-ssl false`, the same of yarn and pnpm, `npm set strict-ssl=false` and
    `--strict-ssl=false`.

    Why is this bad: what is installed is then whatever anybody on the way answers.

    Use instead: `NODE_EXTRA_CA_CERTS`, or `npm config set cafile`.

    Fix safety: report only.

    Sources: Checkov CKV2_DOCKER_13.
    """

    code = "TLS006"
    name = "strict-ssl-configured"
    aliases = ("CKV2_DOCKER_13",)
    mentions = (b"strict-ssl",)
    bad = ("FROM node:22\nRUN npm config set strict-ssl false\n", "FROM node:22\nRUN npm ci --strict-ssl=false\n")
    good = "FROM node:22\nRUN npm config set strict-ssl true\n"

    def check(self, script: Script, context: Context) -> Iterator[Finding]:
        """The word."""
        for command in script.named("npm", "yarn", "pnpm"):
            words = command.arguments
            for index, word in enumerate(words):
                text = (word.text or "").lstrip("-")
                following = words[index + 1].text if index + 1 < len(words) else None
                if text in ("strict-ssl=false", "no-strict-ssl") or (text == "strict-ssl" and following == "false"):
                    yield context.found(self, word, f"{command.name} takes any certificate for the registry's")


class GitNotVerified(_Setting):
    """git does not check certificates, by a variable.

    What it does: reports `GIT_SSL_NO_VERIFY` with a true value in ENV, ARG and RUN.

    Why is this bad: anybody on the way can answer with other sources.

    Use instead: `GIT_SSL_CAINFO`.

    Fix safety: report only.

    Sources: Checkov CKV2_DOCKER_14.
    """

    code = "TLS007"
    name = "git-ssl-no-verify"
    aliases = ("CKV2_DOCKER_14",)
    variable = "GIT_SSL_NO_VERIFY"
    off = "1|true|yes|on"
    message = "git takes any certificate for the server's"
    bad = (
        "FROM debian:12\nENV GIT_SSL_NO_VERIFY=1\n",
        "FROM debian:12\nRUN GIT_SSL_NO_VERIFY=true git clone https://example.com/x\n",
    )
    good = "FROM debian:12\nENV GIT_SSL_CAINFO=/etc/ssl/ours.pem\n"


class GitConfiguredInsecure(ScriptRule):
    """git is configured not to check certificates.

    What it does: reports `git config … http.sslVerify false` and `git -c http.sslVerify=false`.

    Why is this bad: anybody on the way can answer with other sources; the configuration stays in the image.

    Use instead: `git config http.sslCAInfo`.

    Fix safety: report only.

    Sources: ours; Checkov CKV2_DOCKER_14 sees the variable only.
    """

    code = "TLS008"
    name = "git-configured-insecure"
    mentions = (b"sslVerify", b"sslverify")
    bad = (
        "FROM debian:12\nRUN git config --global http.sslVerify false\n",
        "FROM debian:12\nRUN git -c http.sslVerify=false clone https://example.com/x\n",
    )
    good = "FROM debian:12\nRUN git config --global http.sslVerify true\n"

    def check(self, script: Script, context: Context) -> Iterator[Finding]:
        """The word."""
        for command in script.named("git"):
            words = command.arguments
            for index, word in enumerate(words):
                name, equals, value = (word.text or "").partition("=")
                if not re.fullmatch(r"http\..*sslverify", name.lower()):
                    continue
                if not equals:
                    value = (words[index + 1].text or "") if index + 1 < len(words) else ""
                if value.lower() in ("false", "0", "off", "no"):
                    yield context.found(self, word, "git takes any certificate for the server's")


class PipTrustedHostVariable(_Setting):
    """pip does not check the certificate of a host, by a variable.

    What it does: reports `PIP_TRUSTED_HOST` in ENV, ARG and RUN.

    Why is this bad: what pip installs is then whatever anybody on the way answers for that host; in ENV it holds in
    every container too.

    Use instead: `PIP_CERT`.

    Fix safety: report only.

    Sources: Checkov CKV2_DOCKER_16.
    """

    code = "TLS009"
    name = "pip-trusted-host-variable"
    aliases = ("CKV2_DOCKER_16",)
    variable = "PIP_TRUSTED_HOST"
    off = r"(?!127\.0\.0\.1\Z|localhost\Z).+"
    message = "pip takes any certificate for this host's"
    bad = "FROM python:3.12\nENV PIP_TRUSTED_HOST=pypi.example.com\n"
    good = "FROM python:3.12\nENV PIP_CERT=/etc/ssl/ours.pem\n"
