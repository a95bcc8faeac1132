"""The sensor against programs that ask for paths in every way, and against strace."""

from __future__ import annotations

import os
import re
import shutil
import signal
import stat
import subprocess
import time
from typing import TYPE_CHECKING

import pytest

from jettison.trace import log as logs

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Traced = Callable[..., tuple[logs.Log, subprocess.CompletedProcess[bytes]]]

NAMES = (
    *("fstatat", "statx", "faccessat", "faccessat2", "statfs", "getxattr", "llistxattr", "opath", "inotify"),
    *("stat", "lstat", "access", "open", "openat", "dots", "openat2", "write", "sys-open"),
    *("truncate", "chmod", "fchmodat", "lchown", "fchownat", "utimensat", "setxattr", "unlink", "unlinkat"),
    *("rename", "renameat2", "link", "linkat", "child", "chroot", "thread", "proc"),
)


@pytest.fixture
def playground(tmp_path: Path, compiled: Callable[..., str]) -> Path:
    folder = tmp_path / "play"
    (folder / "sub").mkdir(parents=True)
    for name in [*(f"by-{name}" for name in NAMES), "sub/below", "sub/rooted"]:
        (folder / name).write_text("x")
    for name in ("vfork", "execveat", "fexecve"):
        shutil.copy(compiled("calls", "-static"), folder / f"by-{name}")
    (folder / "by-script").write_text("#!/bin/sh\nexit 0\n")
    (folder / "by-script").chmod(0o755)
    for name in ("link", "link2", "dangling"):
        (folder / name).symlink_to("nothing")
    return folder


@pytest.mark.parametrize("flags", [(), ("-static",), ("-m32", "-static")])
def test_sees_every_way_to_name_a_path(
    flags: tuple[str, ...], playground: Path, compiled: Callable[..., str], traced: Traced
) -> None:
    log, ended = traced(compiled("calls", *flags), str(playground))
    expected = [line.split(" ", 1) for line in ended.stdout.decode().splitlines()]
    assert len(expected) > 60
    for access, path in expected:
        if access == "missing":
            assert path in log.missing, path
        else:
            assert access in log.paths.get(path, ()), (access, path, log.paths.get(path))
    assert log.lost == 0
    assert 4 <= log.missing[str(playground / "nowhere")] <= 5
    programs = {one.path: one for one in log.executed}
    assert programs[str(playground / "by-vfork")].name == "renamed"
    assert programs[str(playground / "by-script")].interpreters[0] == "/bin/sh"
    assert "exec" in log.paths["/bin/sh"]


def strace_paths(command: list[str], folder: Path) -> set[str]:
    """What strace sees of absolute paths: the oracle."""
    output = folder / "strace"
    strace = ["strace", "-f", "-qq", "-s", "4096", "-e", "trace=%file", "-o", str(output)]
    subprocess.run([*strace, *command], capture_output=True)
    found = set()
    for line in output.read_text(errors="surrogateescape").splitlines():
        if re.match(r"\d+ +(?:\+|-|<)", line):
            continue
        found.update(path for path in re.findall(r'"(/[^"\\]*)"', line.split(" = ")[0]) if "..." not in path)
    return found


@pytest.mark.parametrize(
    "command",
    [
        ["python3", "-c", "import json, ssl, sqlite3, subprocess; subprocess.run(['ls', '/usr'])"],
        ["sh", "-c", "ls /etc | sort | head -3; for i in 1 2 3; do (cat /etc/passwd >/dev/null) & done; wait; date"],
        ["perl", "-e", "use POSIX; system('id'); opendir(D, '/usr'); print readdir(D)"],
    ],
)
def test_sees_all_that_strace_sees(command: list[str], tmp_path: Path, traced: Traced) -> None:
    if shutil.which("strace") is None or shutil.which(command[0]) is None:
        pytest.skip(f"strace or {command[0]} is missing")
    program = os.path.realpath(shutil.which(command[0]) or "")
    words = [program, *command[1:]]
    log, ended = traced(*words)
    assert ended.returncode == 0, ended.stderr
    seen = set(log.paths) | set(log.missing)
    oracle = strace_paths(words, tmp_path)
    tidy = {re.sub(r"/+", "/", path).rstrip("/") or "/" for path in oracle}
    tidy = {path for path in tidy if not path.startswith(("/proc/", "/tmp/"))}
    assert len(tidy) > 5
    assert tidy - seen == set()
    assert log.lost == 0


def test_exit_status_signals_and_process_number(traced: Traced, sensor_path: str, tmp_path: Path) -> None:
    _, ended = traced("/bin/sh", "-c", "exit 7")
    assert ended.returncode == 7
    _, ended = traced("/bin/sh", "-c", "kill -SEGV $$")
    assert ended.returncode == -signal.SIGSEGV
    script = "trap 'echo got; exit 3' TERM; echo $$; while :; do sleep 0.05; done"
    process = subprocess.Popen([sensor_path, "-l", str(tmp_path / "l"), "sh", "-c", script], stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert int(process.stdout.readline()) == process.pid  # the program has the sensor's place
    process.terminate()
    assert process.communicate()[0] == b"got\n"
    assert process.returncode == 3


def test_no_program_waits_for_the_sensor(traced: Traced) -> None:
    script = "import os\ntry: os.wait()\nexcept ChildProcessError: print('none')"
    _, ended = traced("python3", "-c", script)
    assert ended.stdout == b"none\n"


@pytest.mark.parametrize(("command", "status"), [("/no/such", 127), ("no-such-program", 127), ("/etc/passwd", 126)])
def test_says_why_a_program_does_not_start(command: str, status: int, traced: Traced, tmp_path: Path) -> None:
    log, ended = traced(command)
    assert ended.returncode == status
    assert log.failure and log.failure.startswith(command)


def test_ends_when_the_last_process_does(traced: Traced, tmp_path: Path) -> None:
    late = tmp_path / "late"
    log_path = tmp_path / "log-x"
    log_path.touch()
    log, _ = traced("sh", "-c", f"(sleep 0.4; touch {late}) >/dev/null 2>&1 &")
    assert str(late) not in log.paths  # the daemon goes on
    found = next(path for path in tmp_path.iterdir() if path.name.startswith("log-") and path.stat().st_size > 64)
    deadline = time.monotonic() + 20
    while str(late) not in logs.parse(found.read_bytes()).paths:
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_threads_and_floods_lose_nothing(compiled: Callable[..., str], traced: Traced, tmp_path: Path) -> None:
    (tmp_path / "many").mkdir()
    log, ended = traced(compiled("flood"), str(tmp_path / "many"))
    assert ended.returncode == 0
    made = [path for path in log.paths if path.startswith(f"{tmp_path}/many/") and "create" in log.paths[path]]
    assert len(made) == 8 * 500
    assert sum(path.startswith(f"{tmp_path}/many/absent") for path in log.missing) == 8 * 500
    assert log.lost == 0


needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


@needs_root
def test_becomes_a_user_and_reads_those_who_change(traced: Traced, tmp_path: Path) -> None:
    user = tmp_path / "user"
    user.write_text("4242:4343:100,200\n/somewhere\n")
    tmp_path.chmod(0o755)
    for parent in tmp_path.parents:
        if str(parent).startswith("/tmp/") and stat.S_IMODE(parent.stat().st_mode) & 0o005 != 0o005:
            parent.chmod(0o755)
    script = "import os; print(os.getresuid(), os.getresgid(), os.getgroups(), os.environ['HOME']); os.stat('/usr')"
    words = ("/usr/bin/env", "python3", "-c", script)
    log, ended = traced(*words, flags=("-u", str(user)), env={"PATH": "/usr/bin:/bin"})
    assert ended.stdout == b"(4242, 4242, 4242) (4343, 4343, 4343) [100, 200] /somewhere\n", ended.stderr
    assert "stat" in log.paths["/usr"]
    # without an exec in between, as servers' workers do it: the kernel hides such a process from its equals
    script = "import os; os.setgid(65534); os.setuid(65534); os.stat('/usr/share')"
    log, ended = traced("/usr/bin/python3", "-c", script)
    assert ended.returncode == 0, ended.stderr
    assert "stat" in log.paths["/usr/share"]
    assert log.lost == 0


@needs_root
def test_says_what_it_may_not_read(sensor_path: str, tmp_path: Path) -> None:
    if shutil.which("setpriv") is None:
        pytest.skip("there is no setpriv")
    script = "import os; os.setgid(65534); os.setuid(65534); os.stat('/usr/share')"
    path = tmp_path / "plain"
    drop = ["setpriv", "--bounding-set", "-sys_ptrace,-sys_admin"]
    command = [*drop, sensor_path, "-l", str(path), "/usr/bin/python3", "-c", script]
    ended = subprocess.run(command, capture_output=True)
    log = logs.parse(path.read_bytes())
    assert ended.returncode == 0
    assert log.lost > 0
    assert any("CAP_SYS_PTRACE" in note for note in log.notes)


@needs_root
def test_says_when_setuid_programs_lose_their_rights(sensor_path: str, tmp_path: Path) -> None:
    if shutil.which("setpriv") is None:
        pytest.skip("there is no setpriv")
    for parent in (tmp_path, *tmp_path.parents):
        if str(parent).startswith("/tmp/"):
            parent.chmod(0o755)
    program = tmp_path / "setuid"
    shutil.copy(shutil.which("id") or "/usr/bin/id", program)
    program.chmod(0o4755)
    nobody = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"]
    folder = tmp_path / "open"
    folder.mkdir(mode=0o777)
    folder.chmod(0o777)
    copy = shutil.copy(sensor_path, folder / "sensor")
    (folder / "user").write_text("65534:65534:\n")
    plain = ["setpriv", "--bounding-set", "-sys_admin", sensor_path, "-u", str(folder / "user")]
    for number, command in enumerate(([*nobody, copy], plain)):
        path = folder / f"log{number}"
        subprocess.run([*command, "-l", str(path), str(program)], capture_output=True, check=True)
        log = logs.parse(path.read_bytes())
        assert [note for note in log.notes if note.startswith("setuid:")]
        assert log.lost == 0


def test_follows_working_directories_that_move(traced: Traced, tmp_path: Path) -> None:
    script = """
import os, sys, threading
base = sys.argv[1]
for i in range(200):
    os.makedirs(f"{base}/{i}/low", exist_ok=True)
    os.chdir(f"{base}/{i}")
    os.stat(".")
    os.path.exists("a")
    handle = os.open("low", os.O_RDONLY)
    os.fchdir(handle)
    os.path.exists("b")
    os.close(handle)
    os.rename(f"{base}/{i}", f"{base}/moved-{i}")
    os.path.exists("c")
    if not os.fork():
        os.chdir("/")
        os.path.exists("usr")
        os._exit(0)
    os.wait()
    os.path.exists("d")
    thread = threading.Thread(target=os.path.exists, args=("e",))
    thread.start()
    thread.join()
"""
    base = tmp_path / "base"
    log, ended = traced("python3", "-c", script, str(base))
    assert ended.returncode == 0, ended.stderr
    for i in range(200):
        names = [f"{i}/a", f"{i}/low/b", *(f"moved-{i}/low/{name}" for name in "cde")]
        assert [name for name in names if f"{base}/{name}" not in log.missing] == []
    asked = [path for path in log.missing if path.startswith(str(base))]
    assert len(asked) == len(set(asked)) == 200 * 6 + 1  # and each directory, before it was made


@needs_root
def test_says_when_the_log_cannot_be_written(sensor_path: str, tmp_path: Path) -> None:
    folder = tmp_path / "small"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16k", "none", str(folder)], capture_output=True)
    if mounted.returncode:
        pytest.skip("tmpfs cannot be mounted here")
    try:
        path = folder / "log"
        ended = subprocess.run([sensor_path, "-l", str(path), "find", "/usr/share/doc"], capture_output=True)
        assert ended.returncode == 0
        log = logs.parse(path.read_bytes())
        assert log.full > 0
        assert log.lost >= log.full
    finally:
        subprocess.run(["umount", str(folder)], check=True)
