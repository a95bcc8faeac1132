"""A bounded run of the fuzzer; `python -m tests.fuzz --seconds 3600` runs it for longer."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from . import target
from .corpus import seeds
from .run import fuzz

if TYPE_CHECKING:
    from pathlib import Path


def test_the_corpus_itself_is_sound(tmp_path: Path) -> None:
    for name, data in seeds().items():
        assert target.read(name, data, tmp_path), name


@pytest.mark.parametrize("part", range(2))
def test_damage_gives_errors_of_ours(part: int, tmp_path: Path) -> None:
    started = time.monotonic()
    tried, refused = fuzz(tmp_path, first=part * 1_000_000, seconds=8, most=1500)
    assert tried > 20
    assert refused > tried / 3
    assert time.monotonic() - started < 60
