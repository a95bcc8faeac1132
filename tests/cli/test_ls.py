"""`jettison ls`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import msgspec

from cli.images import write
from jettison.report.listing import json as as_json

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import pytest

    from cli.conftest import Run
    from engine.machine import Tool

    Jettison = Callable[..., Run]


def test_an_archive_and_a_layout(jettison: Jettison, tmp_path: Path) -> None:
    archive = jettison("ls", write(tmp_path, to="archive"))
    assert archive.lines[0].split() == ["NAME", "id", "platform", "created", "raw"]
    assert archive.lines[1].split()[0] == "app:1"
    layout = jettison("ls", write(tmp_path).removesuffix(":latest"))
    assert layout.lines[1].split()[0] == "latest"


def test_json_follows_its_schema(jettison: Jettison, tmp_path: Path) -> None:
    found = json.loads(jettison("ls", "--format", "json", write(tmp_path, to="archive")).out)
    msgspec.convert(found, as_json.Document)
    assert found["images"][0]["names"] == ["app:1"]
    assert as_json.schema()["$defs"]["Document"]["properties"].keys() == found.keys()


def test_nobody_answers(jettison: Jettison, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/nobody.sock")
    monkeypatch.setenv("CONTAINER_HOST", f"unix://{tmp_path}/nobody.sock")
    found = jettison("ls")
    assert (found.status, found.out) == (4, "")
    assert "no engine answers" in found.err and "docker-daemon" in found.err and "podman" in found.err


def test_an_engine(jettison: Jettison, docker: Tool, docker_host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", docker_host)
    found = jettison("ls", "--sort", "size")
    assert found.status == 0
    assert found.lines[0].startswith("NAME")
    there = {name for name in docker("images", "--format", "{{.Repository}}:{{.Tag}}").split() if "<none>" not in name}
    listed = json.loads(jettison("ls", "docker-daemon", "--format", "json").out)
    assert {name for row in listed["images"] for name in row["names"]} >= there
