"""docs/hadolint.md: every difference it counts has its reason, and every reason a difference."""

from __future__ import annotations

import re
import runpy
import tomllib
from pathlib import Path
from typing import Any

SCRIPT = runpy.run_path(
    str(Path(__file__).parents[2] / "benchmarks" / "hadolint_agreement.py"), run_name="hadolint_agreement"
)
ROW = re.compile(r"\| (DL\d{4}) \| ([\d,]+) \| ([\d,]+) \| ([\d,]+) \|")


def counted(page: str) -> dict[str, Any]:
    """The page's table, its numbers as so many nameless files."""
    return {
        match[1]: SCRIPT["Agreement"](*([""] * int(number.replace(",", "")) for number in match.groups()[1:]))
        for match in ROW.finditer(page)
    }


def test_counts_and_reasons_are_in_step() -> None:
    rules = counted(SCRIPT["PAGE"].read_text())
    assert len(rules) > 40
    assert SCRIPT["unexplained"](rules, tomllib.loads(SCRIPT["REASONS"].read_text())) == []


def test_a_difference_without_a_reason_is_refused() -> None:
    rules = counted("| DL3000 | 0 | 1 | 0 |\n| DL3001 | 0 | 0 | 1,200 |\n")
    assert SCRIPT["unexplained"](rules, {"DL3000": {"ours": "why", "theirs": "stale"}}) == [
        "DL3001: theirs only, and no reason in hadolint_reasons.toml",
        "DL3000: a reason for theirs only, and no such file",
    ]
