"""What RUN does in its shell: directories, sudo, pipes, users, modes."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from jettison.dockerfile.shell import Inside
from jettison.dockerfile.style import insert_word
from jettison.finding import Safety, Severity
from jettison.rules.engine.rule import CommandRule, ScriptRule, StageRule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jettison.dockerfile.shell import Command, Script
    from jettison.dockerfile.stages import Stage
    from jettison.finding import Finding
    from jettison.rules.engine.context import Context

USELESS: Final = ("ssh", "vim", "shutdown", "service", "ps", "free", "top", "kill", "mount", "ifconfig")
_NEVER_FAILS: Final = frozenset(("echo", "printf", "yes", "true", ":"))
_TEMPORARY: Final = ("/tmp", "/var/tmp", "/dev/shm")


class CommandWithoutUse(ScriptRule):
    """A command that does nothing useful while an image is built.

    What it does: reports `ssh`, `vim`, `shutdown`, `service`, `ps`, `free`, `top`, `kill`, `mount` and `ifconfig`.

    Why is this bad: a build has no init system, no terminal and its own process space; a started service is gone when
    the RUN ends.

    Use instead: start services when the container starts; for ssh keys `RUN --mount=type=ssh`.

    Fix safety: report only.

    Where hadolint differs: it does not see commands behind `sudo`. We are quiet about `ssh` in a RUN with an ssh mount.

    Sources: hadolint DL3001.
    """

    code = "SHL001"
    name = "command-without-use"
    aliases = ("DL3001",)
    severity = Severity.INFO
    mentions = (b"ssh ", b"vim ", b"shutdown", b"service ", b"ps ", b"free", b"top", b"kill ", b"mount ", b"ifconfig")
    bad = "FROM debian:12\nRUN service nginx start\n"
    good = 'FROM debian:12\nCMD ["nginx", "-g", "daemon off;"]\n'

    def check(self, script: Script, context: Context) -> Iterator[Finding]:
        """The command."""
        for command in script.named(*USELESS):
            if command.name == "ssh" and any(mount["type"] == "ssh" for mount in script.instruction.mounts()):
                continue
            yield context.found(self, command, f"{command.name} has no use while an image is built")


class CdInsteadOfWorkdir(ScriptRule):
    """A RUN changes the directory with cd.

    What it does: reports a `cd` with which a RUN begins, after `set` and `export` at most.

    Why is this bad: the directory is forgotten when the RUN ends; WORKDIR says it once, visibly, and creates it.

    Use instead: `WORKDIR /path`. A `cd` into a directory that the same RUN makes and deletes is fine:
    `# jettison: ignore[SHL002]`, or use `make -C`, `tar -C`, `git -C`.

    Fix safety: report only; WORKDIR would also change the directory of all that follows.

    Where hadolint differs: we are quiet about a `cd` after other commands, where a WORKDIR would need a second RUN and
    layer (`apt-get install … && cd x && make && rm -rf x`), about one in a subshell of its own, `(cd x && make)`, and
    about one with nothing after it, which SHL003 reports.

    Sources: hadolint DL3003, Trivy DS-0013.
    """

    code = "SHL002"
    name = "cd-instead-of-workdir"
    aliases = ("DL3003", "DS-0013")
    severity = Severity.INFO
    mentions = (b"cd ", b"cd\t")
    bad = "FROM debian:12\nRUN cd /app && make\n"
    good = (
        "FROM debian:12\nWORKDIR /app\nRUN make\n",
        "FROM debian:12\nRUN (cd /app && make)\n",
        "FROM debian:12\nRUN git clone https://example.com/x.git && cd x && make && cd .. && rm -rf x\n",
        "FROM debian:12\nRUN apt-get install -y make && cd /src && make && apt-get purge -y make\n",
    )

    def check(self, script: Script, context: Context) -> Iterator[Finding]:
        """That cd."""
        first = next((item for item in script.commands if item.words and item.name not in ("set", "export", ":")), None)
        if first is None or first.name != "cd" or len(script.commands) == first.index + 1 or not first.arguments:
            return
        if first.inside & (Inside.SUBSHELL | Inside.SUBSTITUTION | Inside.FUNCTION):
            return
        if any(text in first.arguments[0].raw for text in (b"$(", b"`", b"mktemp")):
            return
        yield context.found(self, first, "cd holds for this RUN only; WORKDIR says where the commands run")


class CdWithoutEffect(ScriptRule):
    """A cd at the end of a RUN does nothing.

    What it does: reports a RUN whose last command is `cd`, outside a subshell.

    Why is this bad: the next instruction starts in WORKDIR again. What follows runs somewhere else than intended.

    Use instead: `WORKDIR /path`.

    Fix safety: report only; a WORKDIR there would change where the rest runs.

    Sources: hadolint DL3003, which does not tell it from other uses.
    """

    code = "SHL003"
    name = "cd-without-effect"
    aliases = ("DL3003",)
    mentions = (b"cd ", b"cd\t")
    bad = "FROM debian:12\nRUN cd /app\nRUN make\n"
    good = ("FROM debian:12\nWORKDIR /app\nRUN make\n", "FROM debian:12\nRUN cd /app && make\n")

    def check(self, script: Script, context: Context) -> Iterator[Finding]:
        """The last command."""
        if script.exec_form or script.has_error or script.stdin or not script.commands:
            return
        last = script.commands[-1]
        # `cd x && make && cd ..` only goes back: tidy, not wrong.
        if last.name == "cd" and not last.inside and sum(1 for _ in script.named("cd", "pushd")) == 1:
            yield context.found(self, last, "this cd is forgotten when the RUN ends")


class SudoUsed(ScriptRule):
    """sudo is used in a build.

    What it does: reports the first `sudo` of a RUN.

    Why is this bad: a build runs as root unless USER says otherwise; sudo brings a terminal and password policy of its
    own, and a setuid program into the image.

    Use instead: `USER root` before, and `USER name` after what needs root.

    Fix safety: report only; sudo changes the environment and the user, which taking it away would not.

    Sources: hadolint DL3004, Trivy DS-0010, Checkov CKV2_DOCKER_1, Dockle DKL-DI-0001.
    """

    code = "SHL004"
    name = "sudo-used"
    aliases = ("DL3004", "DS-0010", "CKV2_DOCKER_1", "DKL-DI-0001")
    severity = Severity.ERROR
    mentions = (b"sudo",)
    bad = "FROM debian:12\nRUN sudo make install\n"
    good = ("FROM debian:12\nUSER root\nRUN make install\n", "FROM debian:12\nRUN apt-get install -y sudo\n")

    def check(self, script: Script, context: Context) -> Iterator[Finding]:
        """The first word of the command."""
        for command in script.commands:
            if command.words and (command.words[0].text or "").rpartition("/")[2] == "sudo":
                yield context.found(self, command.words[0], "sudo has no use in a build; USER says who runs a RUN")
                return


class WgetAndCurl(StageRule):
    """Both wget and curl are used.

    What it does: reports a stage that runs both, at the first command of the second kind.

    Why is this bad: two programs are installed where one does.

    Fix safety: report only.

    Where hadolint differs: it reports every RUN that uses either, once both have been seen; one finding a stage is
    enough to act on. Commands behind `sudo` count here.

    Sources: hadolint DL4001, Trivy DS-0014.
    """

    code = "SHL005"
    name = "wget-and-curl"
    aliases = ("DL4001", "DS-0014")
    severity = Severity.INFO
    mentions = (b"wget",)
    bad = "FROM debian:12\nRUN wget -q https://example.com/a\nRUN curl -fsSLO https://example.com/b\n"
    good = "FROM debian:12\nRUN curl -fsSLO https://example.com/a\nRUN curl -fsSLO https://example.com/b\n"

    def check(self, stage: Stage, context: Context) -> Iterator[Finding]:
        """The first command of the second kind."""
        data = context.file.data
        if b"curl" not in data:
            return
        seen: str | None = None
        for instruction in stage.instructions:
            if instruction.kind != "RUN" or not (b"curl" in instruction.data or b"wget" in instruction.data):
                continue
            for script in instruction.scripts:
                for command in script.named("wget", "curl"):
                    if seen is not None and command.name != seen:
                        other = f"{seen} is used as well in this stage; one of them is enough"
                        yield context.found(self, command.words[command.head], other)
                        return
                    seen = command.name


class ShellLinked(ScriptRule):
    """/bin/sh is replaced by a link.

    What it does: reports `ln` whose last operand is `/bin/sh`.

    Why is this bad: every script of the distribution that relies on its own `/bin/sh` gets another shell.

    Use instead: `SHELL ["/bin/bash", "-c"]`.

    Fix safety: report only.

    Sources: hadolint DL4005.
    """

    code = "SHL006"
    name = "shell-linked"
    aliases = ("DL4005",)
    mentions = (b"/bin/sh",)
    bad = "FROM debian:12\nRUN ln -sf /bin/bash /bin/sh\n"
    good = 'FROM debian:12\nSHELL ["/bin/bash", "-c"]\n'

    def check(self, script: Script, context: Context) -> Iterator[Finding]:
        """The ln."""
        for command in script.named("ln"):
            if any(word.text in ("/bin/sh", "/usr/bin/sh") for word in command.operands()[1:]):
                yield context.found(self, command, "SHELL chooses the shell of a build without replacing /bin/sh")


class PipeWithoutPipefail(ScriptRule):
    """A pipe hides that its first part failed.

    What it does: reports the first pipe of a RUN that runs without `pipefail`.

    Why is this bad: a pipe succeeds when its last command does; `curl … | tar x` may go on with half a file, and the
    layer is cached.

    Use instead: `SHELL ["/bin/bash", "-o", "pipefail", "-c"]`, on Alpine `SHELL ["/bin/ash", "-o", "pipefail", "-c"]`,
    or `set -o pipefail` where /bin/sh is bash or ash. Debian's and Ubuntu's /bin/sh is dash, which does not know it
    (before Debian 13): never write `set -o pipefail` there. Or download to a file first.

    Fix safety: report only. With pipefail a build may fail that did not before (`yes | head`, `grep | wc`).

    Where hadolint differs: it also reports pipes that begin with `echo`, `printf` or `yes` (the first two do not fail;
    with pipefail the last one does) and pipes whose failure is taken care of by `||`; it does not see `set -o pipefail`
    before the pipe.

    Sources: hadolint DL4006.
    """

    code = "SHL007"
    name = "pipe-without-pipefail"
    aliases = ("DL4006",)
    onbuild = False
    mentions = (b"|",)
    bad = "FROM debian:12\nRUN curl -fsSL https://example.com/a.tar.gz | tar -xz\n"
    good = (
        """
        FROM debian:12
        SHELL ["/bin/bash", "-o", "pipefail", "-c"]
        RUN curl -fsSL https://example.com/a.tar.gz | tar -xz
        """,
        "FROM debian:12\nRUN echo 'user:x' | tee /etc/x\n",
        "FROM alpine:3.20\nRUN set -o pipefail && wget -qO- https://example.com/a.tar.gz | tar -xz\n",
    )

    def check(self, script: Script, context: Context) -> Iterator[Finding]:
        """The first command of the pipe."""
        if script.exec_form or script.pipefail:
            return
        for command in script.commands:
            if command.after not in ("|", "|&") or command.before in ("|", "|&") or command.pipefail:
                continue
            if command.name in _NEVER_FAILS or not command.inside & Inside.PIPELINE:
                continue
            last = command
            while last.after in ("|", "|&") and last.index + 1 < len(script.commands):
                last = script.commands[last.index + 1]
            if last.after == "||":
                continue
            known = script.shell.program
            note = f"/bin/sh is {known} here, which does not know pipefail; SHELL has to name bash" if (
                known == "dash"
            ) else None  # fmt: skip
            yield context.found(
                self, command, f"a failing {command.name or 'command'} goes unnoticed in this pipe", note=note
            )
            return


_QUIET_WGET: Final = (
    "-q", "--quiet", "-nv", "--no-verbose", "--progress", "-o", "--output-file", "-a", "--append-output",
    "-b", "--background", "--spider", "--help", "--version", "-V", "-h",
)  # fmt: skip


def _options(command: Command) -> bool:
    """True when a variable holds options, or may: one that is not known, and is not the only address either."""
    words = command.operands(("-O", "-P", "--output-document", "--directory-prefix", "--header", "-t", "--tries"))
    values = [command.resolve(word) for word in words]
    return any((value or "").startswith("-") for value in values) or (
        len(words) > 1
        and any(v is None and w.raw.startswith((b"$", b'"$')) for w, v in zip(words, values, strict=True))
    )


class WgetProgress(CommandRule):
    """wget fills the build log with its progress.

    What it does: reports `wget` without `-q`, `-nv`, `--progress` or a log file.

    Why is this bad: without a terminal wget prints a line for every 50 KiB: thousands of lines for a large file.

    Fix safety: safe where the image's wget is GNU's by its distribution (Debian, Ubuntu, RHEL, SUSE): `-nv` only
    changes what is printed, still prints errors, and wget2 (Fedora 40) knows it too. Unsafe where the base is not
    known. No fix where the output is redirected.

    Where hadolint differs: it also reports busybox's wget on Alpine, which has no such option.

    Sources: hadolint DL3047.
    """

    code = "SHL008"
    name = "wget-progress"
    aliases = ("DL3047",)
    severity = Severity.INFO
    safety = Safety.SAFE
    commands = ("wget",)
    bad = ("FROM debian:12\nRUN wget https://example.com/a.tar.gz\n", "FROM debian:12\nRUN wget $URL\n")
    good = (
        "FROM debian:12\nRUN wget -nv https://example.com/a.tar.gz\n",
        "FROM debian:12\nRUN wget -nv $URL\n",
        "FROM alpine:3.20\nRUN wget https://example.com/a.tar.gz\n",
        "FROM debian:12\nRUN wget $OPTIONS $URL\n",
    )

    def check(self, command: Command, context: Context) -> Iterator[Finding]:
        """At wget."""
        if command.has(*_QUIET_WGET) or not command.arguments:
            return
        texts = [word.text or str(word) for word in command.arguments]
        if any(re.match(r"-[a-zA-Z]*[qoab]|-nv|--(?:q|no-v|prog)", text) for text in texts) or _options(command):
            return
        stage = command.instruction.stage
        distribution = stage.distribution if stage else None
        if distribution in ("alpine", "busybox") and not re.search(rb"\badd\b[^&|;]*\bwget\b", context.file.data):
            return
        printed = command.after == "|&" or any(
            item.descriptor == "2" or "&" in item.operator for item in command.redirections
        )
        verbose = any(text in ("-v", "-d", "-S", "--verbose", "--debug", "--show-progress") for text in texts)
        program = command.words[command.head]
        gnu = distribution in ("debian", "ubuntu", "rhel", "suse", "arch")
        yield context.found(
            self, program, "wget prints its progress into the build log",
            fix="print one line a file, with -nv",
            edits=[None if printed or verbose or command.script.exec_form else insert_word(program, b"-nv")],
            safety=None if gnu else Safety.UNSAFE,
        )  # fmt: skip


class HighUid(CommandRule):
    """useradd with a high number writes a huge sparse file.

    What it does: reports `useradd` with a UID of more than five digits and without `--no-log-init`.

    Why is this bad: `/var/log/lastlog` and `/var/log/faillog` are indexed by UID; some builders and registries write
    the holes out, and the layer grows by gigabytes.

    Fix safety: unsafe; with `-l` the two files are not written.

    Sources: hadolint DL3046.
    """

    code = "SHL009"
    name = "useradd-high-uid"
    aliases = ("DL3046",)
    safety = Safety.UNSAFE
    commands = ("useradd",)
    bad = "FROM debian:12\nRUN useradd -u 1000700000 app\n"
    good = ("FROM debian:12\nRUN useradd -l -u 1000700000 app\n", "FROM debian:12\nRUN useradd -u 1000 app\n")

    def check(self, command: Command, context: Context) -> Iterator[Finding]:
        """At useradd."""
        if command.has("-l", "--no-log-init"):
            return
        words = command.arguments
        for index, word in enumerate(words):
            text = word.text or ""
            value: str | None = None
            if re.fullmatch(r"-[a-zA-Z]*u|--uid", text) and index + 1 < len(words):
                value = command.resolve(words[index + 1])
            elif match := re.fullmatch(r"(?:--uid=|-u)(\d+)", text):
                value = match[1]
            if value and value.isdigit() and len(value) > 5:
                program = command.words[command.head]
                yield context.found(
                    self, word, f"UID {value} makes /var/log/lastlog a huge sparse file",
                    fix="leave the login logs alone, with -l", edits=[insert_word(program, b"-l")],
                )  # fmt: skip
                return


class PasswordSet(CommandRule):
    """A password is set in the image.

    What it does: reports `chpasswd`, and `passwd` fed through a pipe.

    Why is this bad: the password, or its hash, stays in a layer and in the history of everybody's copy of the image.

    Use instead: log in with keys or not at all; `usermod -L` locks an account.

    Fix safety: report only.

    Sources: Checkov CKV2_DOCKER_17.
    """

    code = "SHL010"
    name = "password-set"
    aliases = ("CKV2_DOCKER_17",)
    commands = ("chpasswd", "passwd")
    bad = "FROM debian:12\nRUN echo 'root:secret' | chpasswd\n"
    good = "FROM debian:12\nRUN useradd --system app\n"

    def check(self, command: Command, context: Context) -> Iterator[Finding]:
        """The command."""
        if command.name == "chpasswd" or (command.before == "|" and not command.has("-d", "-l", "--delete", "--lock")):
            yield context.found(self, command, "the password stays in the image for everybody who has it")


class EmptyPassword(CommandRule):
    """An account can be entered without a password.

    What it does: reports `passwd -d`, and `useradd` or `usermod` with an empty `-p`.

    Why is this bad: whoever reaches a login, `su` or sshd of the container is that user.

    Fix safety: report only.

    Sources: Dockle DKL-LI-0001.
    """

    code = "SHL011"
    name = "empty-password"
    aliases = ("DKL-LI-0001",)
    commands = ("passwd", "useradd", "usermod")
    bad = ("FROM debian:12\nRUN passwd -d root\n", "FROM debian:12\nRUN useradd -p '' app\n")
    good = "FROM debian:12\nRUN useradd --system app\n"

    def check(self, command: Command, context: Context) -> Iterator[Finding]:
        """The option."""
        if command.name == "passwd":
            option = command.option("-d", "--delete")
            if option is not None and not command.has("-l", "--lock"):
                yield context.found(self, option, "this account can be entered without a password")
            return
        words = command.arguments
        for word, value in pairwise(words):
            if word.text in ("-p", "--password") and value.text == "":
                yield context.found(self, word, "this account can be entered without a password")


class EverybodyMayWrite(CommandRule):
    """Everybody may change these files.

    What it does: reports `chmod 777` and its symbolic forms, outside the temporary directories.

    Why is this bad: any process in the container, whatever its user, can replace what is run. With `-R` in a later
    layer it also stores every file a second time.

    Use instead: give the files to the user who needs them: `COPY --chown=app:app`, `chmod u+rwX`.

    Fix safety: report only; modes are a matter of who runs the container (platforms that choose a UID want `g=u`).

    Sources: ours.
    """

    code = "SHL012"
    name = "everybody-may-write"
    severity = Severity.INFO
    commands = ("chmod",)
    bad = "FROM debian:12\nRUN chmod -R 777 /app\n"
    good = ("FROM debian:12\nRUN chmod 755 /app/run\n", "FROM debian:12\nRUN chmod 1777 /tmp\n")

    def check(self, command: Command, context: Context) -> Iterator[Finding]:
        """The mode."""
        words = command.operands()
        if not words or not re.fullmatch(r"0?0?777|(?:a|ugo)[+=](?:rwx|rwX)", words[0].text or ""):
            return
        paths = [word.text or str(word) for word in words[1:]]
        if paths and all(path.startswith(_TEMPORARY) for path in paths):
            return
        yield context.found(self, words[0], "every user of the container may change these files")


class SetuidAdded(CommandRule):
    """A program gets the setuid bit.

    What it does: reports `chmod u+s`, `+s` and octal modes with the setuid bit.

    Why is this bad: whoever runs it is root (or its owner) for that while: a way out of `USER app`.

    Fix safety: report only.

    Sources: Dockle CIS-DI-0008, which lists such files in the image.
    """

    code = "SHL013"
    name = "setuid-added"
    aliases = ("CIS-DI-0008",)
    severity = Severity.INFO
    commands = ("chmod",)
    bad = "FROM debian:12\nRUN chmod u+s /usr/bin/tool\n"
    good = (
        "FROM debian:12\nRUN chmod 755 /usr/bin/tool\n",
        "FROM debian:12\nRUN find / -perm /6000 -type f -exec chmod a-s {} +\n",
    )

    def check(self, command: Command, context: Context) -> Iterator[Finding]:
        """The mode."""
        words = command.operands()
        if words and re.fullmatch(r"0?[467][0-7]{3}|(?:u|ug|a)?\+[rwxX]*s[rwxX]*", words[0].text or ""):
            yield context.found(self, words[0], "whoever runs this program becomes its owner")


class DuplicateUid(CommandRule):
    """Two users share one number.

    What it does: reports `useradd`, `usermod`, `groupadd` and `groupmod` with `-o` (`--non-unique`).

    Why is this bad: the kernel knows numbers only: each can do what the other can; with UID 0 a second root.

    Fix safety: report only.

    Sources: Dockle DKL-LI-0002.
    """

    code = "SHL014"
    name = "duplicate-uid"
    aliases = ("DKL-LI-0002",)
    severity = Severity.INFO
    commands = ("useradd", "usermod", "groupadd", "groupmod")
    bad = "FROM debian:12\nRUN useradd -o -u 0 toor\n"
    good = "FROM debian:12\nRUN useradd -u 1000 app\n"

    def check(self, command: Command, context: Context) -> Iterator[Finding]:
        """The option."""
        option = command.option("-o", "--non-unique")
        if option is not None:
            yield context.found(self, option, "the number may already be another user's")
