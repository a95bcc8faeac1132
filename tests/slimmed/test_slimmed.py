"""A fast part of the gate, on two of its applications; `python tests/slimmed` runs the whole."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from engine.machine import REPOSITORY, Unavailable
from slimmed import gate, table
from slimmed.applications import applications, prepare

if TYPE_CHECKING:
    from collections.abc import Iterator

    from engine.machine import Tool


@pytest.fixture(scope="module")
def engines(
    docker: Tool, podman: Tool, skopeo: Tool, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[gate.Engines]:
    """What results are loaded into."""
    with ExitStack() as stack:
        yield gate.Engines(stack, tmp_path_factory.mktemp("gate"))


@pytest.mark.parametrize(
    ("name", "level", "steps"),
    [
        ("go-scratch", "package", ["proof", "answers", "modes", "restore", "digest", "engines"]),
        ("nginx", "file", ["proof", "answers", "modes", "restore"]),
    ],
)
def test_everything_holds(engines: gate.Engines, name: str, level: str, steps: list[str]) -> None:
    application = applications()[name]
    try:
        prepare(application)
        original = gate.Original(application, engines)
    except Unavailable as error:
        pytest.skip(str(error))
    outcome = gate.outcome(original, application, level, steps)
    assert not outcome.failed
    assert list(outcome.told) == steps


def test_every_application_is_asked_something() -> None:
    found = applications()
    assert len(found) >= 15
    assert all(one.check.serves or one.check.runs for one in found.values())
    ports = [one.check.port for one in found.values() if one.check.serves]
    assert len(ports) == len(set(ports))


def test_the_page_has_every_application() -> None:
    page = (REPOSITORY / "docs" / "slimmed.md").read_text()
    assert all(f"| {name} |" in page for name in applications())


def test_a_row_says_what_does_not_hold() -> None:
    outcome = gate.Outcome("x", "package", (2_000_000, 1_000_000), told={"proof": "3 same"}, seconds={"proof": 1})
    assert "2.0 → 1.0" in table.line(outcome)
    assert "1 steps hold" in table.line(outcome)
    outcome.failed["answers"] = "GET /: | none"
    page = table.page({"x": next(iter(applications().values()))}, [outcome])
    assert "**GET /: \\| none**" in page
    assert "not run" in page
