"""The tree is the file, byte for byte, and sees what BuildKit sees."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jettison.dockerfile import parse
from jettison.finding import Span

if TYPE_CHECKING:
    from collections.abc import Callable

CORNERS = {
    "everything": b"\xef\xbb\xbfRUN echo a \\\n\n  b \\\n# c\n  c\nRUN\techo\nrun x\nRUN [\"apk\",\"add\",\"git\"]\n"
    b"ENV FOO bar baz\nUSER root",
    "windows": b"# escape=`\r\nFROM x\r\nCOPY x c:\\\r\nWORKDIR C:\\app\r\nRUN a `\r\n  # c\r\n  && b\r\n",
    "heredocs": b'FROM x\nRUN <<EOF\n# not a comment\napt-get update\nEOF\nCOPY <<-"CONF" /x\n\tRUN apt-get\n\tCONF\n'
    b"RUN python3 <<'PY'\nprint(1)\nPY\nCMD [\"x\"]\n",
    "two heredocs": b"FROM x\nCOPY <<A <<B /d/\na\nA\nb\nB\n# note\nRUN true\n",
    "onbuild heredoc": b"FROM x\nONBUILD RUN <<E\ntrue\nE\nRUN y\n",
    "blanks after continuation": b"FROM x\nRUN a \\  \t\n  b\\\n\n\n c\n",
    "glued": b"FROM x\nRUN\\\n echo\nRUN a\\\n\\\nb\n",
    "latin-1": b"FROM x\nRUN echo \xe9\xff # \xfc\n",
    "empty": b"",
    "only comments": b"# a\n\n  # b",
    "carriage returns": b"FROM x\r\n\r\nRUN a \\\r\n b\r\n",
}  # fmt: skip


@pytest.mark.parametrize("data", CORNERS.values(), ids=CORNERS)
def test_round_trip(data: bytes) -> None:
    file = parse(data)
    assert b"".join(node.data for node in file.nodes) == data


@given(st.lists(st.sampled_from(
    [b"RUN a", b"FROM x", b"\\", b"\n", b"\r\n", b" ", b"\t", b"# c", b"<<E", b"E", b"`", b'"', b"'", b"[", b"]",
    b"\xff", b"--x=1", b"$",
     b"{", b"ONBUILD ", b"COPY", b"ENV a=b", b"# escape=`", b"&& b"]), max_size=30))  # fmt: skip
@settings(max_examples=300, deadline=None)
def test_round_trip_of_anything(parts: list[bytes]) -> None:
    data = b"".join(parts)
    file = parse(data)
    assert b"".join(node.data for node in file.nodes) == data
    for instruction in file.instructions:
        assert instruction.words is not None
        assert instruction.scripts is not None
        assert instruction.body_span.end <= len(data)


def test_kinds_lines_and_words() -> None:
    file = parse(CORNERS["heredocs"])
    assert [(i.kind, i.line) for i in file.instructions] == [
        ("FROM", 1),
        ("RUN", 2),
        ("COPY", 6),
        ("RUN", 9),
        ("CMD", 12),
    ]
    copy = file.instructions[2]
    assert [word.text for word in copy.words] == ['<<-"CONF"', "/x"]
    assert copy.heredocs[0].quoted and copy.heredocs[0].dash
    assert file.data[copy.heredocs[0].body.start : copy.heredocs[0].body.end] == b"\tRUN apt-get\n"


def test_continued_words_map_to_their_bytes() -> None:
    file = parse(b"FROM x\nRUN apt-get install -y curl \\\n    # and git\n    gi\\\nt\n")
    command = file.instructions[1].script.commands[0]  # type: ignore[union-attr]
    assert [word.text for word in command.words] == ["apt-get", "install", "-y", "curl", "git"]
    assert file.data[command.words[-1].span.start : command.words[-1].span.end] == b"gi\\\nt"
    assert [comment.data for comment in file.comments] == [b"# and git"]
    assert file.source.position(command.words[-1].span.start) == (4, 5)


def test_columns_count_characters() -> None:
    file = parse("FROM x\nRUN echo ä && apt-get update\n".encode())
    command = file.instructions[1].script.commands[1]  # type: ignore[union-attr]
    assert file.source.position(command.span.start) == (2, 15)


def test_flags_pairs_json() -> None:
    file = parse(
        b'FROM --platform=linux/amd64 a AS b\nRUN --mount=type=cache,target="/x" --network=none y\nENV A="1 2" B=$A\n'
        b'ENV C d e\nCMD ["a", "b\\n"]\nCMD ["a"] # x\n'
    )
    run, env, legacy, cmd, fallen = file.instructions[1:]
    assert [(flag.name, flag.value) for flag in run.flags] == [("mount", "type=cache,target=/x"), ("network", "none")]
    assert run.mounts() == [{"type": "cache", "target": "/x"}]
    assert run.mounted("/x/y") and not run.mounted("/xy")
    assert [(str(p.name), str(p.value)) for p in env.pairs] == [("A", '"1 2"'), ("B", "$A")]
    assert [(str(p.name), str(p.value), p.legacy) for p in legacy.pairs] == [("C", "d e", True)]
    assert [word.text for word in cmd.json or ()] == ["a", "b\n"]
    assert fallen.json is None


REFUSED = {
    b"": "no instructions",
    b"RUN x\nFROM a\n": "RUN stands before the first FROM",
    b"FROM a\nFRUM b\n": "unknown instruction FRUM; expected FROM?",
    b"FROM a b\n": "FROM is followed by 2 words",
    b"FROM a AS 1x\n": "invalid stage name",
    b"FROM a\nCOPY a\n": "fewer than two",
    b"FROM a\nENV X\n": "a name and no value",
    b"FROM a\nENV X=1 Y\n": "no = in 'Y'",
    b"FROM a\nENV =1\n": "no name before =",
    b"FROM a\nENV X='1\n": "unclosed quote",
    b"FROM a\nENV X=${A\n": "unclosed ${",
    b"FROM a\nRUN <<EOF\nx\n": "here-document is not closed",
    b"FROM a\nCMD [1]\n": "something else than strings",
    b"FROM a\nSHELL bash\n": "not in JSON form",
    b"FROM a\nCOPY --chwon=1 a b\n": "no flag --chwon; expected --chown?",
    b"FROM a\nRUN --network x\n": "has no value",
    b"FROM a\nUSER\n": "USER has no argument",
    b"FROM a\nHEALTHCHECK FOO\n": "unknown HEALTHCHECK type",
    b"FROM a\nHEALTHCHECK --interval=5x CMD y\n": "no duration",
    b"FROM a\nONBUILD FROM b\n": "not allowed inside ONBUILD",
    b"# escape=x\nFROM a\n": "invalid escape character",
    b"FROM a\nRUN a\n&& b\n": "lack its continuation",
    b"FROM a\nRUN --mount=type=cash,target=/x y\n": "unknown type of mount 'cash'",
    b"FROM a\nRUN --mount=tpye=cache,target=/x y\n": "no key 'tpye'; expected type?",
    b"FROM a\nRUN --mount=type=cache,target=/x,size=1m y\n": "a cache mount has no size",
    b"FROM a\nRUN --mount=type=secret,required y\n": "which secret",
    b"FROM a\nRUN --mount=type=bind,from=$x,target=/y z\n": "from takes no variables",
    b"FROM a\nRUN --mount=type=tmpfs,target=/ y\n": "on the root directory",
    b"FROM a\nRUN --network=nat y\n": "unknown network 'nat'",
    b"FROM a\nEXPOSE 80 http\n": "invalid port 'http'",
    b"FROM a\nEXPOSE 80 #\n": "invalid port '#'",
    b"FROM a\nEXPOSE 70000\n": "invalid port '70000'",
    b"FROM a\nEXPOSE 80/http\n": "unknown protocol 'http'",
    b"FROM a\nEXPOSE 80-70:8080\n": "invalid port '80-70'",
    b"FROM a\nSTOPSIGNAL SIGTREM\n": "unknown signal 'SIGTREM'",
    b'FROM a\nVOLUME ["/x", ""]\n': "an empty path",
    b"FROM A\n": "invalid image name 'A': repository names are lower case",
    b"FROM --platform=amd65 a\n": "unknown operating system or architecture 'amd65'",
    b"FROM a\nCOPY --from=a:b:c x /\n": "invalid image name 'a:b:c'",
    b"FROM a\nCOPY --from=1 x /\n": "there is no stage 1",
    b"FROM a\nCOPY --from=$b x /\n": "--from takes no variables",
    b"FROM a AS b\nCOPY --from=c x /\nFROM a AS c\n": "does not come before",
    b"FROM a AS b\nRUN --mount=from=b,target=/x y\n": "does not come before",
    b"FROM a\nCOPY --chmod=999 x /\n": "invalid mode '999'",
    b"FROM a\nCOPY --link --chown=me x /\n": "cannot look 'me' up",
    b"FROM a\nCOPY https://a.b/c /\n": "COPY cannot fetch",
    b"FROM a\nADD --checksum=sha256:12 https://a.b/c /\n": "invalid checksum",
    b"FROM a\nENV x=${y:i}\n": "${y:i...}, which is no form of substitution",
    b"FROM a\nENV x=${}\n": "without a name",
    b"FROM a\nCOPY <<E /x\n${y:i}\nE\n": "no form of substitution",
    b"FROM a\nRUN " + b"x" * 70_000 + b"\n": "a line of 70,005 bytes",
}


@pytest.mark.parametrize(("data", "message"), REFUSED.items(), ids=range(len(REFUSED)))
def test_refused(data: bytes, message: str) -> None:
    problems = parse(data).problems
    assert len(problems) == 1
    assert message in str(problems[0])
    assert isinstance(problems[0].span, Span)


ACCEPTED = [
    b"EXPOSE 80:80", b"EXPOSE ${P:-1}", b"RUN --mount=type=secret,id=x true", b'CMD ["a"] # x',
    b"RUN", b"CMD",
    b"COPY --from=a --link x y", b"ENV A=it\\'s", b"LABEL a='b c' d=\"e\"", b"MAINTAINER it's me", b"ENV A it",
    b"ENV A=\"${B:-'x'}\"",
    b"VOLUME [\"/a\"]", b"HEALTHCHECK NONE", b"HEALTHCHECK --interval=1m30s CMD x", b"ARG A B=1",
    b"RUN echo it's <<A", b"ONBUILD ADD a b", b"EXPOSE 8000-8010/udp 127.0.0.1:80:8080 [::1]:80:90", b"STOPSIGNAL 15",
    b"STOPSIGNAL sigrtmin+3", b"RUN --mount=type=cache,target=/x,sharing=locked,uid=1000,mode=0700 y",
    b"RUN --mount=type=bind,from=b,src=/a,dst=/b,rw y", b"RUN --mount=type=tmpfs,target=/x,size=64m y",
    b"RUN --mount=type=ssh,required y", b"RUN --mount=type=cache,target=/x/$y,id=${y:-z} a", b"RUN --network=none y",
    b"COPY --chmod=u=rwX,go=rX a b", b"COPY --link --chown=root:0 a b", b"COPY --from=alpine:3.20 a b",
    b"ADD --checksum=sha256:" + b"0" * 64 + b" https://a.b/c /", b"ADD https://github.com/a/b.git /x",
    b"ENV A=${B%x*} C=${D/e/f} G=${H:+i}", b"COPY <<'E' /x\n${y:i}\nE",
    b"FROM --platform=linux/arm64/v8 localhost:5000/a/b",
    b"FROM a@sha256:" + b"0" * 64 + b" AS b-1.x", b"ARG --x=y z", b"VOLUME /a /$b",
]  # fmt: skip


@pytest.mark.parametrize("line", ACCEPTED)
def test_accepted(line: bytes) -> None:
    assert not parse(b"FROM a\n" + line + b"\n").problems


def test_as_buildkit(buildkit: Callable[[dict[str, bytes]], dict[str, dict[str, Any]]]) -> None:
    """BuildKit refuses and accepts the same, at the same line."""
    files = {str(number): data for number, data in enumerate([*REFUSED, *(b"FROM a\n" + x + b"\n" for x in ACCEPTED)])}
    wrong = []
    for name, answer in buildkit(files).items():
        if "line greater than" in (answer.get("refused") or ""):
            continue  # BuildKit names the line before it
        file = parse(files[name])
        lines = [file.source.line(problem.span.start) for problem in file.problems]
        refused = answer.get("refused") or answer.get("check")
        if bool(lines) != bool(refused) or (lines and not {0, *lines} & {*answer.get("lines", [0])}):
            wrong.append((files[name][:100], lines, answer.get("lines"), refused))
    assert not wrong
