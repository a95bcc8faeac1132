"""Secrets: whatever was in a layer, an ENV or an ARG once is in everybody's copy of the image."""

from __future__ import annotations

import re
from bisect import bisect_right
from typing import TYPE_CHECKING, Final

from jettison.dockerfile.patterns import lazy
from jettison.finding import Severity, Span
from jettison.rules.engine.rule import FileRule, InstructionRule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jettison.dockerfile.instruction import Instruction
    from jettison.dockerfile.tree import Dockerfile
    from jettison.finding import Finding
    from jettison.rules.engine.context import Context

_TOKENS: Final = "apikey|auth|credentials?|key|password|pword|passwd|secret|token"
_SECRET_NAME = lazy(rf"(?:_|\A)(?:{_TOKENS})(?:_|\Z)|(?:password|passwd|secret)\Z", re.IGNORECASE)
_PUBLIC_NAME = lazy(
    r"(?:_|\A)(?:public|pub|gpg|pgp|fingerprint|keyring|file|path|dir|url|id|name|type|method|enabled|length|size"
    r"|ttl|expir\w*|algorithm|hosts?|servers?|issuer|sha\d*|version)(?:_|\Z)|__key\Z",
    re.IGNORECASE,
)
_PLAIN_VALUE = lazy(r"(?i)true|false|yes|no|on|off|none|null|\d|/[^\s=]*|(?:[0-9A-F]{4} ?){4,10}")
_SECRET_FILE = lazy(
    r"(?:\A|/)(?:id_(?:rsa|dsa|ecdsa|ed25519)|\.env(?:\.(?:local|prod|production|secret))?|\.npmrc|\.yarnrc\.yml|\.pypirc"
    r"|\.netrc|_netrc|\.git-credentials|\.aws(?:/.*)?|\.ssh(?:/.*)?|\.azure(?:/.*)?|\.docker/config\.json|\.kube(?:/.*)?"
    r"|\.pgpass|\.my\.cnf|\.vault-token|credentials\.json|service[-_]account\.json|.*\.(?:p12|pfx|jks|keystore|kdbx)"
    r"|.*(?:private|server|tls|ssl)[-_.]?\w*\.key)\Z"
)
_HARMLESS_FILE = lazy(r"(?:\.pub|authorized_keys\d?|known_hosts|/config|truststore\.\w+)\Z")
_LITERALS: Final = (
    (lazy(rb"\b(?:https?|ftp|postgres(?:ql)?|mysql|mongodb(?:\+srv)?|amqp|redis)://"
                rb"[^\s/:@'\"$`<>{}]*:(?P<secret>[^\s/:@'\"$`<>{}]{3,})@"), "a password in a URL"),
    (lazy(rb"\bhttps?://(?P<secret>[A-Za-z0-9_-]{20,})(?::x-oauth-basic)?@"), "a token in a URL"),
    (lazy(rb"\b(?P<secret>gh[pousr]_[A-Za-z0-9]{36,}|github_pat_[A-Za-z0-9_]{40,})"), "a GitHub token"),
    (lazy(rb"\b(?P<secret>glpat-[A-Za-z0-9_-]{20,})"), "a GitLab token"),
    (lazy(rb"\b(?P<secret>npm_[A-Za-z0-9]{36})\b"), "an npm token"),
    (lazy(rb"\b(?P<secret>(?:AKIA|ASIA)[0-9A-Z]{16})\b"), "an AWS access key"),
    (lazy(rb"\b(?P<secret>xox[abprs]-[A-Za-z0-9-]{10,})"), "a Slack token"),
    (lazy(rb"\b(?P<secret>AIza[0-9A-Za-z_-]{35})\b"), "a Google API key"),
    (lazy(rb"(?P<secret>-----BEGIN (?:[A-Z]+ )?PRIVATE KEY-----)"), "a private key"),
    (lazy(rb"(?i)Authorization: *(?:token|bearer|basic) +(?P<secret>[A-Za-z0-9._~+/=-]{12,})"), "credentials"),
    (lazy(rb"(?<![\w-])--(?:http-|ftp-|proxy-)?(?:password|passwd|token|api-?key|secret)"
                rb"(?:=| +)(?P<secret>[^\s'\"$`<>{}&|;()\\-][^\s'\"$`<>{}&|;()\\]{2,})"), "a password as an option"),
)  # fmt: skip
_LITERAL_HINTS: Final = (
    (b"@",), (b"@",), (b"ghp_", b"gho_", b"ghu_", b"ghs_", b"ghr_", b"github_pat_"), (b"glpat-",), (b"npm_",),
    (b"AKIA", b"ASIA"), (b"xox",), (b"AIza",), (b"PRIVATE KEY",), (b"uthorization",),
    (b"--pass", b"--token", b"--api", b"--secret", b"-password"),
)  # fmt: skip
"""What must occur in a file for a pattern to be tried, pattern by pattern."""
_LOGIN = lazy(rb"://[^\s/@]+@")
"""What both patterns for URLs hold: found by its first bytes, where they try every word."""
_PLACEHOLDER = lazy(rb"(?i)x{3,}|\*{3,}|your|example|changeme|placeholder|dummy|password|token|secret|null|none")


class SecretInVariable(InstructionRule):
    """A secret is passed through ARG or ENV.

    What it does: reports names that mean a secret: those with one of the words `apikey`, `auth`, `credential(s)`,
    `key`, `password`, `pword`, `passwd`, `secret`, `token` between underscores, or ending in `password`, `passwd`,
    `secret`.

    Why is this bad: ENV stands in the image's configuration, ARG in its history; both are read with one command by
    everybody who has the image.

    Use instead: `RUN --mount=type=secret,id=token …` while building, secrets of the platform at run time.

    Fix safety: report only.

    Where peers differ: BuildKit and hadolint also report empty ENVs, paths (`PASSWORD_FILE=/run/secrets/x`), switches
    (`AUTH_ENABLED`), plain words such as `true`, and public keys' fingerprints (`GPG_KEY`); hadolint reports any name
    that contains `password`.

    Sources: BuildKit SecretsUsedInArgOrEnv, hadolint DL3064, Trivy DS-0031, Dockle CIS-DI-0010.
    """

    code = "SEC001"
    name = "secret-in-variable"
    aliases = ("SecretsUsedInArgOrEnv", "DL3064", "DS-0031", "CIS-DI-0010")
    kinds = ("ARG", "ENV")
    bad = (
        "FROM debian:12\nENV DB_PASSWORD=hunter2\n",
        "FROM debian:12\nARG GITHUB_TOKEN\nRUN fetch $GITHUB_TOKEN\n",
    )
    good = (
        "FROM debian:12\nRUN --mount=type=secret,id=token fetch /run/secrets/token\n",
        "FROM debian:12\nENV DB_PASSWORD_FILE=/run/secrets/db PUBLIC_KEY=abc\n",
        "FROM debian:12\nENV GPG_KEY=E3FF2839C048B25C084DEBE9B26995E310250568\n",
        "FROM debian:12\nENV Filters__0__Key=ProcessId\n",
    )

    def check(self, instruction: Instruction, context: Context) -> Iterator[Finding]:
        """The name."""
        for pair in instruction.pairs:
            name = pair.name.text or ""
            if not _SECRET_NAME.search(name) or _PUBLIC_NAME.search(name):
                continue
            if pair.value is not None:
                value = instruction.expand(pair.value)
                value = pair.value.raw.decode("utf-8", "replace") if value is None else value
                if _PLAIN_VALUE.fullmatch(value) or (not value and instruction.kind == "ENV"):
                    continue
            where = "configuration" if instruction.kind == "ENV" else "history"
            yield context.found(self, pair.name, f"{name} can be read from the image's {where}")


class SecretCopied(InstructionRule):
    """A file that holds secrets is copied into the image.

    What it does: reports COPY and ADD, from the build context, of files known for what is in them: private keys
    (`id_rsa`), `.env`, `.npmrc`, `.netrc`, `.aws`, `.ssh`, `.docker/config.json`, key stores and the like.

    Why is this bad: the file stays in the layer for everybody who has the image, even when a later RUN deletes it.

    Use instead: `RUN --mount=type=secret,id=npmrc,target=/root/.npmrc npm ci`.

    Fix safety: report only.

    Sources: ours.
    """

    code = "SEC002"
    name = "secret-copied"
    kinds = ("COPY", "ADD")
    bad = "FROM node:22\nCOPY .npmrc /root/.npmrc\nRUN npm ci\n"
    good = (
        "FROM node:22\nRUN --mount=type=secret,id=npmrc,target=/root/.npmrc npm ci\n",
        "FROM node:22\nCOPY .env.example /app/.env\n",
    )

    def check(self, instruction: Instruction, context: Context) -> Iterator[Finding]:
        """The source."""
        if instruction.flag("from") is not None:
            return
        for word in (instruction.json or instruction.words)[:-1]:
            path = (instruction.expand(word) or "").rstrip("/")
            if "://" not in path and _SECRET_FILE.search(path) and not _HARMLESS_FILE.search(path):
                ships = instruction.stage is None or instruction.stage.ships
                end = "the image" if ships else "the builder's cache"
                yield context.found(self, word, f"what {path.rpartition('/')[2]} holds stays in {end}")


class SecretLiteral(FileRule):
    """A secret is written into a RUN.

    What it does: reports passwords and tokens in URLs, tokens known by their form (GitHub, GitLab, npm, AWS, Slack,
    Google), private keys, `Authorization` headers and `--password=…` with a literal value. Variables and placeholders
    are left out. The secret is not printed.

    Why is this bad: the command stands in the image's history, and in the repository.

    Use instead: `RUN --mount=type=secret,id=token`, and change the secret: it is known.

    Fix safety: report only.

    Sources: ours.
    """

    code = "SEC003"
    name = "secret-literal"
    severity = Severity.ERROR
    bad = "FROM debian:12\nRUN git clone https://deploy:Tr0ub4dor@git.example.org/x.git\n"
    good = (
        "FROM debian:12\nRUN --mount=type=secret,id=netrc,target=/root/.netrc git clone https://git.example.org/x\n",
        "FROM debian:12\nRUN git clone https://deploy:$PASSWORD@git.example.org/x.git\n",
    )

    def check(self, file: Dockerfile, context: Context) -> Iterator[Finding]:
        """The secret."""
        data = file.data
        seen: set[int] = set()
        for index, (pattern, what) in enumerate(_LITERALS):
            hints = _LITERAL_HINTS[index]
            if not any(hint in data for hint in hints) or (b"@" in hints and not _LOGIN.search(data)):
                continue
            for match in pattern.finditer(data):
                start = match.start("secret")
                key = what == "a private key"
                if start in seen or (not key and _PLACEHOLDER.search(match["secret"])):
                    continue
                seen.add(start)
                place = bisect_right(file.instructions, start, key=lambda instruction: instruction.start) - 1
                if place < 0 or file.instructions[place].kind in ("LABEL", "MAINTAINER", "FROM", "EXPOSE"):
                    continue
                if start >= file.instructions[place].end or any(
                    comment.span.start <= start < comment.span.end for comment in file.comments
                ):
                    continue
                yield context.found(self, Span(*match.span("secret")), f"{what} stands in the image's history")
