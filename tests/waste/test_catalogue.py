"""docs/waste.md tells of the kinds that there are."""

from __future__ import annotations

from pathlib import Path

import pytest

from jettison.waste import catalogue, kinds

PAGE = Path(__file__).resolve().parents[2] / "docs" / "waste.md"


def test_the_page_is_up_to_date() -> None:
    page = PAGE.read_text("utf-8")
    assert page == catalogue.updated(page), "run: python -m jettison.waste.catalogue docs/waste.md"


def test_every_kind_has_a_row() -> None:
    table = catalogue.table()
    assert [line.split("`")[1] for line in table.splitlines()[2:]] == [kind.name for kind in kinds()]


def test_a_page_without_marks() -> None:
    with pytest.raises(ValueError, match="no <!--"):
        catalogue.updated("# Something else\n")
