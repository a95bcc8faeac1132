"""Tapes: any range, any number of times, in any order; and nothing but the right bytes."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from jettison.errors import DigestMismatch, RemoteError
from jettison.oci.descriptor import Descriptor
from jettison.oci.digest import Digest
from jettison.registry import tape as tapes
from jettison.registry.retry import Interrupted
from jettison.registry.tape import Tape

if TYPE_CHECKING:
    from collections.abc import Iterator

DATA = random.Random(3).randbytes(100_000)


@dataclass
class Counted:
    """A source that knows how often it was begun."""

    data: bytes
    piece: int = 999
    begun: int = 0
    breaks: bool = False

    @property
    def size(self) -> int:
        return len(self.data)

    def chunks(self) -> Iterator[bytes]:
        self.begun += 1
        for start in range(0, len(self.data), self.piece):
            yield self.data[start : start + self.piece]
            if self.breaks:
                raise Interrupted("the connection broke", where="source")


def tape_of(source: Counted, data: bytes = DATA) -> Tape:
    return Tape(source, Descriptor(digest=str(Digest.of(data)), size=len(data)), "here")


def read(tape: Tape, start: int, end: int) -> bytes:
    return b"".join(tape.pieces(start, end))


@pytest.mark.parametrize("seed", range(20))
def test_any_ranges(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    chance = random.Random(seed)
    monkeypatch.setattr(tapes, "MEMORY", chance.choice([0, 500, 5_000, 1_000_000]))
    tape = tape_of(Counted(DATA, piece=chance.choice([1_000, 999, 33_333, 200_000])))
    for _ in range(20):
        start, end = sorted((chance.randrange(len(DATA) + 1), chance.randrange(len(DATA) + 1)))
        assert read(tape, start, end) == DATA[start:end]
    tape.verify()


def test_a_little_way_back_costs_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tapes, "MEMORY", 5_000)
    source = Counted(DATA)
    tape = tape_of(source)
    assert read(tape, 0, 50_000) == DATA[:50_000]
    assert read(tape, 45_100, len(DATA)) == DATA[45_100:]
    assert source.begun == 1
    assert tape._held < 5_000 + 2 * 999
    assert read(tape, 10, 20) == DATA[10:20]
    assert source.begun == 2


@pytest.mark.parametrize("data", [DATA[:-1], DATA + b"x", DATA[:-1] + b"x"])
def test_lies_are_found_out(data: bytes) -> None:
    tape = tape_of(Counted(data))
    with pytest.raises(DigestMismatch):
        read(tape, 0, len(DATA))
        tape.verify()


def test_a_source_that_breaks_is_no_reason_to_try_the_target_again() -> None:
    with pytest.raises(RemoteError, match="the connection broke") as caught:
        read(tape_of(Counted(DATA, breaks=True)), 0, len(DATA))
    assert not isinstance(caught.value, Interrupted)
