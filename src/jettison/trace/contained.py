"""Runs in a container engine, through its API only: nothing is mounted from here, so the engine may be anywhere.

The container is the image's with the sensor before its command (and before its HEALTHCHECK's), on a volume of its own
below /dev. It starts as root with CAP_SYS_PTRACE, which the sensor needs where programs change their user; the sensor
becomes the image's USER and gives the capability up before the program starts. An engine that does not grant it starts
the container plainly, as its USER, and what could not be read then is counted as lost.
"""

from __future__ import annotations

import io
import tarfile
import uuid
from contextlib import suppress
from typing import TYPE_CHECKING

from jettison.engines import containers
from jettison.engines.containers import Container, Output, Wish
from jettison.errors import InputError, NotFound, RemoteError
from jettison.oci.reference import Reference
from jettison.stores import docker_daemon
from jettison.trace import owners
from jettison.trace.accounts import Account, account
from jettison.trace.binary import sensor
from jettison.trace.log import EMPTY
from jettison.trace.readiness import demand_free
from jettison.trace.setup import PLACE, wrapped
from jettison.trace.target import Status

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jettison.engines.api import Api
    from jettison.trace.setup import Setup

LABEL = "dev.jettison.trace"
"""Marks the containers of traced runs; the value tells whose they are: machine, process, its start time."""

_TRACING, _ADMINISTRATION = "SYS_PTRACE", "SYS_ADMIN"


class Contained:
    """A target in an engine. Made by `start`."""

    def __init__(self, api: Api, setup: Setup) -> None:
        self._api = api
        self._setup = setup
        self._container: Container | None = None
        self._image: str | None = None
        self._loaded: str | None = None
        self._privileged = True
        self._becomes = False
        self._network = setup.network
        self.notes: list[str] = []

    def start(self) -> Contained:
        """Make the container and start it; on any failure nothing is left behind.

        Raises `InputError`, `UsageError` where it shares the machine's network and one of its ports is taken.
        """
        try:
            sweep(self._api)
            self._image = self._demand_image()
            if self._network is None and not containers.has_network(self._api, self._default_network()):
                self._network = "host"
            if self._network == "host":
                demand_free(self.ports.values(), self._setup.image.reference)
            try:
                self._create(privileged=True)
            except RemoteError as error:
                if "capabilit" not in str(error).lower() and error.status != 403:
                    raise
                self._discard()
                self.notes.append("the engine grants no CAP_SYS_PTRACE: programs that change their user may be unread")
                self._create(privileged=False)
        except BaseException:
            self.close()
            raise
        return self

    def _default_network(self) -> str:
        return "podman" if self._api.endpoint.engine == "podman" else "bridge"

    def _demand_image(self) -> str:
        """What the engine calls the image; loaded into it under a name for the time where it has it not."""
        image = self._setup.image
        known = [str(image.id), *([str(image.digest)] if image.digest else [])]
        for name in known:
            try:
                return containers.inspect_image(self._api, name).id or name
            except NotFound:
                continue
        name = f"jettison-trace/{image.id[7:19]}:{uuid.uuid4().hex[:12]}"
        self._loaded = name
        docker_daemon.write_to(self._api, image, Reference("docker-daemon", name), compression="none")
        return name

    def _create(self, *, privileged: bool) -> None:
        setup = self._setup
        named = bool(setup.account) and privileged
        self._privileged, self._becomes = privileged, named
        health = setup.health()
        wish = Wish(
            image=self._image or "",
            entrypoint=self._wrap(setup.arguments()),
            environment=setup.environment,
            user="0:0" if named else setup.user,
            health=["CMD", *self._wrap(health)] if health is not None else None,
            capabilities=self._capabilities(),
            network=self._network,
            ports=setup.exposed(),
            volume=PLACE,
            read_only=setup.read_only,
            tmpfs=setup.tmpfs,
            labels={LABEL: owners.this_process()},
        )
        config = containers.inspect_image(self._api, self._image or "").config or containers.ImageConfig()
        self._container = containers.create(self._api, wish, config)
        self._container.put(PLACE, self._cargo(self._resolve() if named else None))
        self._container.start()

    def _capabilities(self) -> tuple[str, ...]:
        if not self._privileged:
            return ()
        return (_TRACING, _ADMINISTRATION) if self._setup.setuid else (_TRACING,)

    def _wrap(self, arguments: Sequence[str]) -> list[str]:
        return wrapped(arguments, user=self._becomes, privileged=self._privileged)

    def _resolve(self) -> Account:
        files = []
        for path in ("/etc/passwd", "/etc/group"):
            try:
                files.append(self._demand().read(path))
            except NotFound:
                files.append(b"")
        return account(self._setup.account, *files)

    def _cargo(self, who: Account | None) -> bytes:
        """The tar that is put into the container: the sensor, an empty log, the user."""
        program = sensor(self._setup.image.config.architecture).read_bytes()
        files = [("sensor", program, 0o755), ("log", EMPTY, 0o666)]
        if who is not None:
            files.append(("user", who.text(home="HOME" not in self._setup.variables()), 0o644))
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w") as archive:
            for name, data, mode in files:
                member = tarfile.TarInfo(name)
                member.size, member.mode = len(data), mode
                archive.addfile(member, io.BytesIO(data))
        return buffer.getvalue()

    def _demand(self) -> Container:
        if self._container is None:
            raise InputError("there is no container", where=self._setup.image.reference)
        return self._container

    @property
    def ports(self) -> dict[int, tuple[str, int]]:
        """Where the container's ports are reached: on the engine's machine."""
        host = self._host()
        if self._network == "host":
            return {port: (host, port) for port in self._setup.exposed()}
        published = self._demand().inspect().published()
        return {port: (host if self._remote() else place[0], place[1]) for port, place in published.items()}

    def _remote(self) -> bool:
        return self._api.endpoint.socket is None

    def _host(self) -> str:
        if not self._remote():
            return "127.0.0.1"
        return self._api.endpoint.url.partition("://")[2].rpartition(":")[0].strip("[]")

    def status(self) -> Status:
        """How it is."""
        state = self._demand().inspect().state
        health = state.health.status if state.health and state.health.status not in ("", "none") else None
        if state.running or state.status in ("created", "running"):
            return Status(True, None, health)
        return Status(False, state.exit_code, health, state.finished)

    def output(self) -> tuple[bytes, bytes]:
        """What it has said so far."""
        return self._demand().logs()

    def execute(self, command: Sequence[str]) -> Output:
        """Run a command inside, traced and as the run's user."""
        return self._demand().execute(self._wrap(command))

    def log(self) -> bytes:
        """The sensor's log."""
        try:
            return self._demand().read(f"{PLACE}/log")
        except NotFound:  # podman 4 copies nothing out of volumes while their container runs
            printed = self._demand().execute([f"{PLACE}/sensor", "-p", f"{PLACE}/log"])
            if printed.status:
                raise
            return printed.stdout

    def stop(self, seconds: int) -> None:
        """End it."""
        if self.status().running:
            self._demand().stop(seconds)

    def _discard(self) -> None:
        if self._container is not None:
            container, self._container = self._container, None
            container.remove()

    def close(self) -> None:
        """Remove the container, its volume, and the image where it was loaded for this run."""
        try:
            self._discard()
        finally:
            if self._loaded is not None:
                name, self._loaded = self._loaded, None
                with suppress(NotFound):
                    self._api.call("DELETE", f"/images/{name}", what=f"image {name}").close()


def sweep(api: Api) -> int:
    """Remove what runs of this machine whose process was killed have left in the engine; how many there were."""
    removed = 0
    for identifier, owner in containers.leftovers(api, LABEL):
        if owners.orphaned(owner):
            Container(api, identifier).remove()
            removed += 1
    return removed
