"""Traces: written, read, merged; logs as the sensor leaves them; accounts."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import pytest

from jettison.errors import InputError, UsageError
from jettison.trace import Executed, Trace, load, merge, save
from jettison.trace import log as logs
from jettison.trace.accounts import Account, account
from jettison.trace.trace import to_json

if TYPE_CHECKING:
    from pathlib import Path

TRACE = Trace(
    paths={"/b\udcff": frozenset({"stat", "read"}), "/a": frozenset({"exec"})},
    missing={"/no": 3},
    executed=(Executed("/a", "a", ("/lib/ld.so",)),),
    notes=("one",),
    architecture="amd64",
    image="sha256:0",
    command=("a",),
    sources=("http /",),
)


def test_a_trace_is_read_as_it_was_written(tmp_path: Path) -> None:
    save(TRACE, tmp_path / "trace.json")
    assert load(tmp_path / "trace.json") == TRACE
    assert to_json(load(tmp_path / "trace.json")) == (tmp_path / "trace.json").read_bytes()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is no trace"),
        ("[]", "which version"),
        ('{"jettison_trace": 2, "paths": {}}', "format 2"),
        ('{"jettison_trace": 1}', "no sound trace"),
        ('{"jettison_trace": 1, "paths": {"/a": ["fly"]}}', "'fly'"),
        ('{"jettison_trace": 1, "paths": {"/a": 1}}', "no sound trace"),
    ],
)
def test_what_is_no_trace_is_refused(text: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "t").write_text(text)
    with pytest.raises(InputError, match=said) as caught:
        load(tmp_path / "t")
    assert str(tmp_path) in str(caught.value)


def test_merging_unites() -> None:
    other = Trace(paths={"/a": frozenset({"read"})}, missing={"/no": 1}, lost=2, complete=False, architecture="amd64")
    both = merge([TRACE, other])
    assert both.paths == {"/a": {"exec", "read"}, "/b\udcff": {"read", "stat"}}
    assert both.missing == {"/no": 4}
    assert (both.lost, both.complete, both.image, both.command) == (2, False, None, ("a",))
    assert merge([TRACE]) == TRACE
    with pytest.raises(UsageError, match="no trace"):
        merge([])
    with pytest.raises(UsageError, match="amd64, arm64"):
        merge([TRACE, Trace(paths={}, architecture="arm64")])


def header(lost: int = 0) -> bytes:
    return struct.pack("<8s7Q", logs.MAGIC, 5_000_000_000, 9, lost, 0, 0, 1, 0)


def test_a_log_that_a_kill_cut_off_is_read_up_to_there() -> None:
    whole = header(4) + b"P21\0/a\0M2\0/no\0X/a\0a\0/ld\n/sh\0Nnote\0"
    log = logs.parse(whole)
    assert log.paths == {"/a": {"read", "exec"}}
    assert (log.missing, log.notes, log.lost, log.beat) == ({"/no": 2}, ("note",), 4, 5.0)
    assert log.executed == (Executed("/a", "a", ("/ld", "/sh")),)
    for size in range(64, len(whole)):
        assert logs.parse(whole[:size]).paths.keys() <= {"/a"}
    assert logs.parse(logs.EMPTY) == logs.Log()


@pytest.mark.parametrize("data", [b"", b"x" * 64, header() + b"Qwhat\0"])
def test_what_is_no_log_is_refused(data: bytes) -> None:
    with pytest.raises(InputError):
        logs.parse(data)


PASSWD = b"root:x:0:0:root:/root:/bin/sh\nsvc:x:42:43::/home/svc:/bin/sh\nbroken\n"
GROUP = b"root:x:0:\nsvc:x:43:\nextra:x:77:other,svc\n"


@pytest.mark.parametrize(
    ("user", "expected"),
    [
        ("svc", Account(42, 43, (77,), "/home/svc")),
        ("42", Account(42, 43, (77,), "/home/svc")),
        ("svc:extra", Account(42, 77, (), "/home/svc")),
        ("42:99", Account(42, 99, (), "/home/svc")),
        ("1234", Account(1234, 0, (), None)),
        ("root", Account(0, 0, (), "/root")),
    ],
)
def test_users_are_who_an_engine_says(user: str, expected: Account) -> None:
    assert account(user, PASSWD, GROUP) == expected


@pytest.mark.parametrize("user", ["nobody", "svc:nogroup"])
def test_unknown_users_are_refused(user: str) -> None:
    with pytest.raises(UsageError, match="the image has no"):
        account(user, PASSWD, GROUP)
