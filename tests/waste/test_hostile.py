"""Names made to take long, or to reach deep: bounded time, no complaint."""

from __future__ import annotations

import time

import pytest

from waste.layering import GONE, analysis, booked

SHAPES = {
    "deep": "/".join(["d"] * 2000),
    "node_modules": "node_modules/" * 250 + "x",
    "long node_modules": "node_modules/" * 300 + "x",
    "site-packages": "site-packages/tests/" * 150 + "x",
    "one long name": "jdk" * 1300,
    "jdk": "openjdkopenjdkopenjdk/" * 150 + "x",
    "private": "private" * 30 + ".pem",
    "very private": "private" * 570 + ".kem",
    "gems": "gems/1/gems/" * 300 + "x",
    "caches": ".cache/" * 500 + "x",
    "include": "usr/" + "include/" * 450 + "x",
}


@pytest.mark.parametrize("shape", SHAPES)
def test_time_is_bounded(shape: str) -> None:
    path = SHAPES[shape]
    commands = ["COPY . ."]
    started = time.process_time()
    analysis({f"{path}{number}.pyc": b"x" for number in range(20)}, commands=commands)
    assert time.process_time() - started < 5


def test_a_deep_path_that_is_deleted() -> None:
    deep = SHAPES["deep"]
    assert booked(analysis({f"{deep}/a": b"x" * 7}, {"d": GONE})) == {f"{deep}/a": ("deleted-later", 7)}
