from __future__ import annotations

import time
from email.utils import formatdate

import pytest

from jettison.registry.retry import Interrupted, Patience, persistently, retry_after


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("3", 3.0),
        ("0.5", 0.5),
        ("35.852µs", 35.852e-6),
        ("1m30s", 90.0),
        ("250ms", 0.25),
        ("", None),
        (None, None),
        ("soon", None),
        ("3 apples", None),
        ("-5", None),
        ("9" * 400, None),
    ],
)
def test_retry_after(text: str | None, seconds: float | None) -> None:
    assert retry_after(text) == pytest.approx(seconds) if seconds else retry_after(text) is None


def test_retry_after_a_date() -> None:
    wait = retry_after(formatdate(time.time() + 30, usegmt=True))
    assert wait is not None and 28 < wait <= 30
    assert retry_after(formatdate(time.time() - 30, usegmt=True)) == 0.0


def test_the_servers_wish_has_a_floor_and_a_cap() -> None:
    patience = Patience(first=1.0, longest=60.0)
    assert 0.9 <= (patience.delay(0, 35e-6) or 0) <= 1.1
    assert patience.delay(0, 20.0) == 20.0
    assert patience.delay(0, 3600.0) is None
    assert (patience.delay(30) or 0) <= 60.0


class Answer:
    def __init__(self, status: int, **headers: str) -> None:
        self.status = status
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}
        self.closed = False

    def close(self) -> None:
        self.closed = True


def test_transient_answers_are_asked_for_again() -> None:
    waits: list[float] = []
    answers = [Answer(503), Answer(429, retry_after="7"), Answer(200)]
    rest = iter(answers)
    assert persistently(lambda: next(rest), Patience(sleep=waits.append)).status == 200
    assert len(waits) == 2 and waits[1] == 7.0
    assert [answer.closed for answer in answers] == [True, True, False]


def test_the_last_failure_is_given() -> None:
    waits: list[float] = []
    assert persistently(lambda: Answer(500), Patience(attempts=3, sleep=waits.append)).status == 500
    assert len(waits) == 2
    assert persistently(lambda: Answer(404), Patience(sleep=waits.append)).status == 404
    assert persistently(lambda: Answer(429, retry_after="7200"), Patience(sleep=waits.append)).status == 429
    assert len(waits) == 2


def test_a_host_that_cannot_be_reached_is_given_up_sooner() -> None:
    waits: list[float] = []

    def send() -> Answer:
        raise Interrupted("no")

    with pytest.raises(Interrupted):
        persistently(send, Patience(sleep=waits.append))
    assert len(waits) == 2
