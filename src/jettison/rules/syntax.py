"""Files the builder refuses, and ignores that silence nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jettison.finding import Severity
from jettison.rules.engine.rule import FileRule, Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jettison.dockerfile.tree import Dockerfile
    from jettison.finding import Finding
    from jettison.rules.engine.context import Context


class SyntaxFault(FileRule):
    """The builder refuses this.

    What it does: reports what BuildKit refuses, with what was expected instead: instructions and flags it does not
    know, words it cannot read, ports, signals, modes, mounts and image names that are none, stages that come too late.
    All of it, not the first alone. Values with a variable in them are left to the build, which may be given an
    argument.

    Why is this bad: the file does not build. No fix is applied to a file with a syntax error.

    Sources: BuildKit, `frontend/dockerfile/parser`, `instructions` and `dockerfile2llb`.
    """

    code = "SYN001"
    name = "syntax-error"
    aliases = ("DL1000", "DL3061", "DL3043")
    severity = Severity.ERROR
    bad = ("FROM debian:12\nRUN echo a\nFRUM b\n", "FROM debian:12\nCOPY a\n", "FROM debian:12\nEXPOSE http\n")
    good = ("FROM debian:12\nRUN echo a\n", "FROM debian:12\nCOPY a /\n", "FROM debian:12\nEXPOSE 80\n")

    def check(self, file: Dockerfile, context: Context) -> Iterator[Finding]:
        """Hand on the problems the parser found."""
        for problem in file.problems:
            yield context.found(self, problem, str(problem))


class UnusedIgnore(Rule):
    """An ignore comment silences nothing.

    What it does: reports `# jettison: ignore[...]` comments that no finding needs, and codes that do not exist.

    Why is this bad: a stale ignore hides the next finding of that code. Remove it.

    hadolint's and BuildKit's own ignores are never reported: those tools may find more, or less, than we do.
    """

    code = "IGN001"
    name = "unused-ignore"
    severity = Severity.INFO
    bad = "FROM debian:12\n# jettison: ignore[APT005] because reasons\nRUN true\n"
    good = "FROM debian:12\n# jettison: ignore[APT005] because the mirror is local\nRUN apt install -y curl\n"
