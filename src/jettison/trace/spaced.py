"""Runs without an engine: the image's tree in a temporary directory, in namespaces.

Everything is as in an engine where that can be had: the sensor before the command, the image's USER, the machine's
network. Root keeps what Docker leaves it. There is no HEALTHCHECK, since nobody runs it: readiness is the port's.
Without root there is one user, root of a user namespace, and the image's USER cannot be had, which is noted.
"""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
from typing import TYPE_CHECKING

from jettison.engines.containers import Output
from jettison.engines.namespaces import DOCKER_CAPABILITIES, Space, Specification
from jettison.errors import InputError, NotAssessed
from jettison.image.indexer import Indexer
from jettison.image.tree import stack
from jettison.oci.platform import host
from jettison.stores.unpacking import unpack
from jettison.trace import owners
from jettison.trace.accounts import account
from jettison.trace.binary import sensor
from jettison.trace.log import EMPTY
from jettison.trace.readiness import demand_free
from jettison.trace.setup import PLACE, SENSOR_CAPABILITIES, wrapped
from jettison.trace.target import Status

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jettison.trace.setup import Setup

_PREFIX = "jettison-trace-"
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class Spaced:
    """A target in namespaces. Made by `start`."""

    def __init__(self, setup: Setup) -> None:
        self._setup = setup
        self._folder = ""
        self._space: Space | None = None
        self._becomes = False
        self.notes: list[str] = []

    def start(self) -> Spaced:
        """Unpack the image and start it; on any failure nothing is left behind.

        Raises `InputError`, `NotAssessed`, `UsageError` where one of its ports is taken.
        """
        there = self._setup.image.config
        if (there.os, there.architecture) != ("linux", host().architecture):
            raise NotAssessed(
                f"an image for {there.os}/{there.architecture} cannot run here", where=self._setup.image.reference
            )
        if self._setup.network not in (None, "host", "none"):
            raise InputError(f"there is no network {self._setup.network!r} without an engine")
        demand_free(self.ports.values(), self._setup.image.reference)
        sweep()
        self._folder = tempfile.mkdtemp(prefix=f"{_PREFIX}{owners.this_process()}~")
        try:
            self._unpack()
            self._launch()
        except BaseException:
            self.close()
            raise
        return self

    def _unpack(self) -> None:
        image = self._setup.image
        os.chmod(self._folder, 0o711)
        root = self._path("rootfs")
        os.mkdir(root, 0o755)
        self.notes += unpack(image, stack(Indexer().image(image)), root)
        for name, data, mode in (
            ("sensor", sensor(image.config.architecture).read_bytes(), 0o755),
            ("log", EMPTY, 0o666),
        ):
            self._write(name, data, mode)

    def _write(self, name: str, data: bytes, mode: int) -> None:
        os.makedirs(self._path("place"), exist_ok=True)
        path = self._path("place", name)
        with open(path, "wb") as file:
            file.write(data)
        os.chmod(path, mode)

    def _path(self, *parts: str) -> str:
        return os.path.join(self._folder, *parts)

    def _launch(self) -> None:
        setup = self._setup
        self._becomes = self._demand_user()
        scratch = self._path("scratch")
        os.mkdir(scratch, 0o711)
        space = Space(
            Specification(
                root=self._path("rootfs"),
                scratch=scratch,
                arguments=self._wrap(setup.arguments()),
                environment=self._environment(),
                directory=setup.image.config.container.working_dir or "/",
                binds={PLACE: self._path("place")},
                network=setup.network or "host",
                capabilities=DOCKER_CAPABILITIES | SENSOR_CAPABILITIES,
                read_only=setup.read_only,
                tmpfs=list(setup.tmpfs),
            )
        )
        with open(self._path("stdout"), "ab") as out, open(self._path("stderr"), "ab") as errors:
            self._space = space.start(out.fileno(), errors.fileno())

    def _demand_user(self) -> bool:
        """Write down who the program is to be; False where it stays root."""
        if not self._setup.account:
            return False
        files = [self._read(path) for path in ("etc/passwd", "etc/group")]
        who = account(self._setup.account, *files)
        if who.root:
            return False
        if os.geteuid() != 0:
            self.notes.append(f"it ran as root of a user namespace, not as {self._setup.account}: that takes root here")
            return False
        self._write("user", who.text(home="HOME" not in self._setup.variables()), 0o644)
        return True

    def _read(self, path: str) -> bytes:
        """A small file of the image. Links are not followed: they could lead anywhere on this machine."""
        try:
            descriptor = os.open(self._path("rootfs", path), os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
            with open(descriptor, "rb") as file:
                return file.read(16 << 20)
        except OSError:
            return b""

    def _environment(self) -> dict[str, str]:
        return {"PATH": _PATH, "HOME": "/root", "HOSTNAME": "jettison", **self._setup.variables()}

    def _wrap(self, arguments: Sequence[str]) -> list[str]:
        return wrapped(arguments, user=self._becomes, privileged=True)

    def _demand(self) -> Space:
        if self._space is None:
            raise InputError("nothing runs", where=self._setup.image.reference)
        return self._space

    @property
    def ports(self) -> dict[int, tuple[str, int]]:
        """The ports, which are the machine's own."""
        if self._setup.network == "none":
            return {}
        return {port: ("127.0.0.1", port) for port in self._setup.exposed()}

    def status(self) -> Status:
        """How it is."""
        space = self._demand()
        code = space.poll()
        return Status(code is None, code, None, space.ended)

    def output(self) -> tuple[bytes, bytes]:
        """What it has said so far."""
        streams = []
        for name in ("stdout", "stderr"):
            with open(self._path(name), "rb") as file:
                streams.append(file.read(64 << 20))
        return streams[0], streams[1]

    def execute(self, command: Sequence[str]) -> Output:
        """Run a command inside, traced and as the run's user."""
        ended = self._demand().execute(self._wrap(command))
        return Output(ended.returncode, ended.stdout, ended.stderr)

    def log(self) -> bytes:
        """The sensor's log."""
        with open(self._path("place", "log"), "rb") as file:
            return file.read()

    def stop(self, seconds: int) -> None:
        """End it."""
        name = (self._setup.image.config.container.stop_signal or "SIGTERM").upper()
        known = signal.Signals.__members__.get(name if name.startswith("SIG") else f"SIG{name}")
        self._demand().stop(int(name) if name.isdigit() else known or signal.SIGTERM, seconds)

    def close(self) -> None:
        """End it, and remove its files."""
        if self._space is not None:
            space, self._space = self._space, None
            space.kill()
        if self._folder:
            folder, self._folder = self._folder, ""
            _remove(folder)


def sweep() -> int:
    """Remove what killed runs have left in the temporary directory; how many there were."""
    removed = 0
    with os.scandir(tempfile.gettempdir()) as entries:
        for entry in entries:
            if entry.name.startswith(_PREFIX) and entry.stat(follow_symlinks=False).st_uid == os.geteuid():
                owner = entry.name[len(_PREFIX) :].rpartition("~")[0]
                if owners.orphaned(owner):
                    _remove(entry.path)
                    removed += 1
    return removed


def _remove(folder: str) -> None:
    """Remove a tree, also where a directory in it denies that."""

    def retry(_: object, path: str, __: object) -> None:
        try:
            os.chmod(os.path.dirname(path), 0o700)
            os.chmod(path, 0o700)
            shutil.rmtree(path) if os.path.isdir(path) and not os.path.islink(path) else os.unlink(path)
        except OSError:
            return

    shutil.rmtree(folder, onerror=retry)
