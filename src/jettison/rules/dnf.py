"""yum, dnf, microdnf, tdnf and rpm: what they leave behind, and how they are called."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from jettison.dockerfile.patterns import lazy
from jettison.dockerfile.style import insert_word
from jettison.finding import Safety, Severity
from jettison.rules.engine.cleaning import clean_up, ships
from jettison.rules.engine.rule import CommandRule, ScriptRule
from jettison.rules.kept_caches import KeptCache

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jettison.dockerfile.shell import Command, Script
    from jettison.dockerfile.words import Word
    from jettison.finding import Edit, Finding
    from jettison.rules.engine.context import Context

DNF: Final = ("yum", "dnf", "dnf5", "microdnf", "tdnf")
VALUES: Final = (
    "-c", "--config", "-d", "-e", "-R", "-x", "--exclude", "--enablerepo", "--disablerepo", "--repo", "--repoid",
    "--releasever", "--installroot", "--setopt", "--disableplugin", "--enableplugin", "--forcearch", "--color",
    "--comment", "--debuglevel", "--errorlevel", "--advisory", "--bugfix", "--destdir", "--downloaddir",
)  # fmt: skip
"""Options of yum and dnf whose value is the next word (dnf(8), yum(8)); `--setopt=a=b` is one word."""
INSTALLS: Final = frozenset(
    (
        "install",
        "install-n",
        "install-na",
        "install-nevra",
        "groupinstall",
        "localinstall",
        "reinstall",
        "downgrade",
        "swap",
        "upgrade",
        "update",
        "upgrade-minimal",
        "update-minimal",
        "distro-sync",
        "dist-upgrade",
        "builddep",
        "group",
        "groups",
    )
)
FILLS: Final = INSTALLS | {"makecache", "check-update", "list", "search"}
ASKS: Final = INSTALLS | {"remove", "erase", "autoremove", "groupremove"}
YES: Final = ("-y", "--assumeyes", "--assumeno", "--yes")

_CACHE = lazy(rb"/var/cache/(?:yum|dnf|libdnf5|tdnf|\*|\{)|/var/cache/?(?:['\"]|\Z)")
_MOUNT = lazy(r"^/var/cache(?:/(?:yum|dnf|libdnf5|tdnf).*)?$|^/var$")
_WEAK = lazy(rb"install_?weak_?deps", re.IGNORECASE)
_VERSION = lazy(r"-\d[\w.~^+:*]*|[<>=]")


def action(command: Command) -> Word | None:
    """The word of the subcommand: `install`, `clean`, ..."""
    words = command.operands(VALUES)
    return words[0] if words else None


def installs(command: Command, what: frozenset[str] = INSTALLS) -> Word | None:
    """The word of the subcommand when it is one of `what`; of `group` and `module` only what installs."""
    words = command.operands(VALUES)
    if not words or words[0].text not in what:
        return None
    if words[0].text in ("group", "groups"):
        return words[0] if len(words) > 1 and words[1].text in ("install", "update", "upgrade") else None
    return words[0]


class InstallAsks(CommandRule):
    """yum or dnf may ask a question nobody can answer.

    What it does: reports `yum install`, `dnf install` and what else changes packages without `-y`, unless the file sets
    `assumeyes`. microdnf never asks and is left out.

    Why is this bad: the tool asks, reads end of file, and the build fails.

    Fix safety: safe. Where the command succeeded without `-y`, nothing was asked, and nothing changes.

    Where hadolint differs: it also wants `-y` for microdnf, which ignores it, and looks at installs only.

    Sources: hadolint DL3030 (yum) and DL3038 (dnf), dnf(8), microdnf(8).
    """

    code = "DNF001"
    name = "dnf-install-asks"
    aliases = ("DL3030", "DL3038")
    safety = Safety.SAFE
    commands = ("yum", "dnf", "dnf5", "tdnf")
    bad = (
        "FROM fedora:41\nRUN dnf install curl && dnf clean all\n",
        "FROM centos:7\nRUN yum install curl && yum clean all\n",
    )
    good = (
        "FROM fedora:41\nRUN dnf install -y curl && dnf clean all\n",
        "FROM centos:7\nRUN yum install -y curl && yum clean all\n",
        "FROM fedora:41\nRUN microdnf install curl && yes | dnf upgrade\n",
    )

    def check(self, command: Command, context: Context) -> Iterator[Finding]:
        """At the subcommand."""
        what = installs(command, ASKS)
        if what is None or command.has(*YES, "--downloadonly", "--help") or command.before == "|":
            return
        if b"assumeyes" in context.file.data or any(
            (word.text or "").startswith("--setopt=assumeyes") for word in command.arguments
        ):
            return
        for word in command.arguments:
            value = command.resolve(word)
            # `dnf $OPTIONS install`: the variable may say yes.
            if value is None and word.raw[:1] in b"$\"'" and word.span.start < what.span.start:
                return
            if value is not None and re.match(r"-\w*y|--assumeyes", value):
                return
        if any(redirection.operator.startswith("<") for redirection in command.redirections):
            return
        yield context.found(
            self, what, f"{command.name} {what.text} asks a question",
            fix="answer yes with -y", edits=[insert_word(what, b"-y")],
        )  # fmt: skip


class CacheKept(KeptCache):
    """The package manager's cache stays in the layer.

    What it does: reports an install or update with yum, dnf, microdnf or tdnf that the RUN does not clean up after
    (`... clean all`, or `rm -rf /var/cache/dnf`), in a stage whose layers ship. A cache or tmpfs mount on the cache is
    fine.

    Why is this bad: repository data, often more than a hundred megabytes, is dead weight in the image. Deleting it in
    a later RUN frees nothing.

    Use instead: end the same RUN with `dnf clean all`, or mount a cache on `/var/cache/dnf`.

    Fix safety: safe, only the cache is removed; the next command fetches it again. No fix beside `--installroot`,
    in files that use the cache (`--cacheonly`, `--downloadonly`, `keepcache`), and where the tool may be gone.

    Where hadolint differs: it also reports stages that do not ship, looks at installs only, and takes a clean-up
    before the install for one.

    Sources: hadolint DL3032 (yum) and DL3040 (dnf), Trivy DS-0015 (yum), DS-0019 (dnf), DS-0027 (microdnf).
    """

    code = "DNF002"
    name = "dnf-cache-kept"
    aliases = ("DL3032", "DL3040", "DS-0015", "DS-0019", "DS-0027")
    mentions = (b"yum", b"dnf")
    tools = DNF
    cache = _CACHE
    mount = _MOUNT
    bad = (
        "FROM centos:7\nRUN yum install -y curl\n",
        "FROM fedora:41\nRUN dnf -y install curl \\\n    git\n",
        "FROM ubi9-minimal\nRUN microdnf update -y && \\\n    microdnf install -y curl\n",
        "FROM centos:7\nRUN sudo yum update -y\n",
    )
    good = (
        "FROM centos:7\nRUN yum install -y curl && yum clean all\n",
        "FROM fedora:41\nRUN dnf -y install curl \\\n    git && dnf clean all\n",
        "FROM ubi9-minimal\nRUN microdnf update -y && \\\n    microdnf install -y curl && \\\n    microdnf clean all\n",
        "FROM centos:7\nRUN sudo yum update -y && sudo yum clean all\n",
        "FROM fedora:41\nRUN --mount=type=cache,target=/var/cache/libdnf5 dnf install -y curl\n",
        "FROM centos:7\nRUN yum install -y curl && rm -rf /var/cache/yum\n",
    )

    def fills(self, command: Command) -> Word | None:
        """Installs and updates."""
        counts = installs(command) and not command.has("--assumeno", "--downloadonly", "--help")
        return action(command) if counts else None

    def empties(self, command: Command) -> bool:
        """`clean all` of one of the tools, or `clean metadata`."""
        words = [word.text for word in command.operands(VALUES)] if command.name in DNF else []
        what = ("all", "metadata", "dbcache", "expire-cache", None)
        return words[:1] == ["clean"] and (len(words) < 2 or words[1] in what)

    def edit(self, filling: list[Command], context: Context) -> Edit | None:
        """`clean all`."""
        if any(command.has("--installroot") for command in filling):
            return None
        if re.search(rb"cacheonly|keepcache|downloadonly", context.file.data):
            return None
        return clean_up(filling[-1], b"clean all")


class VersionsNotPinned(CommandRule):
    """Packages are installed in whatever version the mirror has today.

    What it does: reports `yum install` and `dnf install` of packages without a version (`pkg-1.2`). Local files,
    addresses, groups and words whose value is not known are left out.

    Why is this bad: two builds of the same Dockerfile may install different versions.

    Off by default: mirrors drop old versions, so a pin breaks the build sooner than it helps.

    Fix safety: report only; nobody can know which version you want.

    Where hadolint differs: it does not know tdnf, `reinstall` and `downgrade`; it wants versions of `group install`,
    and of files that a pattern or variable names.

    Sources: hadolint DL3033 (yum) and DL3041 (dnf).
    """

    code = "DNF003"
    name = "dnf-versions-not-pinned"
    aliases = ("DL3033", "DL3041")
    default = False
    commands = DNF
    bad = "FROM fedora:41\nRUN dnf install -y curl && dnf clean all\n"
    good = "FROM fedora:41\nRUN dnf install -y curl-8.9.1 ./local.rpm @development-tools && dnf clean all\n"

    def check(self, command: Command, context: Context) -> Iterator[Finding]:
        """One finding for a command, at the first package without a version."""
        what = action(command)
        if what is None or what.text not in ("install", "reinstall", "downgrade"):
            return
        loose = [
            (word, name)
            for word in command.operands(VALUES)[1:]
            for name in (command.resolve(word) or "").split()
            if not _VERSION.search(name) and not re.search(r"[/@:]|\.rpm$|^-", name)
        ]
        if loose:
            names = ", ".join(name for _, name in loose[:5]) + (", ..." if len(loose) > 5 else "")
            yield context.found(self, loose[0][0], f"no version is given for {names}")


class SignaturesNotChecked(CommandRule):
    """Packages are installed without checking who signed them.

    What it does: reports `--nogpgcheck`, `--no-gpgchecks` and `--setopt=gpgcheck=0` of yum and dnf.

    Why is this bad: whoever answers for the mirror can put anything into the image.

    Use instead: import the repository's key with `rpm --import` first.

    Fix safety: report only; the key has to be added first.

    Sources: Checkov CKV2_DOCKER_9, dnf(8).
    """

    code = "DNF004"
    name = "dnf-signatures-not-checked"
    aliases = ("CKV2_DOCKER_9",)
    severity = Severity.ERROR
    commands = DNF
    bad = "FROM fedora:41\nRUN dnf install -y --nogpgcheck curl && dnf clean all\n"
    good = "FROM fedora:41\nRUN dnf install -y curl && dnf clean all\n"

    _SETTING = lazy(r"(?:--setopt=)?[\w.*-]*\bgpgcheck=(?:0|false|no|off)\Z", re.IGNORECASE)

    def check(self, command: Command, context: Context) -> Iterator[Finding]:
        """At the option."""
        for word in command.arguments:
            text = word.text or ""
            if text in ("--nogpgcheck", "--no-gpgchecks", "--no-gpg-checks") or self._SETTING.match(text):
                yield context.found(self, word, f"{text} switches off the check of signatures")


class CertificatesNotChecked(ScriptRule):
    """yum or dnf is told not to check certificates.

    What it does: reports `sslverify=0` (or `false`) as an option of yum and dnf, and where a command writes it.

    Why is this bad: whoever sits between the build and the mirror can answer for it.

    Use instead: add the mirror's certificate to the trusted ones.

    Fix safety: report only.

    Sources: Checkov CKV2_DOCKER_15, dnf.conf(5).
    """

    code = "DNF005"
    name = "dnf-certificates-not-checked"
    aliases = ("CKV2_DOCKER_15",)
    severity = Severity.ERROR
    mentions = (b"sslverify",)
    bad = (
        "FROM fedora:41\nRUN dnf install -y --setopt=sslverify=false curl && dnf clean all\n",
        "FROM centos:7\nRUN echo sslverify=0 >> /etc/yum.conf\n",
    )
    good = "FROM fedora:41\nRUN dnf install -y curl && dnf clean all && git config --global http.sslverify false\n"

    _OFF = lazy(rb"(?<![\w.])(?:[\w*-]+\.)?sslverify\s*=\s*(?:0|false|no|off)\b", re.IGNORECASE)

    def check(self, script: Script, context: Context) -> Iterator[Finding]:
        """At the word."""
        for command in script.commands:
            if command.name == "git":
                continue
            for word in command.arguments:
                if self._OFF.search(word.raw) and b"http." not in word.raw:
                    yield context.found(self, word, "sslverify is switched off")


class RpmUnsigned(CommandRule):
    """rpm is told not to check signatures or digests.

    What it does: reports `--nosignature`, `--nodigest`, `--nofiledigest` and `--noverify` of rpm.

    Why is this bad: a package that was changed on its way is installed all the same.

    Use instead: `rpm --import` the key first.

    Fix safety: report only.

    Sources: Checkov CKV2_DOCKER_10, rpm(8).
    """

    code = "DNF006"
    name = "rpm-unsigned"
    aliases = ("CKV2_DOCKER_10",)
    severity = Severity.ERROR
    commands = ("rpm",)
    bad = "FROM fedora:41\nRUN rpm -i --nosignature https://example.com/a.rpm\n"
    good = "FROM fedora:41\nRUN rpm --import https://example.com/key && rpm -i https://example.com/a.rpm\n"

    def check(self, command: Command, context: Context) -> Iterator[Finding]:
        """At the option; what only asks (`-q`) is left out."""
        word = command.option("--nosignature", "--nodigest", "--nofiledigest", "--noverify")
        if word is not None and not command.has("-q", "--query", "-V", "--verify", "-K", "--checksig", "-e", "--erase"):
            yield context.found(self, word, f"{word.text} switches off what proves where a package comes from")


class WeakDependencies(CommandRule):
    """Weak dependencies are installed too.

    What it does: reports `dnf install` and `microdnf install` without `install_weak_deps=False`, unless the file
    configures it.

    Why is this bad: dnf installs what packages recommend beside what they need: more bytes, more to patch.

    Fix safety: unsafe. The set of installed packages changes; something may have relied on a recommended one.

    Sources: dnf.conf(5); the counterpart of apt's `--no-install-recommends`.
    """

    code = "DNF007"
    name = "dnf-weak-dependencies"
    severity = Severity.INFO
    safety = Safety.UNSAFE
    commands = ("dnf", "dnf5", "microdnf")
    bad = "FROM fedora:41\nRUN dnf install -y curl && dnf clean all\n"
    good = (
        "FROM fedora:41\nRUN dnf install -y --setopt=install_weak_deps=False curl && dnf clean all\n",
        "FROM fedora:41\nRUN echo install_weak_deps=0 >> /etc/dnf/dnf.conf && dnf install -y curl\n",
    )

    def check(self, command: Command, context: Context) -> Iterator[Finding]:
        """At `install`."""
        what = action(command)
        if what is None or what.text != "install" or not ships(command.script):
            return
        if _WEAK.search(context.file.data):
            return
        place = what
        following = command.words[command.words.index(what) + 1 :]
        if following and following[0].text in ("-y", "--assumeyes", "-qy", "-yq"):
            place = following[0]
        setting = b"--setopt=install_weak_deps=" + (b"0" if command.name == "microdnf" else b"False")
        yield context.found(
            self, what, "weak dependencies are installed too",
            fix="install only what is needed", edits=[insert_word(place, setting)],
        )  # fmt: skip
