"""Fixes are proved or undone; the failures of other fixers; ignores."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from jettison.dockerfile import parse
from jettison.dockerfile.edit import Shift, apply, delete, insert, replace, select
from jettison.finding import Edit, Finding, Fix, Safety, Span
from jettison.proof.conserve import conserve
from jettison.rules.engine.lint import lint
from jettison.rules.engine.registry import resolve
from jettison.rules.engine.registry import select as select_rules
from jettison.rules.engine.repair import repair
from jettison.rules.engine.rule import CommandRule
from jettison.rules.engine.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jettison.dockerfile.shell import Command
    from jettison.rules.engine.context import Context

HEAD = b"FROM debian:12\n"
APT = select_rules(Settings(select=("APT", "SYN", "IGN"), ignore=("APT001", "APT010")))
RM = b" && rm -rf /var/lib/apt/lists/*"

# Numbers are those of docs: inputs on which other fixers broke files, and what ours makes of them.
CASES = {
    "comment before the last word": (
        b"RUN apt-get update && apt-get install -y curl \\\n    # and git for the deploy hook\n    git\n",
        b"RUN apt-get update && apt-get install -y curl \\\n    # and git for the deploy hook\n    git" + RM + b"\n",
    ),
    "already clean": (
        b"RUN apt-get update && apt-get -y install traceroute \\\n    jq \\\n    && rm -rf /var/lib/apt/lists/*\n",
        None,
    ),
    "cache mount": (b"RUN --mount=type=cache,target=/var/lib/apt apt-get update && apt-get install -y x\n", None),
    "crlf": (b"RUN apt-get update \\\r\n  && apt-get install -y x\r\n",
             b"RUN apt-get update \\\r\n  && apt-get install -y x \\\r\n  && rm -rf /var/lib/apt/lists/*\r\n"),
    "no final newline": (b"RUN apt-get update && apt-get install -y x",
    b"RUN apt-get update && apt-get install -y x" + RM),
    "exec form": (b'RUN ["apt-get", "update"]\n', None),
    "or": (b"RUN apt-get update && apt-get install -y x || true\n",
           b"RUN apt-get update && apt-get install -y x || true" + RM + b"\n"),
    "errexit, list at the end": (b"RUN set -e; apt-get update && apt-get install -y x\n",
                                 b"RUN set -e; apt-get update && apt-get install -y x" + RM + b"\n"),
    "errexit, compound at the end": (
        b"RUN set -e; apt-get update; if a; then apt-get install -y x; fi\n",
        b"RUN set -e; apt-get update; if a; then apt-get install -y x; fi; rm -rf /var/lib/apt/lists/*\n"),
    "errexit, list with a compound at its end": (
        b"RUN set -e; apt-get update; a && { b; apt-get install -y x; }\n", None),
    "background": (b"RUN apt-get update && apt-get install -y x &\n", None),
    "trailing shell comment": (b"RUN apt-get update && apt-get install -y x # hooks\n",
                               b"RUN apt-get update && apt-get install -y x" + RM + b" # hooks\n"),
    "trailing semicolon": (b"RUN apt-get update; apt-get install -y x;\n",
                           b"RUN apt-get update; apt-get install -y x" + RM + b";\n"),
    "broken shell": (b"RUN apt-get update && (apt-get install -y x\n", None),
    "blank line inside": (b"RUN apt-get update && \\\n\n  apt-get install -y x\n",
                          b"RUN apt-get update && \\\n\n  apt-get install -y x" + RM + b"\n"),
    "onbuild": (b"ONBUILD RUN apt-get update && apt-get install -y x\n",
                b"ONBUILD RUN apt-get update && apt-get install -y x" + RM + b"\n"),
    "a later RUN needs the lists": (b"RUN apt-get update && apt-get install -y x\nRUN apt-get install -y y\n", None),
    "a later script may": (b"RUN apt-get update && apt-get install -y x\nRUN ./more.sh\n", None),
    "builder stage": (b"RUN apt-get update && apt-get install -y x\nFROM scratch\nCOPY --from=0 /x /\n", None),
    "package order": (b"RUN apt-get install -y b a\n", None),
    "update alone, far": (b"RUN apt-get update\nENV A=1\nRUN apt-get install -y x" + RM + b"\n", None),
    "update alone, comment between": (b"RUN apt-get update\n# why\nRUN apt-get install -y x" + RM + b"\n", None),
    "update alone, or": (b"RUN apt-get update\nRUN apt-get install -y x || true\n", None),
    "powershell": (b'SHELL ["powershell"]\nRUN apt-get update; apt-get install x\n', None),
    "syntax error": (b"RUN apt-get update && apt-get install -y x\nFRUM y\n", None),
}  # fmt: skip


@pytest.mark.parametrize(("before", "after"), CASES.values(), ids=CASES)
def test_case(before: bytes, after: bytes | None) -> None:
    result = repair(HEAD + before, rules=APT)
    assert result.data.decode() == (HEAD + (after or before)).decode()
    assert not result.refused
    assert repair(result.data, rules=APT).data == result.data


def test_bom_and_backtick_survive() -> None:
    data = b"\xef\xbb\xbf# escape=`\r\nFROM debian\r\nRUN apt-get update `\r\n && apt-get install -y x\r\n"
    assert repair(data, rules=APT).data == data.replace(b"-y x\r\n", b"-y x `\r\n && rm -rf /var/lib/apt/lists/*\r\n")


class Wild(CommandRule):
    """Replaces a command by what the test says."""

    code = "TST001"
    name = "wild"
    safety = Safety.SAFE
    commands = ("victim",)
    text = b""

    def check(self, command: Command, context: Context) -> Iterator[Finding]:
        yield context.found(self, command, "found", fix="break it", edits=[replace(command.span, self.text)])


@pytest.mark.parametrize(("text", "reason"), [
    (b"if", "not understood"),
    (b"victim x", "still found"),
    (b"x\nFOO", "does not parse"),
    (b"x\nUSER root", "no longer a word"),
    (b"x <<EOF", "does not parse"),
    (b"x #", "no longer a word"),
    (b"f() {", "not understood"),
    (b"false &&", "not understood"),
    (b"x\\", "no longer a joiner"),
])  # fmt: skip
def test_a_breaking_fix_is_undone(text: bytes, reason: str) -> None:
    rule = Wild()
    rule.text = text  # type: ignore[misc]
    data = HEAD + b"RUN a && victim; b\n# c\nCMD x\n"
    result = repair(data, rules=(rule,))
    assert result.data == data
    assert reason in result.refused[0].reason


def test_comment_loss_is_seen() -> None:
    before = parse(HEAD + b"RUN a \\\n # keep\n b\n")
    edits = [delete(Span(before.data.index(b"# keep"), before.data.index(b"b\n")))]
    after = parse(apply(before.data, edits))
    assert "comment" in (conserve(before, after, Shift(edits)) or "")


def test_edits() -> None:
    assert apply(b"abc", [insert(1, b"x"), replace(Span(2, 3), b"yy")]) == b"axbyy"
    with pytest.raises(ValueError, match="overlaps"):
        apply(b"abc", [delete(Span(0, 2)), delete(Span(1, 3))])
    one, two, three = (Fix("", (Edit(Span(*span), b""),), Safety.SAFE) for span in ((0, 2), (1, 3), (5, 6)))
    assert select([one, two, three]) == [one, three]


@pytest.mark.parametrize(("before", "inline", "silent"), [
    (b"# jettison: ignore[APT002] because the mirror is local\n", b"", True),
    (b"# jettison: ignore[apt-lists-kept]\n", b"", True),
    (b"# jettison: ignore[DL3009]\n", b"", True),
    (b"# jettison: ignore\n", b"", True),
    (b"# jettison: ignore-file[APT]\nUSER root\n", b"", True),
    (b"# hadolint ignore=DL3009,DL3015\n", b"", True),
    (b"# hadolint ignore=DL3009\nUSER root\n", b"", False),
    (b"# hadolint global ignore=DL3009 # why\nUSER root\n", b"", True),
    (b"# hadolint stage ignore=DL3009\nUSER root\n", b"", True),
    (b"", b" # jettison: ignore[APT002]", True),
    (b"", b"", False),
    (b"# jettison: ignore[APT003]\n", b"", False),
])  # fmt: skip
def test_ignores(before: bytes, inline: bytes, silent: bool) -> None:
    data = HEAD + before + b"RUN apt-get update && apt-get install -y x" + inline + b"\n"
    codes = {finding.code for finding in lint(data, rules=APT).findings}
    assert ("APT002" not in codes) is silent
    assert ("IGN001" in codes) is (b"APT003" in before)


def test_check_directive() -> None:
    data = b"# check=skip=DL3009\nFROM debian\nRUN apt-get update\n"
    assert "APT002" not in {finding.code for finding in lint(data, rules=APT).findings}
    assert "APT002" in {finding.code for finding in lint(data, Settings(pragmas=False)).findings}


def test_selection() -> None:
    data = HEAD + b"RUN apt update && apt install x\n"

    def codes(settings: Settings) -> set[str]:
        return {finding.code for finding in lint(data, settings).findings}

    assert codes(Settings(select=("DL3027",))) == {"APT005"}
    assert codes(Settings(select=("APT",), ignore=("apt-lists-kept", "DL3014"))) >= {"APT001", "APT004", "APT005"}
    assert "APT001" not in codes(Settings()) and "APT001" in codes(Settings(extend_select=("DL3008",)))
    assert resolve("dl3009") == {"APT002"}


def test_only_asked_for_unsafe_fixes_are_applied() -> None:
    data = HEAD + b"RUN apt-get update && apt-get install -y x && rm -rf /var/lib/apt/lists/*\n"
    assert repair(data, rules=APT).data == data
    assert b"--no-install-recommends" in repair(data, unsafe=True, rules=APT).data


def test_a_refused_fix_gets_another_chance_when_others_are_applied() -> None:
    """Copying the dependency files first repeats `uv sync`, which must not keep its cache by then."""
    text = b"FROM python:3.14-slim\nCOPY . /app\nWORKDIR /app\nRUN uv sync\n"
    once = repair(text, unsafe=True).data
    assert b"--no-install-project" in once and once.count(b"--no-cache") == 2
    assert repair(once, unsafe=True).data == once
