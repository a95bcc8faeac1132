"""`jettison analyze` through the real command line: every format and section, budgets, and what is remembered."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import msgspec
import pytest

from jettison.image.random import random_image
from jettison.report.analysis.json import Document
from jettison.stores import write_image

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def archive(tmp_path: Path) -> str:
    reference = f"docker-archive:{tmp_path}/app.tar:app:1"
    write_image(random_image(7), reference)
    return f"docker-archive:{tmp_path}/app.tar"


def run(tmp_path: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "JETTISON_CACHE": str(tmp_path / "cache")}
    command = [sys.executable, "-m", "jettison", "analyze", *words]
    return subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, check=False)


def test_json_is_the_published_document_and_is_remembered(archive: str, tmp_path: Path) -> None:
    first, again = (run(tmp_path, archive, "--format", "json") for _ in range(2))
    assert first.returncode == 0, first.stderr
    document = msgspec.json.decode(first.stdout, type=Document)
    assert document.size.raw == sum(layer.size.raw for layer in document.layers)
    assert document.wasted.raw <= document.size.raw
    assert again.stdout == first.stdout


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("--layers",),
        ("--waste",),
        ("--packages",),
        ("--files",),
        ("--tree", "/"),
        ("--format", "markdown"),
        ("--dive-compat",),
    ],
)
def test_sections_print_something(archive: str, tmp_path: Path, words: tuple[str, ...]) -> None:
    done = run(tmp_path, archive, *words)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()


def test_the_summary_fits_a_terminal(archive: str, tmp_path: Path) -> None:
    lines = run(tmp_path, archive).stdout.splitlines()
    assert len(lines) <= 24
    assert max(len(line) for line in lines) <= 80


def test_dives_figures_as_json(archive: str, tmp_path: Path) -> None:
    done = run(tmp_path, archive, "--dive-compat", "--format", "json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["image"]["sizeBytes"] >= 0


def test_a_budget_that_does_not_hold_fails_also_when_remembered(archive: str, tmp_path: Path) -> None:
    for _ in range(2):
        assert run(tmp_path, archive, "--max-size", "1").returncode == 1
    assert run(tmp_path, archive, "--max-size", "1GB").returncode == 0
