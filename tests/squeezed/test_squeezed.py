"""A fast part of the gate, on two of its images; `python tests/squeezed` runs the whole."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from engine.machine import REPOSITORY, Unavailable
from squeezed import gate, images, scanners, table, witness

if TYPE_CHECKING:
    from collections.abc import Iterator

    from engine.machine import Tool

SLOW = {"scanners", "restored by umoci"}


@pytest.fixture(scope="module")
def engines(
    docker: Tool, podman: Tool, skopeo: Tool, umoci: Tool, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[gate.Engines]:
    """What results are loaded into."""
    with ExitStack() as stack:
        yield gate.Engines(stack, tmp_path_factory.mktemp("gate"))


@pytest.mark.parametrize(
    ("name", "variant", "steps"),
    [
        ("nginx-heredoc", "all-safe", set(gate.STEPS) - SLOW),
        ("oddities", "squeeze", {"proof", "umoci", "restore"}),
        ("oddities", "four", {"proof", "umoci", "docker"}),
    ],
)
def test_everything_holds(engines: gate.Engines, name: str, variant: str, steps: set[str]) -> None:
    try:
        original = gate.Original(images.cases()[name], engines)
    except Unavailable as error:
        pytest.skip(str(error))
    outcome = gate.outcome(original, variant, [step for step in gate.STEPS if step in steps])
    assert not outcome.failed
    assert set(outcome.told) == steps
    assert outcome.raw[1] < outcome.raw[0]


def test_every_image_says_what_it_must_do() -> None:
    cases = images.cases()
    assert len(cases) >= 12
    assert all(case.check.runs or case.check.serves for case in cases.values())
    assert {case.builder for case in cases.values()} >= {"buildkit", "legacy", "buildx", "buildah", "script"}


def test_the_page_has_every_image() -> None:
    page = (REPOSITORY / "docs" / "squeezed.md").read_text()
    assert all(f"| {name} |" in page for name in images.cases())


def test_a_witness_sees_what_differs() -> None:
    before = "./a time=1.0 mode=644 size=3 sha256digest=00\n./b\\040c time=1.0 mode=644\n./d time=1.0"
    assert witness.first_difference(before, before) is None
    assert "before: ./d" in str(witness.first_difference(before, before.replace("./d", "./e")))
    assert witness.without(before, ["b c"], ["a"]) == "./a time=1.0 mode=644\n./d time=1.0"


def test_package_urls_are_read_as_people_name_packages() -> None:
    urls = {
        "pkg:deb/debian/login@4.13?arch=amd64&epoch=1": ("deb", "login", "1:4.13"),
        "pkg:npm/%40hapi/hoek@9.3.0": ("npm", "@hapi/hoek", "9.3.0"),
        "pkg:maven/com.google.guava/guava@33.3.1-jre": ("maven", "com.google.guava:guava", "33.3.1-jre"),
        "pkg:golang/golang.org/x/text@v0.21.0#cases": ("golang", "golang.org/x/text", "v0.21.0"),
    }
    assert {url: scanners.from_purl(url) for url in urls} == urls


def test_a_line_says_what_does_not_hold() -> None:
    outcome = gate.Outcome(
        "x", "squeeze", (2_000_000, 1_000_000), (1, 1), told={"proof": "3 paths"}, seconds={"proof": 1}
    )
    assert "2.0 → 1.0 MB" in table.line(outcome).replace(",", " MB", 1) and "1 steps hold" in table.line(outcome)
    outcome.failed["umoci"] = "1 lines are missing"
    assert "1 do not" in table.line(outcome)
