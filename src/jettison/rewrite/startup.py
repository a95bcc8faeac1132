"""What starting a program costs: seconds from exec to exit, and the most memory that it had, packed and not.

Each program is run in the image's own tree, which was unpacked for that and is thrown away: in namespaces without a
network, its processes and mounts of its own, nothing on standard input, output or error. The work is done by this
module run as a program, which traces the one it starts (ptrace(2)): exec starts the clock, exit stops it, and the
kernel's own high-water mark is read in between.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import shutil
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from jettison.errors import JettisonError
from jettison.stores.unpacking import unpack

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jettison.image.entry import Entry
    from jettison.image.image import Image
    from jettison.image.tree import Tree
    from jettison.rewrite.spool import Spool

RUNS = 7
"""Starts of each program; the fastest counts, since all else is noise of the machine."""
_SECONDS = 30
"""The longest that one run may take."""
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class Cost(NamedTuple):
    """One start: `seconds` from exec to exit, the fastest of `RUNS`; `memory`, the peak in bytes, None: unknown."""

    seconds: float
    memory: int | None


class _Run(msgspec.Struct):
    seconds: float
    memory: int | None
    status: int


class _Wish(msgspec.Struct):
    root: str
    program: str
    arguments: list[str]
    environment: dict[str, str]
    runs: int = RUNS


class Bench:
    """Where programs of one image are run with some arguments. The tree is unpacked when the first one is."""

    def __init__(self, image: Image, tree: Tree, arguments: Sequence[str], spool: Spool) -> None:
        self._image = image
        self._tree = tree
        self._arguments = list(arguments)
        self._spool = spool
        self._root = ""
        self.trouble: str | None = None
        """Why nothing can be measured here, once that is known."""

    def compare(self, entry: Entry, original: str, packed: str) -> tuple[tuple[Cost | None, Cost | None], str | None]:
        """What both versions of the program at `entry` cost, and why the packed one is not to be had, or None."""
        if self.trouble is None:
            try:
                self._unpack()
                before, after = self._runs(entry, original), self._runs(entry, packed)
            except (OSError, JettisonError, subprocess.SubprocessError, ValueError) as error:
                self.trouble = str(error)
            else:
                ends, others = {run.status for run in before}, {run.status for run in after}
                if len(ends) == 1 and others != ends:
                    return (None, None), f"packed, it ends with {_ended(others)} instead of {_ended(ends)}"
                return (_cost(before), _cost(after)), None
        return (None, None), None

    def _unpack(self) -> None:
        if not self._root:
            self._root = self._spool.file("root")
            os.mkdir(self._root, 0o755)
            unpack(self._image, self._tree, self._root)

    def _runs(self, entry: Entry, content: str) -> list[_Run]:
        """Run a version of a program in its place."""
        place = os.path.join(self._root, os.fsdecode(entry.path))
        os.unlink(place)
        shutil.copyfile(content, place)
        os.chmod(place, entry.mode & 0o777)
        wish = _Wish(self._root, "/" + os.fsdecode(entry.path), self._arguments, _environment(self._image))
        done = subprocess.run(
            [sys.executable, "-P", "-m", "jettison.rewrite.startup", msgspec.json.encode(wish).decode()],
            capture_output=True,
            stdin=subprocess.DEVNULL,
            timeout=_SECONDS * (RUNS + 1),
            check=False,
        )
        if done.returncode != 0:
            raise ValueError(done.stderr.decode("utf-8", "replace").strip().splitlines()[-1:] or "no answer")
        return msgspec.json.decode(done.stdout, type=list[_Run])


def _environment(image: Image) -> dict[str, str]:
    pairs = (text.partition("=") for text in image.config.container.env or [])
    return {"PATH": _PATH, **{name: value for name, _, value in pairs if name}}


def _cost(runs: list[_Run]) -> Cost:
    peaks = [run.memory for run in runs if run.memory is not None]
    return Cost(min(run.seconds for run in runs), max(peaks) if peaks else None)


def _ended(statuses: set[int]) -> str:
    return " or ".join(f"status {status}" if status >= 0 else f"signal {-status}" for status in sorted(statuses))


# Below runs in a process of its own.

_NEWNS, _NEWUTS, _NEWIPC, _NEWUSER, _NEWPID, _NEWNET = (1 << 17, 1 << 26, 1 << 27, 1 << 28, 1 << 29, 1 << 30)
_PRIVATE, _REC, _BIND = 1 << 18, 1 << 14, 1 << 12
_TRACEME, _CONT, _SETOPTIONS = 0, 7, 0x4200
_OPTIONS = 0x8 | 0x10 | 0x40 | 0x100000
"""Stop at new threads, at exec and at exit; kill everything when the tracer dies."""
_CLONED, _EXECUTED, _EXITING = 3, 4, 6
_WALL = 0x40000000


def _demand(result: int, what: str) -> None:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


def _libc() -> ctypes.CDLL:
    libc = ctypes.CDLL(None, use_errno=True)
    libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p]
    libc.ptrace.restype = ctypes.c_long
    return libc


def _enter(libc: ctypes.CDLL, root: str) -> None:
    """Namespaces, in a child that is their first process, and the root file system."""
    uid, gid = os.geteuid(), os.getegid()
    flags = _NEWNS | _NEWUTS | _NEWIPC | _NEWPID | _NEWNET
    _demand(libc.unshare(flags | (_NEWUSER if uid else 0)), "namespaces")
    if uid:
        for name, text in (("setgroups", "deny"), ("uid_map", f"0 {uid} 1"), ("gid_map", f"0 {gid} 1")):
            with open(f"/proc/self/{name}", "w") as file:
                file.write(text)
    first = os.fork()
    if first:
        os._exit(os.waitstatus_to_exitcode(os.waitpid(first, 0)[1]))
    _demand(libc.mount(b"none", b"/", None, ctypes.c_ulong(_PRIVATE | _REC), None), "mounts")
    devices = {name: os.open(f"/dev/{name}", os.O_PATH) for name in ("null", "zero", "random", "urandom")}
    os.chroot(root)  # before any of its paths is looked at: its links lead nowhere else from here on
    os.chdir("/")
    for folder in ("/proc", "/dev"):
        os.makedirs(folder, exist_ok=True)
    _demand(libc.mount(b"proc", b"/proc", b"proc", ctypes.c_ulong(0), None), "/proc")
    for device, descriptor in devices.items():
        if not os.path.exists(f"/dev/{device}"):
            with open(f"/dev/{device}", "wb"):
                pass
        source, target = f"/proc/self/fd/{descriptor}", f"/dev/{device}"
        libc.mount(source.encode(), target.encode(), None, ctypes.c_ulong(_BIND), None)
        os.close(descriptor)


def _measure(libc: ctypes.CDLL, wish: _Wish) -> _Run:
    """One run, traced."""
    program = os.fork()
    if not program:
        null = os.open("/dev/null", os.O_RDWR)
        for number in range(3):
            os.dup2(null, number)
        libc.ptrace(_TRACEME, 0, None, None)
        os.kill(os.getpid(), signal.SIGSTOP)
        with contextlib.suppress(OSError):
            os.execve(wish.program, [wish.program, *wish.arguments], wish.environment)
        os._exit(127)
    os.waitpid(program, 0)
    _demand(libc.ptrace(_SETOPTIONS, program, None, _OPTIONS), "ptrace")
    signal.signal(signal.SIGALRM, lambda *_: os._exit(2))
    signal.alarm(_SECONDS)
    started = ended = 0.0
    memory: int | None = None
    fresh: set[int] = set()
    libc.ptrace(_CONT, program, None, None)
    while True:
        process, status = os.waitpid(-1, _WALL)
        if not os.WIFSTOPPED(status):
            if process == program:
                return _Run((ended or time.perf_counter()) - started, memory, os.waitstatus_to_exitcode(status))
            continue
        event, number = status >> 16, os.WSTOPSIG(status)
        if event == _EXECUTED:
            started = time.perf_counter()
        elif event == _EXITING:
            ended, peak = time.perf_counter(), _peak(process)
            memory = max(memory or 0, peak) if peak is not None else memory
        first = process != program and process not in fresh and number == signal.SIGSTOP
        fresh.add(process)
        libc.ptrace(_CONT, process, None, 0 if event or first else number)


def _peak(process: int) -> int | None:
    with contextlib.suppress(OSError), open(f"/proc/{process}/status") as status:
        for line in status:
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    return None


def main(text: str) -> None:
    """Measure what the JSON document `text` wishes, and print the runs."""
    libc, wish = _libc(), msgspec.json.decode(text, type=_Wish)
    try:
        _enter(libc, wish.root)
        runs = [_measure(libc, wish) for _ in range(wish.runs)]
    except OSError as error:
        print(error.strerror or error, file=sys.stderr)
        os._exit(1)
    sys.stdout.write(msgspec.json.encode(runs).decode())
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1])
