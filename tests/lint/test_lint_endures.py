"""What the world does to a run: files that cannot be read, directories that vanish, a kill in the middle of a fix."""

from __future__ import annotations

import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

LINT = [sys.executable, "-m", "jettison", "lint"]
BAD = b"FROM debian:12\nRUN apt-get update && apt-get install -y curl\n"
MENDED = b"FROM debian:12\nRUN apt-get update && apt-get install -y curl && rm -rf /var/lib/apt/lists/*\n"


def start(folder: Path, *arguments: str) -> subprocess.Popen[bytes]:
    """A run in `folder`."""
    return subprocess.Popen(
        [*LINT, *arguments],
        cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        env={**os.environ, "HOME": str(folder)},
    )  # fmt: skip


def test_a_file_whose_bytes_cannot_be_read(tmp_path: Path) -> None:
    """/proc/self/mem is a regular file that nobody, root included, can read from its start."""
    (tmp_path / "Dockerfile").write_bytes(BAD)
    (tmp_path / "unreadable.Dockerfile").symlink_to("/proc/self/mem")
    run = start(tmp_path, "--format", "concise")
    out, err = run.communicate(timeout=120)
    assert run.returncode == 4
    assert b"unreadable.Dockerfile: cannot be read" in err and b"Traceback" not in err
    assert b"APT002" in out


def test_a_directory_that_vanishes_while_it_is_walked(tmp_path: Path) -> None:
    """The run waits for its reader in the first directories; meanwhile the last ones go."""
    for number in range(400):
        (tmp_path / f"{number:03}").mkdir()
        (tmp_path / f"{number:03}" / "Dockerfile").write_bytes(BAD)
    run = start(tmp_path, "--format", "text")
    assert run.stdout is not None and run.stderr is not None
    first = run.stdout.read(1)
    shutil.rmtree(tmp_path / "399")
    (tmp_path / "398" / "Dockerfile").unlink()
    out, err = run.communicate(timeout=120)
    assert run.returncode == 4
    assert b"Traceback" not in err
    assert b"399: cannot be read" in err
    assert b"397/Dockerfile" in first + out


def test_a_kill_leaves_every_file_whole(tmp_path: Path) -> None:
    """Whenever `--fix` is killed, each file is as it was or as it should be, and the next run mends the rest."""
    folder = tmp_path / "files"
    folder.mkdir()
    files = [folder / f"{number}.Dockerfile" for number in range(200)]
    for file in files:
        file.write_bytes(BAD)
    seen = 0
    for attempt in range(60):
        run = start(folder, "--fix", "--select", "APT002", "-q", "-o", os.devnull)
        # Wait until files change, then strike at another moment each time.
        deadline = time.monotonic() + 60
        while run.poll() is None and time.monotonic() < deadline:
            if sum(file.read_bytes() == MENDED for file in files) > seen:
                break
        time.sleep(attempt % 7 / 1000)
        run.send_signal(signal.SIGKILL)
        run.communicate(timeout=60)
        contents = [file.read_bytes() for file in files]
        assert set(contents) <= {BAD, MENDED}
        seen = contents.count(MENDED)
        if seen == len(files):
            break
    assert seen > 0
    done = subprocess.run([*LINT, "--fix", "--select", "APT002"], cwd=folder, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    assert {file.read_bytes() for file in files} == {MENDED}


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files away")
def test_fix_keeps_the_owner_and_odd_modes(tmp_path: Path) -> None:
    file = tmp_path / "Dockerfile"
    file.write_bytes(BAD)
    os.chown(file, 1234, 5678)
    file.chmod(0o4751)
    assert start(tmp_path, "--fix", "-q").wait(timeout=120) in (0, 1)
    status = file.stat()
    assert b"rm -rf /var/lib/apt/lists" in file.read_bytes()
    assert (status.st_uid, status.st_gid, status.st_mode & 0o7777) == (1234, 5678, 0o4751)


@pytest.mark.parametrize(
    "data",
    [
        b"FROM debian:12\n" + b"RUN apt-get update && apt-get install curl\n" * 3_000,
        b"FROM debian:12\n" + b"COPY a b\nRUN chmod +x /b\n" * 3_000,
        b"FROM debian:12 AS a\n" + b"FROM a\nCOPY --from=a /x /y\n" * 3_000,
        b"FROM debian:12\n" + b"ENV A=$A\nRUN echo $A\n" * 3_000,
        b"FROM debian:12\nRUN apt-get update && apt-get install -y \\\n" + b"  pkg \\\n" * 100_000 + b"  z\n",
        b"FROM debian:12\nRUN " + b" && ".join([b"apt-get install curl"] * 5_000) + b"\n",
        b"FROM debian:12\n" + b"# hadolint ignore=DL3008\nRUN apt-get install curl\n" * 3_000,
        b"FROM debian:12\nRUN echo " + b'"$(echo ' * 5_000 + b')"' * 5_000 + b"\n",
    ],
    ids=[
        "installs",
        "copied and changed",
        "stages",
        "variables",
        "continuations",
        "commands",
        "pragmas",
        "quoted nesting",
    ],
)
def test_time_is_bounded(tmp_path: Path, data: bytes) -> None:
    """CPU seconds, since the machine may be busy; a file of this kind takes a few, so 60 is a blow-up."""
    (tmp_path / "Dockerfile").write_bytes(data)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    run = start(tmp_path, "--format", "json", "-o", "out.json", "Dockerfile")
    _, err = run.communicate(timeout=600)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert run.returncode in (0, 1, 4) and b"Traceback" not in err and b"internal error" not in err, err
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 60


# ---------------------------------------------------------------------- ShellCheck's positions

CASES = {
    "continuation": b"FROM debian:12\nRUN cd /srv \\\n    # a comment in between\n    && true \\\n    && rm -rf $A/b\n",
    "blanks after the backslash": b"FROM debian:12\nRUN true && \\  \n\n  rm -rf $A/b\n",
    "heredoc": b"FROM debian:12\nRUN <<EOF\nset -e\nrm -rf $A/b\nEOF\n",
    "heredoc without tabs": b"FROM debian:12\nRUN <<-EOF\n\tset -e\n\t\trm -rf $A/b\n\tEOF\n",
    "CRLF": b"FROM debian:12\r\nRUN true && \\\r\n  rm -rf $A/b\r\n",
    "letters of two bytes": "FROM debian:12\nRUN echo 'äöü' && \\\n  echo 'ß' && rm -rf $A/b\n".encode(),
    "backtick escape": b"# escape=`\nFROM debian:12\nRUN true && `\n  rm -rf $A/b\n",
}


@pytest.mark.parametrize("name", CASES)
def test_shellchecks_positions_are_those_of_the_file(tmp_path: Path, name: str) -> None:
    """SC2086 is about `$A`: the line and column of the report are where it stands in the file."""
    data = CASES[name]
    (tmp_path / "Dockerfile").write_bytes(data)
    run = start(tmp_path, "--shellcheck", "--select", "SC", "--format", "json")
    out, err = run.communicate(timeout=120)
    if b"ShellCheck is not installed" in err:
        pytest.skip("ShellCheck is not installed")
    found = [item for item in json.loads(out)["files"][0]["findings"] if item["code"] == "SC2086"]
    offset = data.index(b"$A")
    line = data[:offset].count(b"\n") + 1
    column = len(data[:offset].rpartition(b"\n")[2].decode()) + 1
    assert [(item["start"]["line"], item["start"]["column"], item["start"]["offset"]) for item in found] == [
        (line, column, offset)
    ]
