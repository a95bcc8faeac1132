"""No engine: a root file system in Linux namespaces of its own.

`start` runs a program with the root file system below an overlay, so that nothing in it changes: own mounts, processes,
IPC and host name; /proc, /dev, /sys, and this machine's resolv.conf and hosts; the machine's network, or none. Whoever
is not root gets a user namespace, in which there is one user only. The mounts go with the processes, the rest is in
one directory. Sources: clone(2), pid_namespaces(7), user_namespaces(7), pivot_root(2).

The work is done by this module run as a program, in a process that has one thread and nothing to lose:
`python -m jettison.engines.namespaces run|enter SPECIFICATION`.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import socket
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import msgspec

from jettison.errors import InputError, NotAssessed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET = (
    *(0x00020000, 0x02000000, 0x04000000, 0x08000000, 0x10000000, 0x20000000, 0x40000000),
)
_RDONLY, _NOSUID, _NODEV, _NOEXEC, _REMOUNT, _BIND, _REC, _PRIVATE, _SLAVE = (
    *(1, 2, 4, 8, 32, 4096, 16384, 1 << 18, 1 << 19),
)
_DETACH = 2
_DEATH_SIGNAL, _DROP_BOUND = 1, 24

DOCKER_CAPABILITIES = 0xA80425FB
"""What Docker leaves to root in a container."""

_DEVICES = ("null", "zero", "full", "random", "urandom", "tty")
_DEVICE_LINKS = {"fd": "/proc/self/fd", "stdin": "fd/0", "stdout": "fd/1", "stderr": "fd/2", "ptmx": "pts/ptmx"}
_HOST_FILES = ("/etc/resolv.conf", "/etc/hosts")
_HIDDEN = ("/proc/kcore", "/proc/keys", "/proc/timer_list", "/proc/sched_debug")
_READ_ONLY = ("/proc/sys", "/proc/sysrq-trigger", "/proc/irq", "/proc/bus")


class Specification(msgspec.Struct, frozen=True, kw_only=True):
    """A run. `root` is the root file system, `scratch` an empty directory on this machine for what is written.

    `binds` are directories of this machine, by where they are seen. `capabilities` are those that root keeps there.
    """

    root: str
    scratch: str
    arguments: list[str]
    environment: dict[str, str] = {}
    directory: str = "/"
    binds: dict[str, str] = {}
    hostname: str = "jettison"
    network: str = "host"
    capabilities: int = DOCKER_CAPABILITIES
    read_only: bool = False
    tmpfs: list[str] = []


class Space:
    """A running one. `pid` is its first process, as this machine counts; `user_namespace` tells that it has its own."""

    def __init__(self, specification: Specification) -> None:
        self.specification = specification
        self.pid = 0
        self.user_namespace = os.geteuid() != 0
        self.ended: float | None = None
        self._runner: subprocess.Popen[bytes] | None = None

    def start(self, stdout: int, stderr: int) -> Space:
        """Start it; its output goes to two descriptors. Raises `NotAssessed` where namespaces are not allowed here,
        `InputError` where the root file system does not serve."""
        reading, writing = os.pipe()
        try:
            self._runner = subprocess.Popen(
                _program("run", self.specification, str(writing)),
                stdin=subprocess.DEVNULL,
                stdout=stdout,
                stderr=stderr,
                pass_fds=(writing,),
                start_new_session=True,
            )
        finally:
            os.close(writing)
        with open(reading, "rb") as pipe:
            said = pipe.read().decode("utf-8", "replace")
        number, _, failure = said.partition(" ")
        if failure or not number:
            self.kill()
            raise NotAssessed(
                f"a root file system cannot be run in namespaces here: {failure or 'the runner ended'}",
                hint="as root it can; or unprivileged user namespaces must be allowed (user_namespaces(7))",
            )
        self.pid = int(number)
        return self

    def poll(self) -> int | None:
        """The exit status, 128 and the signal's number for a signal; None while it runs."""
        if self._runner is None:
            return None
        code = self._runner.poll()
        if code is not None and self.ended is None:
            self.ended = time.time()
        return code if code is None or code >= 0 else 128 - code

    def execute(self, arguments: Sequence[str]) -> subprocess.CompletedProcess[bytes]:
        """Run a command inside, in the same directory, and wait for its end. Raises `InputError`."""
        if self.poll() is not None:
            raise InputError("the run has ended: nothing can be run in it", where=self.specification.root)
        wish = msgspec.structs.replace(self.specification, arguments=list(arguments))
        return subprocess.run(
            _program("enter", wish, str(self.pid)), stdin=subprocess.DEVNULL, capture_output=True, check=False
        )

    def signal(self, number: int) -> None:
        """Send the first process a signal. One that has ended is fine."""
        if self.poll() is None and self.pid:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def stop(self, number: int, seconds: float) -> None:
        """Send a signal, and kill it when it is still there after `seconds`."""
        self.signal(number)
        if self._runner is not None:
            try:
                self._runner.wait(seconds)
            except subprocess.TimeoutExpired:
                self.kill()
            self.poll()

    def kill(self) -> None:
        """End all of it at once."""
        self.signal(signal.SIGKILL)
        if self._runner is not None:
            if not self.pid:
                self._runner.terminate()
            self._runner.wait()
            self.poll()


def _program(action: str, specification: Specification, argument: str) -> list[str]:
    text = msgspec.json.encode(specification).decode()
    return [sys.executable, "-P", "-m", "jettison.engines.namespaces", action, text, argument]


_libc = ctypes.CDLL(None, use_errno=True)


def _demand(result: int, what: str) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), what)
    return result


def _unshare(flags: int) -> None:
    _demand(_libc.unshare(flags), "unshare")


def _mount(source: str, target: str, kind: str = "", flags: int = 0, data: str = "") -> None:
    arguments = [text.encode() if text else None for text in (source, target, kind)]
    _demand(_libc.mount(*arguments, ctypes.c_ulong(flags), data.encode() if data else None), f"mount on {target}")


def run(specification: Specification, report: int) -> int:
    """Make the namespaces, start the program as their first process, and wait for it; its exit status.

    What goes wrong before is written to the descriptor `report` as ` REASON`, else the first process's number.
    """
    child = 0

    def end(*_: object) -> None:
        if child:
            os.kill(child, signal.SIGKILL)
        else:
            os._exit(1)

    os.set_inheritable(report, False)
    signal.signal(signal.SIGTERM, end)
    _libc.prctl(_DEATH_SIGNAL, signal.SIGTERM)
    try:
        user = os.geteuid() != 0
        if user:
            _become_root()
        _unshare(NEWNS | NEWPID | NEWIPC | NEWUTS | (NEWNET if specification.network == "none" else 0))
        reading, writing = os.pipe2(os.O_CLOEXEC)
        child = os.fork()
        if not child:
            _first(specification, writing, user)
        os.close(writing)
        with open(reading, "rb") as pipe:
            failure = pipe.read()
        os.write(report, f"{child} ".encode().rstrip() if not failure else b" " + failure)
    except OSError as error:
        os.write(report, f" {error.filename or error}: {error.strerror}".encode())
        return 125
    os.close(report)
    _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else 128 - code


def _become_root() -> None:
    """A user namespace whose only user is this one, as root."""
    uid, gid = os.geteuid(), os.getegid()
    _unshare(NEWUSER)
    for name, text in (("setgroups", "deny"), ("uid_map", f"0 {uid} 1"), ("gid_map", f"0 {gid} 1")):
        with open(f"/proc/self/{name}", "w") as file:
            file.write(text)


def _first(specification: Specification, report: int, user: bool) -> None:
    """The first process: it mounts, moves in, and becomes the program."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    try:
        _mount("none", "/", flags=_REC | _PRIVATE)
        root = _overlay(specification, user)
        _furnish(root, specification, user)
        if specification.network == "none":
            _raise_loopback()
        socket.sethostname(specification.hostname)
        _move_in(root, specification.read_only)
        _settle(specification)
        os.execve(specification.arguments[0], specification.arguments, specification.environment)
    except OSError as error:
        os.write(report, f"{error.filename or 'starting'}: {error.strerror}".encode())
    finally:
        os._exit(125)


def _overlay(specification: Specification, user: bool) -> str:
    """Mount the root file system below a layer for what is written: in the scratch directory, else in memory."""
    scratch = specification.scratch
    root = f"{scratch}/root"
    os.makedirs(root, exist_ok=True)

    def overlay(upper: str) -> None:
        for part in ("upper", "work"):
            os.makedirs(f"{upper}/{part}", exist_ok=True)
        status = os.stat(specification.root)
        os.chmod(f"{upper}/upper", status.st_mode & 0o7777)
        lower = "".join(f"\\{char}" if char in "\\:," else char for char in specification.root)
        options = f"lowerdir={lower},upperdir={upper}/upper,workdir={upper}/work"
        options += ",userxattr" if user else ""
        try:
            _mount("overlay", root, "overlay", data=f"{options},volatile")  # or its end waits for this machine's disks
        except OSError:
            _mount("overlay", root, "overlay", data=options)

    try:
        overlay(scratch)
    except OSError:
        _mount("tmpfs", f"{scratch}", "tmpfs")  # an overlay's upper directory cannot be on an overlay
        os.makedirs(root)
        overlay(scratch)
    return root


def _furnish(root: str, specification: Specification, user: bool) -> None:
    """What a container finds besides its image: /proc, /dev, /sys, the machine's names."""
    for name in ("proc", "dev", "sys"):
        os.makedirs(f"{root}/{name}", exist_ok=True)
    _mount("proc", f"{root}/proc", "proc", _NOSUID | _NODEV | _NOEXEC)
    _mount("tmpfs", f"{root}/dev", "tmpfs", _NOSUID, "mode=755,size=65536k")
    for device in _DEVICES:
        _bind(f"/dev/{device}", f"{root}/dev/{device}")
    for directory, kind, options in (
        ("pts", "devpts", "newinstance,ptmxmode=0666,mode=0620"),
        ("shm", "tmpfs", "mode=1777"),
        ("mqueue", "mqueue", ""),
    ):
        os.mkdir(f"{root}/dev/{directory}")
        with contextlib.suppress(OSError):
            _mount(kind, f"{root}/dev/{directory}", kind, _NOSUID | _NOEXEC, options)
    for link, target in _DEVICE_LINKS.items():
        os.symlink(target, f"{root}/dev/{link}")
    with contextlib.suppress(OSError):
        _mount("/sys", f"{root}/sys", flags=_BIND | _REC)
        _mount("none", f"{root}/sys", flags=_REMOUNT | _BIND | _RDONLY | _NOSUID | _NODEV | _NOEXEC)
    for path in _HOST_FILES:
        if os.path.exists(path):
            _bind(os.path.realpath(path), _inside(root, path))
    for path in specification.tmpfs:
        os.makedirs(_inside(root, path), exist_ok=True)
        _mount("tmpfs", _inside(root, path), "tmpfs", _NOSUID | _NODEV, "mode=1777")
    for path, source in specification.binds.items():
        os.makedirs(root + path, exist_ok=True)
        _mount(source, root + path, flags=_BIND)
    if not user:
        for path in _READ_ONLY:
            if os.path.exists(root + path):
                _bind(root + path, root + path, read_only=True)
        for path in _HIDDEN:
            if os.path.exists(root + path):
                _bind("/dev/null", root + path)


def _inside(root: str, path: str) -> str:
    """Where a path of the container is on this machine, its links followed within the container."""
    parts, at, hops = [part for part in path.split("/") if part][::-1], "", 0
    while parts:
        part = parts.pop()
        if part == "..":
            at = at.rpartition("/")[0]
            continue
        full = f"{root}{at}/{part}"
        if os.path.islink(full) and hops < 40:
            hops += 1
            target = os.readlink(full)
            at = "" if target.startswith("/") else at
            parts += [piece for piece in target.split("/") if piece and piece != "."][::-1]
            continue
        at = f"{at}/{part}"
    return root + at


def _bind(source: str, target: str, *, read_only: bool = False) -> None:
    if not os.path.exists(target):
        os.makedirs(os.path.dirname(target), exist_ok=True)
        with open(target, "wb"):
            pass
    _mount(source, target, flags=_BIND)
    if read_only:
        _mount("none", target, flags=_REMOUNT | _BIND | _RDONLY)


def _raise_loopback() -> None:
    """Bring up `lo`. Source: netdevice(7)."""
    import fcntl
    import struct

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as connection:
        fcntl.ioctl(connection, 0x8914, struct.pack("16sh14x", b"lo", 1))


def _move_in(root: str, read_only: bool) -> None:
    if read_only:
        _mount("none", root, flags=_REMOUNT | _BIND | _RDONLY)
    os.chdir(root)
    pivot = {"x86_64": 155, "aarch64": 41}[os.uname().machine]
    _demand(_libc.syscall(ctypes.c_long(pivot), b".", b"."), "pivot_root")
    _demand(_libc.umount2(b".", _DETACH), "umount")
    os.chdir("/")


def _settle(specification: Specification) -> None:
    """The working directory, and no more rights than a container's root has."""
    with contextlib.suppress(OSError):
        os.makedirs(specification.directory, exist_ok=True)
    os.chdir(specification.directory)
    os.umask(0o022)
    for number in range(64):
        if not specification.capabilities >> number & 1:
            _libc.prctl(_DROP_BOUND, number, 0, 0, 0)  # those that this kernel does not know are refused


def enter(specification: Specification, pid: int) -> int:
    """Run a command in the namespaces of process `pid`; its exit status."""
    try:
        handles = [
            os.open(f"/proc/{pid}/ns/{name}", os.O_RDONLY | os.O_CLOEXEC)
            for name in ("user", "ipc", "uts", "net", "pid", "mnt")
            if os.readlink(f"/proc/{pid}/ns/{name}") != os.readlink(f"/proc/self/ns/{name}")
        ]
        for handle in handles:
            _demand(_libc.setns(handle, 0), "setns")
    except OSError as error:
        os.write(2, f"the run cannot be entered: {error.filename}: {error.strerror}\n".encode())
        return 125
    child = os.fork()
    if not child:
        try:
            _settle(specification)
            os.execve(specification.arguments[0], specification.arguments, specification.environment)
        except OSError as error:
            os.write(2, f"{error.filename or 'starting'}: {error.strerror}\n".encode())
        finally:
            os._exit(126)
    _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else 128 - code


def main(arguments: Sequence[str]) -> int:
    """`run SPECIFICATION DESCRIPTOR` or `enter SPECIFICATION PID`."""
    action, text, number = arguments
    specification = msgspec.json.decode(text, type=Specification)
    actions: Mapping[str, Callable[[Specification, int], int]] = {"run": run, "enter": enter}
    return actions[action](specification, int(number))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
