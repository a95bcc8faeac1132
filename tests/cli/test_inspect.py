"""`jettison inspect`."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

import msgspec

from cli.images import write
from jettison import stores
from jettison.report.inspection import json as as_json

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from cli.conftest import Run

    Jettison = Callable[..., Run]


def test_what_people_look_for(jettison: Jettison, tmp_path: Path) -> None:
    reference = write(tmp_path, Entrypoint=["/init"], Volumes={"/data": {}}, Healthcheck={"Test": ["CMD", "probe"]})
    found = jettison("inspect", reference)
    image = stores.open_image(reference)
    assert found.status == 0
    for name, value in (
        ("id", image.id),
        ("digest", image.digest),
        ("platform", "linux/amd64"),
        ("user", "app"),
        ("entrypoint", '["/init"]'),
        ("cmd", '["app", "--serve"]'),
        ("healthcheck", '["CMD", "probe"]'),
        ("ports", "80/tcp"),
        ("volumes", "/data"),
        ("form", "OCI image"),
    ):
        assert f"{name:<14}{value}" in found.lines
    assert "  LEVEL  1" in found.lines
    assert "  maintainer  somebody" in found.lines
    assert sum("gzip" in line for line in found.lines) == 3


def test_documents_byte_for_byte(jettison: Jettison, tmp_path: Path) -> None:
    reference = write(tmp_path)
    image = stores.open_image(reference)
    assert "sha256:" + hashlib.sha256(jettison("inspect", "--raw", reference).out.encode()).hexdigest() == image.digest
    assert "sha256:" + hashlib.sha256(jettison("inspect", "--config", reference).out.encode()).hexdigest() == image.id


def test_json_follows_its_schema(jettison: Jettison, tmp_path: Path) -> None:
    found = json.loads(jettison("inspect", "--format", "json", write(tmp_path)).out)
    msgspec.convert(found, as_json.Document)
    assert found["env"] == ["PATH=/bin", "LEVEL=1"]
    assert [layer["command"] for layer in found["layers"]] == ["ADD root.tar /", "RUN build", "COPY . ."]
    assert as_json.schema()["$defs"]["Document"]["properties"].keys() == found.keys()


def test_a_place_without_manifests(jettison: Jettison, tmp_path: Path) -> None:
    root = tmp_path / "root"
    for name in ("bin", "etc"):
        (root / name).mkdir(parents=True)
    found = jettison("inspect", "--raw", f"dir:{root}")
    assert (found.status, found.out) == (4, "")
    assert "no manifest" in found.err
