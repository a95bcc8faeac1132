"""The fuzzer's loop. Each case has a number, and the number alone gives its bytes."""

from __future__ import annotations

import random
import time
from typing import TYPE_CHECKING

from . import target
from .corpus import seeds
from .mutation import mutate

if TYPE_CHECKING:
    from pathlib import Path

SLOW = 10.0
"""Seconds that no case may take: all are a few kilobytes."""


def case(number: int) -> tuple[str, bytes]:
    """The name of the seed and the damaged bytes of a case."""
    dice = random.Random(number)
    kind = dice.choice(("layer", "documents", "archive", "archive"))
    named = [name for name in seeds() if kind in name]
    name = dice.choice(named)
    return name, mutate(seeds()[name], dice)


def run(number: int, folder: Path) -> bool:
    """Run one case; True where the damaged image could be read. Raises `AssertionError` naming the case."""
    name, data = case(number)
    started = time.monotonic()
    try:
        well = target.read(name, data, folder)
    except Exception as error:
        raise AssertionError(f"case {number} (from {name}): {type(error).__name__}: {error}") from error
    seconds = time.monotonic() - started
    assert seconds < SLOW, f"case {number} (from {name}) took {seconds:.1f} s"
    return well


def fuzz(folder: Path, *, first: int, seconds: float, most: int) -> tuple[int, int]:
    """Run cases from `first` on, for some seconds or `most` cases. Returns how many ran, and were refused."""
    end = time.monotonic() + seconds
    refused = number = 0
    while number < most and time.monotonic() < end:
        refused += not run(first + number, folder)
        number += 1
    return number, refused
