"""pip: what it leaves behind, and how it is called."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from jettison.dockerfile.patterns import lazy
from jettison.dockerfile.style import insert_word
from jettison.finding import Safety, Severity
from jettison.rules.engine.cleaning import cache_mounted, removed, ships, switched_on, variable
from jettison.rules.engine.rule import ScriptRule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jettison.dockerfile.shell import Command, Script
    from jettison.dockerfile.words import Word
    from jettison.finding import Finding
    from jettison.rules.engine.context import Context

VALUES: Final = frozenset(
    (
        "-r", "--requirement", "-c", "--constraint", "-e", "--editable", "-i", "--index-url", "--extra-index-url", "-f",
        "--find-links", "-t", "--target", "--platform", "--python-version", "--implementation", "--abi", "--root",
        "--prefix", "--src", "--upgrade-strategy", "--install-option", "--global-option", "--config-settings",
        "--no-binary", "--only-binary", "--progress-bar", "--trusted-host", "--cert", "--client-cert", "--cache-dir",
        "--proxy", "--timeout", "--retries", "--log", "--python", "--exists-action", "--report", "--root-user-action",
        "--use-feature", "--group", "-b", "--build", "-d", "--download",
    )
)  # fmt: skip
"""Options of pip whose value is the next word (pip's reference)."""

_PIP = lazy(r"pip[23]?(?:\.\d+)?\Z")
_PYTHON = lazy(r"(?:python|pypy)[23]?(?:\.\d+)?\Z")
_CACHE = lazy(
    rb"\.cache(?:/pip|/?\*?['\"]?\Z)|cache/pip|PIP_CACHE_DIR|pip-cache|pip_cache|^['\"]?(?:/root|~)/?['\"]?\Z"
)
_MOUNT = lazy(r"(?:^|/)\.cache(?:/pip.*)?$|pip|^/root$")
_OLD = lazy(r"trusty|14\.04|13\.\d\d|12\.04|precise|jessie|wheezy|debian:[78]\b|phusion/baseimage:0\.9")
_CONFIGURED = lazy(rb"(?:global|install)\.no-cache-dir|no-cache-dir\s*=|no_cache_dir\s*=", re.IGNORECASE)


def arguments(command: Command) -> list[Word] | None:
    """What follows `pip` or `python -m pip`; None when the command is not pip."""
    name = command.name or ""
    if _PIP.match(name):
        return command.arguments
    if not _PYTHON.match(name):
        return None
    words = command.arguments
    for place, word in enumerate(words[:4]):
        if word.text == "-m" and place + 1 < len(words):
            return words[place + 2 :] if words[place + 1].text == "pip" else None
        if not (word.text or "").startswith("-"):
            break
    return None


def operands(words: list[Word]) -> list[Word]:
    """The words that are no options, nor their values."""
    found: list[Word] = []
    rest = iter(words)
    for word in rest:
        text = word.text
        if text is not None and len(text) > 1 and text[0] == "-":
            if text in VALUES:
                next(rest, None)
            continue
        found.append(word)
    return found


def installs(script: Script) -> Iterator[tuple[Command, list[Word], Word]]:
    """Every `pip install` of a script: the command, its words after pip, and the word `install`."""
    for command in script.commands:
        words = arguments(command)
        if words:
            found = operands(words)
            if found and found[0].text == "install":
                yield command, words, found[0]


def given(words: list[Word], *options: str) -> Word | None:
    """The first of these long options, also as `--name=value`."""
    return next((word for word in words if (word.text or "").partition("=")[0] in options), None)


_PINNED = lazy(
    r"[=<>~!;]|\.(?:whl|gz|zip|bz2|txt)\Z|\A[-.]|\A(?!(?:git|hg|svn|bzr)\+).*[@/\\:]|\A(?:git|hg|svn|bzr)\+.*@[^/]*\Z"
)
"""A requirement that is no mere name: with a version, a path, an address; a repository only with `@revision`."""


def _named(command: Command, word: Word) -> list[str]:
    """The requirements that a word of `pip install` names: several only where a variable holds them."""
    text = command.resolve(word) or ""
    return text.split() if b"$" in word.raw else [text.strip()] if text.strip() else []


class VersionsNotPinned(ScriptRule):
    """Python packages are installed in whatever version the index has today.

    What it does: reports `pip install` of packages without a version (`pkg==1.2`, also `~=`, `>=`, ...). Requirement
    and constraint files, local paths, addresses, wheels and words whose value is not known are left out; a repository
    (`git+https://…`) without `@revision` is not.

    Why is this bad: two builds of the same Dockerfile may install different versions.

    Off by default: pins belong into a requirements file with hashes, where a tool keeps them fresh.

    Fix safety: report only; nobody can know which version you want.

    Where hadolint differs: it reports local projects with extras (`.[full]`) and archives that a variable names; it
    does not see pip behind `sudo` or a path.

    Sources: hadolint DL3013.
    """

    code = "PIP001"
    name = "pip-versions-not-pinned"
    aliases = ("DL3013",)
    default = False
    mentions = (b"pip",)
    bad = (
        "FROM python:3.12\nRUN pip install --no-cache-dir requests\n",
        "FROM python:3.12\nRUN pip install --no-cache-dir git+https://example.com/x/y.git\n",
    )
    good = (
        "FROM python:3.12\nRUN pip install --no-cache-dir requests==2.32.3 'flask >= 3' .[test] ./wheels/a.whl\n",
        "FROM python:3.12\nRUN pip install --no-cache-dir git+https://example.com/x/y.git@v1 https://example.com/a\n",
        "FROM python:3.12\nRUN pip install --no-cache-dir -r requirements.txt && pip install -c pins.txt requests\n",
    )

    def check(self, script: Script, context: Context) -> Iterator[Finding]:
        """One finding for a command, at the first package without a version."""
        for command, words, _ in installs(script):
            if given(words, "-r", "--requirement", "-c", "--constraint", "-e", "--editable"):
                continue
            loose = [
                (word, name)
                for word in operands(words)[1:]
                for name in _named(command, word)
                if not _PINNED.search(name)
            ]
            if loose:
                names = ", ".join(name for _, name in loose[:5]) + (", ..." if len(loose) > 5 else "")
                yield context.found(self, loose[0][0], f"no version is given for {names}")


class CacheKept(ScriptRule):
    """pip's cache stays in the layer.

    What it does: reports `pip install` without `--no-cache-dir` in a stage whose layers ship. Quiet where the cache
    goes nowhere: under a cache or tmpfs mount on it, with `PIP_NO_CACHE_DIR` set or pip configured so, with
    `--no-index`, and where the same RUN deletes it (`rm -rf ~/.cache`, `pip cache purge`).

    Why is this bad: every downloaded wheel is in the image a second time, packed.

    Use instead: `pip install --no-cache-dir ...`, or mount a cache on `/root/.cache/pip`.

    Fix safety: safe. pip installs the same; it keeps no copy. None on Debian 8, Ubuntu 14.04 and older, whose pip 1.5
    neither keeps such a cache nor knows the option; their pip is judged only where the file installs another.

    Where hadolint differs: it also reports stages that do not ship, RUNs that delete the cache, `--no-index`, the
    accepted abbreviation `--no-cache`, the pip of Ubuntu 14.04, which has no cache, and some mounts; it sees no pip
    behind `sudo` or a path, and no variables that are set inside the RUN.

    Sources: hadolint DL3042 (hadolint#497 on mounts), pip's documentation "Caching".
    """

    code = "PIP002"
    name = "pip-cache-kept"
    aliases = ("DL3042",)
    severity = Severity.WARNING
    safety = Safety.SAFE
    mentions = (b"pip",)
    bad = (
        "FROM python:3.12\nRUN pip install requests\n",
        "FROM python:3.12\nRUN python3 -m pip --quiet install -U \\\n    # the hook needs it\n    requests\n",
    )
    good = (
        "FROM python:3.12\nRUN pip install --no-cache-dir requests\n",
        """
        FROM python:3.12
        RUN python3 -m pip --quiet install --no-cache-dir -U \\
            # the hook needs it
            requests
        """,
        "FROM python:3.12\nRUN --mount=type=cache,target=/root/.cache/pip pip install requests\n",
        "FROM python:3.12\nENV PIP_NO_CACHE_DIR=1\nRUN pip install requests\n",
        "FROM python:3.12\nRUN pip install requests && rm -rf ~/.cache\n",
        "FROM python:3.12\nRUN export PIP_NO_CACHE_DIR=1 && pip install requests\n",
        "FROM python:3.12 AS build\nRUN pip install requests\nFROM scratch\nCOPY --from=build /a /a\n",
    )

    def check(self, script: Script, context: Context) -> Iterator[Finding]:
        """At `install`."""
        found = list(installs(script))
        if not found or not ships(script) or cache_mounted(script.instruction, _MOUNT):
            return
        if _CONFIGURED.search(context.file.data):
            return
        stage = script.instruction.stage
        base = (stage.root.base or "") if stage else ""
        old = bool(_OLD.search(base)) and not re.match(r"(?:docker\.io/|library/)*(?:python|pypy)\b", base)
        if old and not re.search(rb"get-pip|easy_install|[\s'\"]pip(?:[=<>]=|\s|['\"])", self.upgrades(context)):
            return
        for command, words, place in found:
            if given(words, "--no-cache-dir", "--no-cache", "--no-index", "--cache-dir", "--dry-run", "--help"):
                continue
            if any(command.resolve(word) is None and word.span.start < place.span.start for word in words):
                continue
            if self.in_options(command, words) or switched_on(command, "PIP_NO_CACHE_DIR"):
                continue
            if removed(script, command, _CACHE) or self.purged(script, command) or variable(command, "PIP_CACHE_DIR"):
                continue
            yield context.found(
                self, place, "pip's cache stays in the layer",
                fix="keep no cache, with --no-cache-dir",
                edits=[None if old else insert_word(place, b"--no-cache-dir")],
            )  # fmt: skip

    def upgrades(self, context: Context) -> bytes:
        """What follows `install` on its line, where that may be pip itself; and the names of its other installers."""
        data = context.file.data
        return b"\n".join(re.findall(rb"get-pip|easy_install|pip\d?\s+install((?:[ \t]+\S+)*)", data)) + (
            b"get-pip" if b"get-pip" in data or b"easy_install" in data else b""
        )

    def in_options(self, command: Command, words: list[Word]) -> bool:
        """True when a variable holds the option, or may: `pip install $PIP_OPTIONS requests`."""
        for word in words:
            if word.text is None and word.raw.startswith((b"$", b'"$')):
                value = command.resolve(word)
                if "no-cache" in (value or "") or (value is None and re.search(rb"OPT|ARG|FLAG", word.raw)):
                    return True
        return False

    def purged(self, script: Script, after: Command) -> bool:
        """True for a later `pip cache purge`."""
        return any(
            [word.text for word in operands(arguments(command) or [])[:2]] == ["cache", "purge"]
            for command in script.commands[after.index + 1 :]
        )


class TrustedHost(ScriptRule):
    """pip is told not to check a host's certificate.

    What it does: reports `pip --trusted-host`.

    Why is this bad: whoever sits between the build and the index can answer for it.

    Use instead: give the index's certificate with `--cert` or `PIP_CERT`.

    Fix safety: report only.

    Sources: Checkov CKV2_DOCKER_4, pip's reference.
    """

    code = "PIP003"
    name = "pip-trusted-host"
    aliases = ("CKV2_DOCKER_4",)
    severity = Severity.WARNING
    mentions = (b"trusted-host",)
    bad = "FROM python:3.12\nRUN pip install --no-cache-dir --trusted-host pypi.org requests\n"
    good = "FROM python:3.12\nRUN pip install --no-cache-dir --cert /etc/ssl/index.pem requests\n"

    def check(self, script: Script, context: Context) -> Iterator[Finding]:
        """At the option."""
        for command in script.commands:
            for word in arguments(command) or ():
                if (word.text or "").partition("=")[0] in ("--trusted-host", "global.trusted-host"):
                    yield context.found(self, word, "the certificate of this host is not checked")
