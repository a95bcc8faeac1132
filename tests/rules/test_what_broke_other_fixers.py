"""Inputs on which other fixers broke files, under every rule of ours, safe and unsafe: what stays, what never appears.

Numbers are those of the table from which they come; the damage seen is told beside each.
"""

from __future__ import annotations

import pytest

from jettison.dockerfile import parse
from jettison.rules.engine.registry import select
from jettison.rules.engine.repair import repair
from jettison.rules.engine.settings import Settings

EVERY = select(Settings(select=("ALL",)))
ADDED = (b"\nUSER ", b"HEALTHCHECK", b"\nENV ", b"LABEL ", b"CGO_ENABLED", b"pipefail")
"""What no fix ever adds by itself."""

# Name → input, what stays in the result, what never appears in it.
CASES: dict[str, tuple[bytes, tuple[bytes, ...], tuple[bytes, ...]]] = {
    "1 comment before the last word: clean-up written after it, git an instruction": (
        b"FROM debian:12\nRUN apt-get install -y curl \\\n    # and git for the deploy hook\n    git\n",
        (b"curl \\\n    # and git for the deploy hook\n    git",), (b"hook \\", b"\ngit")),
    "2 the same, joined: git and the clean-up in the comment": (
        b"FROM debian:12\nRUN apt-get update && apt-get install -y curl \\\n  # and git\n  git\n",
        (b"\\\n  # and git\n  git && rm -rf /var/lib/apt/lists/*\n",), (b"curl #",)),
    "3 continuation lost when packages are sorted": (
        b"FROM debian:12\nRUN apt-get update && apt-get -y install traceroute \\\n    dnsutils \\\n    jq \\\n"
        b"    && rm -rf /var/lib/apt/lists/*\n",
        (b"traceroute \\\n    dnsutils \\\n    jq \\\n    && rm -rf /var/lib/apt/lists/*\n",), ()),
    "4 ENV over two lines": (
        b"FROM debian:12\nENV X \\\n    a b\n", (b"ENV X \\\n    a b\n",), (b"X=\\", b"X=")),
    "5 ADD of an address made a COPY or curl": (
        b"FROM debian:12\nADD https://example.com/x.tgz /tmp/\n",
        (b"ADD https://example.com/x.tgz /tmp/\n",), (b"COPY", b"curl")),
    "6 pipefail under dash": (
        b"FROM debian:12\nRUN curl -s u | tee x\n", (b"RUN curl -s u | tee x\n",), (b"set -o",)),
    "7 NODE_ENV=production before the build": (
        b"FROM node:22\nRUN npm install\nRUN npm run build\n", (b"npm install", b"\nRUN npm run build\n"),
        (b"NODE_ENV", b"omit")),
    "8 a user that is never made": (
        b'FROM debian:12\nENTRYPOINT ["/app"]\nCMD ["x"]\n', (b'ENTRYPOINT ["/app"]\nCMD ["x"]\n',), ()),
    "9 || joined into a list": (
        b"FROM debian:12\nRUN touch x\nRUN chmod 1 a || true\n", (b"RUN touch x\nRUN chmod 1 a || true\n",), ()),
    "9 set -e, cd and mounts stay apart": (
        b"FROM debian:12\nRUN set -e; touch a\nRUN chmod 1 a\nRUN cd /x\nRUN --mount=type=cache,target=/c touch b\n"
        b"RUN chmod 1 b\n",
        (b"\nRUN chmod 1 a\nRUN cd /x\nRUN --mount=type=cache,target=/c touch b\nRUN chmod 1 b\n",), ()),
    "10 exec form joined as text": (
        b'FROM alpine:3.20\nRUN touch x\nRUN ["chmod","1","x"]\n', (b'RUN touch x\nRUN ["chmod","1","x"]\n',), ()),
    "11 what follows a blank line dropped": (
        b"FROM debian:12\nRUN echo a \\\n\n  b c\n", (b"RUN echo a \\\n", b"  b c\n"), ()),
    "12 ENTRYPOINT in exec form begins to take CMD": (
        b'FROM node:22\nENTRYPOINT node /app/index.js\nCMD ["--port","80"]\n',
        (b"ENTRYPOINT node /app/index.js\n",), ()),
    "13 a Windows path made relative": (
        b"# escape=`\nFROM mcr.microsoft.com/windows/servercore:ltsc2022\nWORKDIR C:\\app\n",
        (b"WORKDIR C:\\app\n",), (b"/C:",)),
    "14 BOM, CRLF and the last line": (
        b"\xef\xbb\xbfFROM debian:12\r\nRUN apt-get update && apt-get install -y x\r\nRUN true",
        (b"\xef\xbb\xbfFROM debian:12\r\n", b" && rm -rf /var/lib/apt/lists/*\r\n", b"\r\nRUN true"), (b"x\n",)),
    "15 another base image": (
        b"FROM ubuntu:18.04\nRUN true\nFROM centos:8\nRUN true\n", (b"FROM ubuntu:18.04\n", b"FROM centos:8\n"), ()),
    "16 FROM with digest, platform and name": (
        b"FROM --platform=linux/amd64 img@sha256:" + b"0" * 64 + b" AS n\nRUN true\n",
        (b"FROM --platform=linux/amd64 img@sha256:" + b"0" * 64 + b" AS n\n",), ()),
    "17 --no-cache-dir under a cache mount": (
        b"FROM python:3.12\nRUN --mount=type=cache,target=/root/.cache/pip pip install x\n",
        (b"pip install x\n",), (b"no-cache-dir",)),
    "18 update alone made a no-op": (
        b"FROM debian:12\nRUN apt-get update\nENV A=1\nRUN make\n", (b"apt-get update",), (b"RUN :",)),
    "20 modes": (
        b"FROM golang:1.23\nRUN chmod 777 /tmp && go build -o /a .\n", (b"chmod 777 /tmp &&",), (b"755",)),
    "21 a here-document written in another form": (
        b"FROM debian:12\nRUN <<EOF\nset -e\napt-get update\napt-get install -y x\nEOF\nRUN touch a \\\n  b\n",
        (b"RUN <<EOF\nset -e\napt-get update\n", b"\nEOF\n", b"touch a \\\n  b\n"), (b"&& apt-get",)),
}  # fmt: skip


@pytest.mark.parametrize("unsafe", [False, True], ids=["safe", "unsafe"])
@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_what_broke_other_fixers(case: tuple[bytes, tuple[bytes, ...], tuple[bytes, ...]], unsafe: bool) -> None:
    before, kept, never = case
    after = repair(before, rules=EVERY, unsafe=unsafe).data
    assert not parse(after).problems
    assert [text for text in kept if text not in after] == []
    assert [text for text in never if text in after] == []
    assert [text for text in ADDED if after.count(text) > before.count(text)] == []
    assert repair(after, rules=EVERY, unsafe=unsafe).data == after, "23 a second run changes nothing"
