"""`jettison diff`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import msgspec
import pytest

from cli.images import write
from jettison.report.difference import json as as_json
from jettison.stores import write_image
from waste.layering import image

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from cli.conftest import Run

    Jettison = Callable[..., Run]


@pytest.fixture
def pair(tmp_path: Path) -> tuple[str, str]:
    return write(tmp_path, "app:1"), write(tmp_path, "app:2", new=True, User="root", Env=["PATH=/bin", "LEVEL=2"])


def test_the_summary(jettison: Jettison, pair: tuple[str, str]) -> None:
    found = jettison("diff", *pair)
    assert (found.status, found.err) == (0, "")
    assert len(found.lines) <= 24
    assert all(len(line) <= 80 for line in found.lines)
    assert "layers      1 shared (6.0 kB), 2 gone, 2 new;" in found.out
    assert "CONFIGURATION  2 changed" in found.out
    assert "~ env LEVEL                  1 → 2" in found.lines
    assert "PACKAGES  1 upgraded" in found.out
    assert "1.9-1 → 1.10-1" in found.out
    assert "FILES  1 added, 1 removed, 2 changed" in found.out


def test_all_files(jettison: Jettison, pair: tuple[str, str]) -> None:
    found = jettison("diff", "--files", *pair)
    paths = {line.split("  ")[-1].strip() for line in found.lines[1:]}
    assert paths == {
        "+ /app/more.py",
        "- /var/cache/apt/archives/lib.deb",
        "~ /usr/lib/lib.so",
        "~ /var/lib/dpkg/status",
    }


def test_sections_together(jettison: Jettison, pair: tuple[str, str]) -> None:
    found = jettison("diff", "--layers", "--settings", "--packages", *pair)
    assert found.out.index("LAYERS") < found.out.index("CONFIGURATION") < found.out.index("PACKAGES")
    assert [line[0] for line in found.lines[1:6]] == ["=", "-", "-", "+", "+"]


def test_exit_codes_are_gits(jettison: Jettison, pair: tuple[str, str]) -> None:
    assert jettison("diff", *pair).status == 0
    assert jettison("diff", "--exit-code", *pair).status == 1
    same = jettison("diff", "--exit-code", pair[0], pair[0])
    assert same.status == 0
    assert "the same files, packages and configuration" in same.out


def test_json_follows_its_schema(jettison: Jettison, pair: tuple[str, str]) -> None:
    found = json.loads(jettison("diff", "--format", "json", *pair).out)
    msgspec.convert(found, as_json.Document)
    assert found["differs"] is True
    assert [setting["field"] for setting in found["settings"]] == ["user", "env"]
    assert {file["path"]: file["change"] for file in found["files"]}["usr/lib/lib.so"] == "content"
    assert found["packages"][0]["change"] == "upgraded"
    assert [layer["before"] for layer in found["layers"]] == [0, 1, 2, None, None]
    assert as_json.schema()["$defs"]["Document"]["properties"].keys() == found.keys()


def test_markdown(jettison: Jettison, pair: tuple[str, str]) -> None:
    found = jettison("diff", "--format", "markdown", *pair)
    assert found.lines[0].startswith("### `")
    assert "| lib (deb) | upgraded | 1.9-1 | 1.10-1 | 0 B |" in found.lines
    assert "| env `LEVEL` | `1` | `2` |" in found.lines


def test_stores_do_not_matter(jettison: Jettison, tmp_path: Path) -> None:
    one, other = write(tmp_path, "app:1"), write(tmp_path, "app:1", to="archive")
    assert jettison("diff", "--exit-code", one, other).status == 0


def test_output_into_a_file(jettison: Jettison, pair: tuple[str, str], tmp_path: Path) -> None:
    target = tmp_path / "report.txt"
    assert jettison("diff", *pair, "-o", str(target)).out == ""
    assert "CONFIGURATION" in target.read_text()


def test_a_terminal_obeys_nothing_out_of_an_image(jettison: Jettison, tmp_path: Path) -> None:
    evil = "\x1b[2J\x1b]0;owned\x07"
    references = []
    for number in (1, 2):
        container = {"Labels": {evil: evil + str(number)}, "Env": [f"A={evil}{number}"]}
        made = image({f"{evil}{number}": b"x"}, commands=[f"RUN {evil}"], container=container, names=("x:1",))
        write_image(made, f"oci:{tmp_path}/{number}:latest")
        references.append(f"oci:{tmp_path}/{number}:latest")
    for flags in ([], ["--files"], ["--settings"], ["--layers"]):
        found = jettison("diff", *flags, *references)
        assert "\x1b" not in found.out and "\x07" not in found.out


def test_a_missing_image(jettison: Jettison, pair: tuple[str, str]) -> None:
    found = jettison("diff", pair[0], "./nowhere.tar")
    assert (found.status, found.out) == (4, "")
    assert "nowhere.tar" in found.err
