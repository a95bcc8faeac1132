"""What counts as the same behaviour, what as noise, and what as a miss."""

from __future__ import annotations

from small import image, planned, trace

from jettison.slim.behaviour import compare
from jettison.slim.misses import misses
from jettison.slim.rehearsal import Observation
from jettison.trace import Trace
from jettison.trace.exercise import Result


def seen(*results: Result, missing: tuple[str, ...] = (), said: bytes = b"") -> Observation:
    """A run with these outcomes."""
    return Observation(results, Trace(paths={}, missing=dict.fromkeys(missing, 1)), said)


def answer(body: bytes = b"", status: int | None = 200, error: str | None = None, **headers: str) -> Result:
    """An answer to one request."""
    pairs = tuple((name.replace("_", "-"), value) for name, value in headers.items())
    return Result("http", "GET /", status, pairs, body, error=error)


def test_the_same_is_the_same() -> None:
    one = seen(answer(b"x", content_type="a"))
    found = compare([one, one], one)
    assert found.holds
    assert found.compared == 1


def test_a_wrong_body_under_status_200_is_seen() -> None:
    found = compare([seen(answer(b"144")), seen(answer(b"144"))], seen(answer(b"0")))
    assert str(found.unlike[0]) == "GET /: body '144', then '0'"


def test_status_headers_and_lost_answers_are_compared() -> None:
    one = seen(answer(content_type="text/html"))
    assert compare([one, one], seen(answer(content_type="text/plain"))).unlike[0].what == "header content-type"
    assert compare([one, one], seen(answer(status=500))).unlike[0].what == "status"
    assert compare([one, one], seen(answer(status=None, error="gone"))).unlike[0].after == "gone"
    assert compare([one, one], seen()).unlike[0].after == "not made"


def test_noise_is_learnt_from_two_runs() -> None:
    first = seen(answer(b"id 17 at 10:01, ok", etag="a", date="1"))
    second = seen(answer(b"id 23 at 10:02, ok", etag="b", date="2"))
    assert compare([first, second], seen(answer(b"id 99 at 11:59, ok", etag="c", date="3"))).holds is False
    assert compare([first, second], seen(answer(b"id 99 at 10:59, ok", etag="c", date="3"))).holds
    assert compare([first, second], seen(answer(b"id 99 at 10:59, no", etag="c", date="3"))).unlike


def test_what_cannot_be_compared_is_told() -> None:
    found = compare([seen(answer(b"a")), seen(answer(b"a b c"))], seen(answer(b"z")))
    assert found.holds
    assert "number of words" in found.unstable[0]
    assert compare([seen(answer()), seen(answer(status=500))], seen(answer())).unstable
    assert not compare([seen(), seen()], seen()).holds


def test_misses_are_paths_that_the_original_has() -> None:
    files = {"a": b"a", "usr/bin/tool": b"t", "usr/bin/link": "tool", "usr/lib/python3.9/late.py": b"", "dropped": b""}
    plan = planned(image(files), trace("/a"), level="file", drop=["dropped"])
    asked = ("/usr/bin/link", "/nowhere", "/dropped", "/a")
    assert misses(plan, seen(missing=asked)) == {b"usr/bin/link", b"usr/bin/tool"}
    told = b"ModuleNotFoundError: No module named 'late'\n"
    assert misses(plan, seen(said=told)) == {b"usr/lib/python3.9/late.py"}
    assert not misses(planned(image(files), trace("/a"), level="file", keep=["**"]), seen(missing=asked, said=told))


def test_a_third_run_shows_what_two_hid_by_chance() -> None:
    same, later = seen(answer(b"now 1795827166")), seen(answer(b"now 1795827168"))
    result = seen(answer(b"now 1795827167"))
    assert compare([same, same], result).unlike
    assert compare([same, same, later], result).holds
