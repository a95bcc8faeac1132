"""The table of commands, the shell that runs them, variables, stages."""

from __future__ import annotations

import pytest

from jettison.dockerfile import parse
from jettison.dockerfile.bases import distribution
from jettison.dockerfile.expand import expand
from jettison.dockerfile.shell import Inside, Script


def script(text: bytes, head: bytes = b"FROM debian:12\n") -> Script:
    found = parse(head + text).instructions[-1].script
    assert found is not None
    return found


def test_joiners_and_redirections() -> None:
    table = script(b"RUN a && b > f || c | d 2>&1; e &\n")
    assert [(c.before, c.name, c.after) for c in table.commands] == [
        ("", "a", "&&"), ("&&", "b", "||"), ("||", "c", "|"), ("|", "d", ";"), (";", "e", "&"),
    ]  # fmt: skip
    assert [r.target.text for r in table.commands[1].redirections if r.target] == ["f"]
    assert table.commands[2].inside & Inside.ALTERNATIVE and table.commands[2].inside & Inside.PIPELINE


def test_surroundings() -> None:
    table = script(b"RUN if q; then y; else n; fi; for i in 1; do l; done; (s); f() { b; }; x=$(u)\n")
    inside = {c.name: c.inside for c in table.commands if c.name}
    assert inside == {
        "q": Inside.QUESTION, "y": Inside.CONDITION, "n": Inside.CONDITION, "l": Inside.LOOP, "s": Inside.SUBSHELL,
        "b": Inside.FUNCTION, "u": Inside.SUBSTITUTION,
    }  # fmt: skip


def test_words() -> None:
    table = script(b"RUN A=1 sudo -E B=2 /usr/bin/apt-get -qqy install 'a b' c\\ d \"e$F\" $G x\"y\"'z'\n")
    command = table.commands[0]
    assert command.name == "apt-get"
    assert [word.text for word in command.operands()] == ["install", "a b", "c d", None, None, "xyz"]
    assert command.has("-y") and not command.has("-x")
    assert [a.name for a in command.assignments] == ["A"]


def test_errexit_and_resolve() -> None:
    table = script(b"RUN set -eux; P=python3=3.11; apt-get install $P $Q $R\n", b"FROM a\nARG Q=q\n")
    command = table.commands[-1]
    assert command.errexit and not table.commands[0].errexit
    assert [command.resolve(word) for word in command.words[2:]] == ["python3=3.11", "q", None]


def test_heredocs() -> None:
    assert [c.name for c in script(b"RUN <<EOF\na\nb c\nEOF\n").commands] == ["a", "b"]
    assert script(b"RUN <<EOF\n#!/usr/bin/env python\nprint(1)\nEOF\n").opaque
    scripts = parse(b"FROM a\nRUN bash -e <<EOF\na\nb\nEOF\n").instructions[-1].scripts
    assert [[c.name for c in s.commands] for s in scripts] == [["bash"], ["a", "b"]]
    assert scripts[1].shell.errexit
    nested = script(b"RUN cat <<EOF > /f && b\ntext\nEOF\n")
    assert [c.name for c in nested.commands] == ["cat", "b"]


@pytest.mark.parametrize(("text", "name", "program"), [
    (b"FROM alpine\nRUN x\n", "sh", "ash"),
    (b"FROM python:3.12-slim\nRUN x\n", "sh", "dash"),
    (b"FROM a\nRUN x\n", "sh", None),
    (b'FROM debian AS b\nSHELL ["/bin/bash", "-eo", "pipefail", "-c"]\nFROM b\nRUN x\n', "bash", "bash"),
    (b"FROM mcr.microsoft.com/windows/nanoserver:1809\nRUN x\n", "cmd", "cmd"),
    (b"# hadolint shell=powershell\nFROM a\nRUN x\n", "powershell", "powershell"),
    (b'# escape=`\nFROM a\nSHELL ["powershell", "-Command"]\nRUN x\n', "powershell", "powershell"),
])  # fmt: skip
def test_shell_of(text: bytes, name: str, program: str | None) -> None:
    shell = script(text, b"").shell
    assert (shell.name, shell.program) == (name, program)


def test_deep_nesting_is_an_error_not_a_crash() -> None:
    assert script(b"RUN echo " + b"$(" * 5000 + b")" * 5000 + b"\n").has_error


@pytest.mark.parametrize(("text", "value"), [
    ("$A", "1"), ("${A}x", "1x"), ("$U", None), ("${U:-y}", None), ("${E:-y}", "y"), ("${E-y}", ""), ("${A:+z}",
    "z"), ("${E:+z}", ""),
    ("'$A'", "$A"), ('"$A"', "1"), ("\\$A", "$A"), ("${P#*/}", "b/c"), ("${P##*/}", "c"), ("${P%/*}", "a/b"),
    ("${P%%/*}", "a"),
    ("${P/b/x}", "a/x/c"), ("${P//?/x}", "xxxxx"), ("${A", None), ("a$", "a$"), ("${E:-${A}}", "1"),
])  # fmt: skip
def test_expand(text: str, value: str | None) -> None:
    assert expand(text, {"A": "1", "E": "", "P": "a/b/c"}) == value


def test_stages_and_scopes() -> None:
    file = parse(
        b"ARG V=12\nFROM debian:$V AS base\nENV A=1\nARG B=2\nFROM base AS build\nARG V\nRUN $A $B $V\n"
        b"FROM scratch\nCOPY --from=build /x /\nFROM alpine AS test\nRUN --mount=from=build,target=/b x\n"
    )
    base, build, final, test = file.stages
    assert base.base == "debian:12" and build.parent is base and final.sources == [build] and test.sources == [build]
    assert [stage.ships for stage in file.stages] == [False, False, True, True]
    known = file.variables(build.instructions[-1])
    assert (known.get("A"), known.get("B"), known.get("V")) == ("1", None, "12")
    assert build.distribution == "debian"


def test_a_stage_for_tests_ships_what_it_builds_on() -> None:
    text = b"FROM debian:12 AS build\nFROM debian:12 AS app\nCOPY --from=build /x /\nFROM app AS %s\nRUN x\n"
    assert [stage.ships for stage in parse(text % b"test").stages] == [False, True, False]
    assert [stage.ships for stage in parse(text % b"latest").stages] == [False, True, True]


def test_distribution() -> None:
    names = [
        "node:18-alpine",
        "python",
        "registry.example/x/ubuntu:22.04",
        "centos:7",
        "acme/app",
        "scratch",
        "golang:1.22-bookworm",
    ]
    assert [distribution(name) for name in names] == ["alpine", "debian", "ubuntu", "rhel", None, "scratch", "debian"]
