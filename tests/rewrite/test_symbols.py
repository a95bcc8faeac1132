"""Stripping programs: they run as before, the loader sees the same, GNU strip saves little more."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from jettison.rewrite.symbols import strip

if TYPE_CHECKING:
    from pathlib import Path

SOURCE = r"""
#include <stdio.h>
static int twice(int x) { return 2 * x; }
int answer(void) { return twice(21); }
int main(void) { printf("%d\n", answer()); return 0; }
"""

needs_compiler = pytest.mark.skipif(
    not (shutil.which("cc") and shutil.which("strip") and shutil.which("readelf")), reason="needs cc and binutils"
)


def new(data: bytes) -> bytes | None:
    found = strip(data)
    return found and found.head + data[len(found.head) : found.cut] + found.tail


@pytest.fixture(scope="module", params=[["-g"], ["-g", "-static"], ["-g", "-no-pie"], ["-g", "-shared", "-fPIC"], []])
def program(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("program")
    (folder / "x.c").write_text(SOURCE)
    subprocess.run(["cc", *request.param, "-o", folder / "x", folder / "x.c"], check=True, capture_output=True)
    return folder / "x"


def readelf(path: Path) -> str:
    """What a loader looks at."""
    done = subprocess.run(
        ["readelf", "--program-headers", "--dynamic", "--notes", "--wide", path],
        capture_output=True,
        text=True,
        check=True,
    )
    assert not done.stderr
    return done.stdout


@needs_compiler
def test_a_stripped_program_is_the_same_to_the_loader_and_runs(program: Path, tmp_path: Path) -> None:
    data = program.read_bytes()
    stripped = new(data)
    assert stripped is not None
    after = tmp_path / "x"
    after.write_bytes(stripped)
    after.chmod(0o755)
    segments = readelf(program).partition("Section to Segment")[0]
    assert readelf(after).partition("Section to Segment")[0] == segments
    sections = subprocess.run(["readelf", "-SW", after], capture_output=True, text=True, check=True).stdout
    assert ".symtab" not in sections
    assert ".debug_" not in sections
    assert ".note.gnu.build-id" in sections
    if subprocess.run([program], capture_output=True).returncode == 0:  # a library is no program
        assert subprocess.run([after], capture_output=True, text=True).stdout == "42\n"
    shutil.copy(program, tmp_path / "gnu")
    subprocess.run(["strip", "--strip-unneeded", tmp_path / "gnu"], check=True)
    assert len(stripped) <= (tmp_path / "gnu").stat().st_size + 1024


@needs_compiler
def test_what_is_left_alone(program: Path) -> None:
    data = program.read_bytes()
    assert new(data + b"PK payload of some installer" * 10) is None
    stripped = new(data)
    assert stripped is not None
    assert new(stripped) is None
    for length in (0, 3, 16, 63, 64, 100, len(data) // 2, len(data) - 1):
        assert new(data[:length]) is None
    relocatable = data[:16] + b"\1\0" + data[18:]
    assert new(relocatable) is None


@needs_compiler
def test_hostile_headers_never_raise(program: Path) -> None:
    data = bytearray(program.read_bytes())
    for at in (*range(16, 64), *range(len(data) - 2000, len(data), 7)):
        for value in (0, 0x7F, 0xFF):
            broken = bytes(data[:at]) + bytes([value]) + bytes(data[at + 1 :])
            strip(broken)
