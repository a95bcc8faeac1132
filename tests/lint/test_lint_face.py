"""`jettison lint` as people and machines meet it: through the command line, in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

BAD = "FROM debian:12\nRUN apt-get update && apt-get install curl\n"
QUIET = "FROM scratch\nCOPY a /a\nUSER 1000\n"
BROKEN = "FROM debian:12\nRNU apt-get update && apt-get install curl\nRUN apt-get update && apt-get install curl\n"


def lint(
    folder: Path, *arguments: str, data: bytes = b"", environment: dict[str, str] | None = None
) -> subprocess.CompletedProcess[bytes]:
    """Run it in `folder`; no traceback, whatever it is given."""
    done = subprocess.run(
        [sys.executable, "-m", "jettison", "lint", *arguments],
        cwd=folder, input=data, capture_output=True, check=False, timeout=120,
        env={**os.environ, "HOME": str(folder), **(environment or {})},
    )  # fmt: skip
    assert b"Traceback" not in done.stderr, done.stderr.decode()
    assert b"internal error" not in done.stderr, done.stderr.decode()
    return done


def codes(done: subprocess.CompletedProcess[bytes]) -> dict[str, set[str]]:
    """File → codes, of a JSON report."""
    return {file["path"]: {item["code"] for item in file["findings"]} for file in json.loads(done.stdout)["files"]}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A directory with one Dockerfile that has findings."""
    (tmp_path / "Dockerfile").write_text(BAD)
    return tmp_path


# ---------------------------------------------------------------------- formats


def test_sarif_names_rules_places_and_fixes(folder: Path) -> None:
    document = json.loads(lint(folder, "--format", "sarif").stdout)
    assert document["version"] == "2.1.0"
    run = document["runs"][0]
    rules = {rule["id"]: rule for rule in run["tool"]["driver"]["rules"]}
    assert all(rule["shortDescription"]["text"] for rule in rules.values())
    assert run["results"]
    for result in run["results"]:
        assert result["ruleId"] in rules
        place = result["locations"][0]["physicalLocation"]
        assert place["artifactLocation"]["uri"] == "Dockerfile"
        assert place["region"]["startLine"] >= 1
    fixes = [fix for result in run["results"] for fix in result.get("fixes", ())]
    assert fixes
    assert all(change["replacements"] for fix in fixes for change in fix["artifactChanges"])


@pytest.mark.parametrize("name", ["junit", "checkstyle"])
def test_xml_is_well_formed_even_for_odd_bytes(tmp_path: Path, name: str) -> None:
    (tmp_path / "Dockerfile").write_bytes(BAD.encode() + b"MAINTAINER \x01\x1b[31m<&\"'>\xff\n")
    root = ElementTree.fromstring(lint(tmp_path, "--format", name).stdout)
    assert root.tag == {"junit": "testsuites", "checkstyle": "checkstyle"}[name]
    assert len(list(root.iter())) > 2


def test_gitlab_has_fingerprints_that_differ(folder: Path) -> None:
    items = json.loads(lint(folder, "--format", "gitlab").stdout)
    assert len({item["fingerprint"] for item in items}) == len(items) > 1
    assert all(item["location"]["path"] == "Dockerfile" for item in items)


def test_json_is_one_document(folder: Path) -> None:
    (folder / "b.Dockerfile").write_text(QUIET)
    found = codes(lint(folder, "--format", "json"))
    assert set(found) == {"Dockerfile", "b.Dockerfile"}
    assert "APT002" in found["Dockerfile"]


def test_lines_for_people_and_for_github(folder: Path) -> None:
    assert b"Dockerfile:2:" in lint(folder, "--format", "concise").stdout
    assert b"::warning file=Dockerfile,line=2" in lint(folder, "--format", "github").stdout
    assert b"^^^" in lint(folder).stdout


# ---------------------------------------------------------------------- exit status


def test_exit_status(folder: Path) -> None:
    assert lint(folder).returncode == 1
    assert lint(folder, "--fail-on", "never").returncode == 0
    assert lint(folder, "--select", "ENV001").returncode == 0
    assert lint(folder, "--select", "NOSUCH001").returncode == 2
    assert lint(folder, "--format", "nosuch").returncode == 2
    assert lint(folder, "missing/Dockerfile").returncode == 4
    (folder / "empty").mkdir()
    assert lint(folder, "empty").returncode == 3


# ---------------------------------------------------------------------- bad input


def test_bad_files_are_said_and_the_others_linted(folder: Path) -> None:
    (folder / "binary.Dockerfile").write_bytes(b"\x7fELF\0\0\1")
    os.mkfifo(folder / "pipe.Dockerfile")
    (folder / "loop.Dockerfile").symlink_to("loop.Dockerfile")
    (folder / "sub" / "Dockerfile").mkdir(parents=True)
    done = lint(folder, "--format", "json", "binary.Dockerfile", "loop.Dockerfile", "gone", ".")
    assert done.returncode == 4
    assert "APT002" in codes(done)["Dockerfile"]
    for name in (b"binary.Dockerfile", b"loop.Dockerfile", b"gone"):
        assert name in done.stderr


def test_a_pipe_is_no_file(folder: Path) -> None:
    os.mkfifo(folder / "pipe.Dockerfile")
    done = lint(folder, "pipe.Dockerfile", "Dockerfile")
    assert done.returncode == 4
    assert b"pipe.Dockerfile" in done.stderr
    assert b"APT002" in done.stdout


@pytest.mark.parametrize(
    "data",
    [
        b"FROM a:1\nRUN echo " + b"x" * 10_000_000 + b"\n",
        b"FROM a:1\nRUN " + b"echo $(" * 3000 + b"x" + b")" * 3000 + b"\n",
        b"FROM a:1\nRUN " + b"(" * 5000 + b"\n",
        b"FROM a:1\nENV A=" + b"${A:-" * 5000 + b"\n",
        b"FROM a:1\nCMD " + b"[" * 20000 + b"\n",
        b"",
        b"\xff\xfe\n",
    ],
    ids=["long line", "nested substitutions", "subshells", "variables", "brackets", "empty", "no text"],
)
def test_hostile_files_end_in_words(folder: Path, data: bytes) -> None:
    (folder / "x.Dockerfile").write_bytes(data)
    done = lint(folder, "--format", "json", "x.Dockerfile", "Dockerfile")
    assert done.returncode in (1, 4)
    assert "APT002" in codes(done)["Dockerfile"]


def test_a_hundred_thousand_instructions(folder: Path) -> None:
    (folder / "x.Dockerfile").write_bytes(b"FROM scratch\n" + b"LABEL a=b\n" * 100_000)
    assert lint(folder, "--format", "json", "-o", "out.json", "x.Dockerfile").returncode in (0, 1)


# ---------------------------------------------------------------------- fixing


def test_fix_keeps_mode_and_link(folder: Path) -> None:
    target = folder / "Dockerfile"
    target.chmod(0o640)
    (folder / "link").symlink_to("Dockerfile")
    lint(folder, "--fix", "link")
    assert (folder / "link").is_symlink()
    assert target.stat().st_mode & 0o777 == 0o640
    assert "rm -rf /var/lib/apt/lists/*" in target.read_text()
    assert sorted(path.name for path in folder.iterdir()) == ["Dockerfile", "link"]
    fixed = target.read_bytes()
    lint(folder, "--fix", "Dockerfile")
    assert target.read_bytes() == fixed


def test_fix_of_stdin_prints_the_file_and_nothing_else(folder: Path) -> None:
    done = lint(folder, "--fix", "-", data=BAD.encode())
    assert done.stdout.startswith(b"FROM debian:12\nRUN apt-get update")
    assert b"rm -rf /var/lib/apt/lists/*" in done.stdout
    assert b"mended" in done.stderr


def test_fix_of_stdin_prints_what_needs_none(folder: Path) -> None:
    assert lint(folder, "--fix", "-", data=QUIET.encode()).stdout == QUIET.encode()
    assert lint(folder, "--fix", "-", data=BROKEN.encode()).stdout == BROKEN.encode()


def test_diff_changes_nothing(folder: Path) -> None:
    done = lint(folder, "--diff", "Dockerfile")
    assert (folder / "Dockerfile").read_text() == BAD
    assert b"+++ Dockerfile" in done.stdout
    assert b"\n+" in done.stdout


def test_a_file_with_a_syntax_error_is_left_alone(folder: Path) -> None:
    (folder / "Dockerfile").write_text(BROKEN)
    done = lint(folder, "--fix", "--unsafe-fixes", "Dockerfile")
    assert done.returncode == 4
    assert (folder / "Dockerfile").read_text() == BROKEN


# ---------------------------------------------------------------------- finding files


def test_gitignore_compose_and_bake(folder: Path) -> None:
    for name in ("build", "app", "web"):
        (folder / name).mkdir()
        (folder / name / "Dockerfile").write_text(BAD)
    (folder / ".gitignore").write_text("build/\n")
    (folder / "compose.yaml").write_text(
        "services:\n  a: {build: app}\n  b: {build: {context: web}}\n  c: {image: x}\n"
    )
    (folder / "docker-bake.json").write_text('{"target": {"web": {"context": "web"}}}')
    (folder / "docker-bake.hcl").write_text('target "app" {\n  context = "app"\n}\n')
    assert set(codes(lint(folder, "--format", "json"))) == {"Dockerfile", "app/Dockerfile", "web/Dockerfile"}
    assert set(codes(lint(folder, "--format", "json", "compose.yaml"))) == {"app/Dockerfile", "web/Dockerfile"}
    assert set(codes(lint(folder, "--format", "json", "docker-bake.json"))) == {"web/Dockerfile"}
    assert set(codes(lint(folder, "--format", "json", "docker-bake.hcl"))) == {"app/Dockerfile"}


# ---------------------------------------------------------------------- settings


def test_settings_and_what_they_do_not_know(folder: Path) -> None:
    config = folder / "jettison.toml"
    config.write_text('[lint]\nselect = ["APT002"]\nseverity = {APT002 = "error"}\nexclude = ["x.*"]\n')
    (folder / "x.Dockerfile").write_text(BAD)
    document = json.loads(lint(folder, "--format", "json").stdout)
    assert [(f["path"], [(i["code"], i["severity"]) for i in f["findings"]]) for f in document["files"]] == [
        ("Dockerfile", [("APT002", "error")])
    ]
    config.write_text('[lint]\nignore = ["APT002"]\nfail-on = "error"\n')
    done = lint(folder, "--format", "json", "Dockerfile")
    assert done.returncode == 0
    assert "APT002" not in codes(done)["Dockerfile"]
    config.write_text('[lint]\nselct = ["APT002"]\n')
    done = lint(folder)
    assert done.returncode == 2
    assert b"select" in done.stderr


def test_hadolint_configuration_pragmas_and_check(folder: Path) -> None:
    (folder / ".hadolint.yaml").write_text("ignored: [DL3009]\n")
    assert "APT002" not in codes(lint(folder, "--format", "json"))["Dockerfile"]
    (folder / ".hadolint.yaml").unlink()
    (folder / "Dockerfile").write_text(BAD.replace("RUN", "# hadolint ignore=DL3009\nRUN"))
    assert "APT002" not in codes(lint(folder, "--format", "json"))["Dockerfile"]
    (folder / "Dockerfile").write_text("FROM debian:12\nMAINTAINER me\n")
    before = codes(lint(folder, "--format", "json"))["Dockerfile"]
    (folder / "Dockerfile").write_text("# check=skip=MaintainerDeprecated\nFROM debian:12\nMAINTAINER me\n")
    assert len(before - codes(lint(folder, "--format", "json"))["Dockerfile"]) == 1
