"""`jettison history`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import msgspec

from cli.images import write
from jettison.report.history import json as as_json

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from cli.conftest import Run

    Jettison = Callable[..., Run]

DOCKERFILE = """\
FROM base
RUN build
# a comment
COPY . .
CMD ["app"]
"""


def test_newest_first_with_both_sizes(jettison: Jettison, tmp_path: Path) -> None:
    found = jettison("history", write(tmp_path))
    assert found.status == 0
    assert [line.split()[0] for line in found.lines] == ["LAYER", "2", "-", "1", "0", "3"]
    assert "14 B" in found.lines[1] and found.lines[1].endswith("COPY . .")
    assert found.lines[2].split()[1:] == ["0", "B", "0", "B", "CMD"]
    assert found.lines[-1].startswith("3 layers")
    assert all(len(line) <= 80 for line in found.lines)
    assert "≈" not in found.out


def test_sampled_sizes_are_marked(jettison: Jettison, tmp_path: Path) -> None:
    assert "≈" in jettison("history", write(tmp_path, to="archive")).lines[1]


def test_lines_of_the_dockerfile(jettison: Jettison, tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text(DOCKERFILE)
    found = jettison("history", write(tmp_path), "--dockerfile", str(tmp_path / "Dockerfile"))
    assert found.lines[0].split()[:3] == ["LAYER", "created", "line"]
    lines = {line.split()[0]: line[23:29].strip() for line in found.lines[1:-1]}
    assert lines["2"] == "4"
    assert lines["1"] == "2"
    assert lines["0"] == "-"


def test_nothing_is_cut_off(jettison: Jettison, tmp_path: Path) -> None:
    found = jettison("history", "--no-trunc", write(tmp_path))
    assert "sha256:" in found.lines[1]
    assert len(found.lines[1].split("sha256:")[1].split()[0]) == 64


def test_json_follows_its_schema_oldest_first(jettison: Jettison, tmp_path: Path) -> None:
    found = json.loads(jettison("history", "--format", "json", write(tmp_path)).out)
    msgspec.convert(found, as_json.Document)
    assert [step["command"] for step in found["steps"]] == ["ADD root.tar /", "RUN build", "CMD", "COPY . ."]
    assert [step["layer"] for step in found["steps"]] == [0, 1, None, 2]
    assert found["steps"][0]["raw"] == 6006
    assert as_json.schema()["$defs"]["Document"]["properties"].keys() == found.keys()
