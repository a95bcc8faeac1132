"""Packing programs with UPX: which are packed and which are left alone, what it costs, and that cargo undoes it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
from images_on_demand import file, image_of, indexer, other

from jettison.cli.main import main
from jettison.image.check import check
from jettison.image.entry import HARDLINK, SYMLINK
from jettison.image.tree import stack
from jettison.proof.same_tree import same_tree
from jettison.stores import open_image, write_image

if TYPE_CHECKING:
    from pathlib import Path

C = r"""
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
static char data[400000] = {1, 2, 3};
int answer(int n) { return data[n % 3]; }
int main(int count, char **words) {
  if (count > 1 && !strcmp(words[1], "--version")) { puts("1.0"); return 0; }
  return count > 1 ? atoi(words[1]) : answer(count);
}
"""
GO = """package main

import "fmt"

func main() { fmt.Println("hello") }
"""
APPENDED = b"a payload that the program reads" * 100


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """Real programs of all sorts, by their names."""
    folder = tmp_path_factory.mktemp("programs")
    (folder / "a.c").write_text(C)
    (folder / "m.go").write_text(GO)
    flags = {"dynamic": [], "static": ["-static"], "static-pie": ["-static-pie"], "fixed": ["-no-pie"]}
    if not shutil.which("gcc"):
        pytest.skip("gcc is not installed")
    for name, more in {**flags, "library.so": ["-shared", "-fPIC"]}.items():
        subprocess.run(["gcc", "-O", *more, "-o", folder / name, folder / "a.c"], check=True)
    if shutil.which("go"):
        environment = {**os.environ, "CGO_ENABLED": "0", "GOFLAGS": "-mod=mod"}
        subprocess.run(["go", "build", "-o", "go", "m.go"], cwd=folder, check=True, env=environment)
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.suffix not in (".c", ".go")}


def packed(folder: Path, members: list[Any], *words: str) -> tuple[dict[str, Any], dict[str, str]]:
    """Squeeze an image of these members: the report, and the reasons that were told on stderr, by program."""
    write_image(image_of([file("other", b"o"), *members]), f"docker-archive:{folder}/in.tar:app:1")
    command = ["python", "-m", "jettison", "squeeze", f"{folder}/in.tar", "-o", f"oci:{folder}/out:1"]
    import sys

    command[0] = sys.executable
    done = subprocess.run([*command, "--format", "json", *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    notes = [line.partition("note: ")[2] for line in done.stderr.splitlines() if "not packed: " in line]
    reasons = {}
    for note in notes:
        names, _, why = note.removeprefix("not packed: ").partition(": ")
        reasons |= dict.fromkeys(names.split(", "), why)
    return json.loads(done.stdout), reasons


def test_programs_are_packed_measured_and_given_back(
    upx: str, programs: dict[str, bytes], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    names = [name for name in programs if name != "library.so"]
    static = [name for name in names if name in ("static", "static-pie", "go")]
    members = [file(f"bin/{name}", programs[name], mode=0o755) for name in names]
    members.append(other("bin/again", HARDLINK, link=b"bin/static", mode=0o755))
    cargo = ["--cargo", f"oci:{tmp_path}/out:cargo"]
    told, reasons = packed(tmp_path, members, "--pack", "bin", "--pack-try=--version", *cargo)
    assert reasons == {}
    rows = {row["path"].removeprefix("bin/"): row for row in told["packed"]}
    assert rows.keys() == set(names)
    for name, row in rows.items():
        assert row["bytes"]["before"] == len(programs[name])
        assert row["bytes"]["after"] < 0.8 * len(programs[name])
    for name in static:  # the others have no loader in this image, and end the same way packed or not
        before, after = rows[name]["start"]["before"], rows[name]["start"]["after"]
        assert 0 < before["seconds"] < 5
        assert 0 < after["seconds"] < 5
        assert before["memory"] > 100_000
        assert after["memory"] > before["memory"] / 4
    assert set(told["changed"]) == {f"bin/{name}" for name in [*names, "again"]}
    result = open_image(f"oci:{tmp_path}/out:1")
    check(result).demand()
    write_image(result, f"dir:{tmp_path}/root")
    for name in static:
        program = tmp_path / "root" / "bin" / name
        assert program.stat().st_size == rows[name]["bytes"]["after"]
        assert subprocess.run([program, "--version"], capture_output=True, check=True).stdout
    assert (tmp_path / "root" / "bin" / "again").samefile(tmp_path / "root" / "bin" / "static")
    assert (
        main(["restore", f"oci:{tmp_path}/out:1", "--cargo", f"oci:{tmp_path}/out:cargo", "-o", f"oci:{tmp_path}/r:1"])
        == 0
    )
    trees = [stack(indexer().image(open_image(where))) for where in (f"{tmp_path}/in.tar", f"oci:{tmp_path}/r:1")]
    assert same_tree(*trees).holds
    assert "packed" in result.config.steps[-1].comment or ""


def test_without_arguments_to_try_the_cost_is_unknown(
    upx: str, programs: dict[str, bytes], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told, _ = packed(tmp_path, [file("bin/static", programs["static"], mode=0o755)], "--pack", "bin/static")
    assert told["packed"][0]["start"] == {"before": None, "after": None}
    assert main(["squeeze", f"{tmp_path}/in.tar", "--dry-run", "--pack", "bin/*"]) == 0
    assert "unknown" in capsys.readouterr().out


def test_what_must_not_be_packed_is_not(upx: str, programs: dict[str, bytes], tmp_path: Path) -> None:
    done = tmp_path / "done"
    (tmp_path / "static").write_bytes(programs["static"])
    (tmp_path / "static").chmod(0o755)
    subprocess.run([upx, "-q", "-o", done, tmp_path / "static"], check=True, capture_output=True)
    broken = bytearray(programs["static"])
    broken[4096:5000] = b"\xff" * 904
    members = [
        file("b/library.so", programs["library.so"], mode=0o755),
        file("b/setuid", programs["static"], mode=0o4755),
        file("b/capable", programs["static"], mode=0o755, xattrs={"security.capability": b"x"}),
        file("b/signed", programs["static"], mode=0o755, xattrs={"security.ima": b"x"}),
        file("b/data", programs["static"]),
        file("b/appended", programs["static"] + APPENDED, mode=0o755),
        file("b/script", b"#!/bin/sh\n" + b"#" * 5000, mode=0o755),
        file("b/text", b"hello" * 5000, mode=0o755),
        file("b/packed", done.read_bytes(), mode=0o755),
        file("b/cut", programs["static"][:50_000], mode=0o755),
        file("b/empty", b"", mode=0o755),
        other("b/link", SYMLINK, link=b"static"),
        file("b/static", programs["static"], mode=0o755),
    ]
    told, reasons = packed(tmp_path, members, "--pack", "b/**")
    assert [row["path"] for row in told["packed"]] == ["b/static"]
    expected = {
        "library.so": "a shared library or a plug-in",
        "setuid": "setuid or setgid",
        "capable": "capabilities",
        "signed": "signed",
        "data": "not executable",
        "appended": "3,200 bytes are appended",
        "script": "a script",
        "text": "no ELF program",
        "packed": "packed already",
        "link": "a symbolic link",
        "cut": "UPX: ",
        "empty": "stored in a form",
    }
    assert {name for name in expected if expected[name] not in reasons.get(f"b/{name}", "")} == set()


def test_a_base_layer_stays(upx: str, programs: dict[str, bytes], tmp_path: Path) -> None:
    base = [file("bin/static", programs["static"], mode=0o755)]
    write_image(image_of(base), f"docker-archive:{tmp_path}/base.tar:base:1")
    write_image(image_of(base, [file("x", b"x" * 9000)]), f"docker-archive:{tmp_path}/in.tar:app:1")
    words = ["--base", f"{tmp_path}/base.tar", "--pack", "bin/*", "-o", f"oci:{tmp_path}/out:1"]
    assert main(["squeeze", f"{tmp_path}/in.tar", *words]) == 0
    result = open_image(f"oci:{tmp_path}/out:1")
    assert result.layers[0].diff_id == open_image(f"{tmp_path}/in.tar").layers[0].diff_id


def test_a_program_that_ends_otherwise_when_packed_is_left_alone(
    upx: str, programs: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """UPX gives back what it was given, and yet the packed program does not run: the test is the run."""
    lying = tmp_path / "lying" / "upx"
    lying.parent.mkdir()
    lying.write_text(
        f"""#!/bin/sh
case "$*" in
*" -9 "*) printf '#!/none\\n' >"${{5}}"; cp "${{6}}" {tmp_path}/kept ;;
*" -d "*) cp {tmp_path}/kept "${{5}}" ;;
*) exec {upx} "$@" ;;
esac
"""
    )
    lying.chmod(0o755)
    monkeypatch.setenv("PATH", f"{lying.parent}:{os.environ['PATH']}")
    members = [file("bin/static", programs["static"], mode=0o755)]
    told, reasons = packed(tmp_path, members, "--pack", "bin/static", "--pack-try", "0")
    assert told["packed"] == []
    assert reasons["bin/static"] == "packed, it ends with status 127 instead of status 0"


def test_without_upx_it_says_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    write_image(image_of([file("bin/x", b"x")]), f"docker-archive:{tmp_path}/in.tar:app:1")
    assert main(["squeeze", f"{tmp_path}/in.tar", "--pack", "bin/x", "-o", f"oci:{tmp_path}/out:1"]) == 4
    said = capsys.readouterr().err
    assert "upx is needed to pack programs" in said
    assert "apt-get install upx-ucl" in said
    assert main(["squeeze", f"{tmp_path}/in.tar", "--pack", "nowhere", "-o", f"oci:{tmp_path}/out:1"]) == 4
    assert "no path matches 'nowhere'" in capsys.readouterr().err
    assert os.listdir(tmp_path) == ["in.tar"]
