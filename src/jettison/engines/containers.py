"""Containers, through the Engine API: made, filled, started, watched, asked, stopped and removed.

Works with Docker and with podman's imitation, which differ in small ways: podman wants its own word for the default
network, and says less about health.
"""

from __future__ import annotations

import io
import struct
import tarfile
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

import msgspec

from jettison.errors import InputError, NotFound, RemoteError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from urllib3 import BaseHTTPResponse

    from jettison.engines.api import Api

_MAX_OUTPUT = 64 << 20
"""The most bytes of a container's output, or of a command's, that are kept."""
_MAX_FILE = 1 << 30


class ImageConfig(msgspec.Struct, rename="pascal"):
    """How the engine would start the image."""

    user: str | None = None
    env: list[str] | None = None
    entrypoint: list[str] | None = None
    cmd: list[str] | None = None
    working_dir: str | None = None
    exposed_ports: dict[str, Any] | None = None
    healthcheck: dict[str, Any] | None = None
    shell: list[str] | None = None
    volumes: dict[str, Any] | None = None


class EngineImage(msgspec.Struct, rename="pascal"):
    """An image as an engine knows it."""

    id: str
    architecture: str = ""
    config: ImageConfig | None = None


class _Health(msgspec.Struct, rename="pascal"):
    status: str = ""


class State(msgspec.Struct, rename="pascal"):
    """How a container is: `status` is the engine's word, `pid` its process on the engine's machine."""

    status: str = ""
    running: bool = False
    exit_code: int = 0
    error: str = ""
    oom_killed: bool = msgspec.field(default=False, name="OOMKilled")
    finished_at: str = ""
    pid: int = 0
    health: _Health | None = None

    @property
    def finished(self) -> float | None:
        """When it ended, in seconds since 1970; None where the engine does not say."""
        try:
            seconds = datetime.fromisoformat(self.finished_at).timestamp()
        except (ValueError, OverflowError):
            return None
        return seconds if seconds > 0 else None


class _Network(msgspec.Struct, rename="pascal"):
    ports: dict[str, list[dict[str, str]] | None] | None = None


class Inspected(msgspec.Struct, rename="pascal"):
    """What the engine says of a container."""

    id: str
    name: str = ""
    state: State = msgspec.field(default_factory=State)
    network_settings: _Network | None = None

    def published(self) -> dict[int, tuple[str, int]]:
        """Each published TCP port of the container, with the address and port on the engine's machine."""
        found = {}
        for port, places in ((self.network_settings and self.network_settings.ports) or {}).items():
            number, _, protocol = port.partition("/")
            if places and protocol in ("", "tcp") and places[0].get("HostPort"):
                found[int(number)] = (places[0].get("HostIp") or "127.0.0.1", int(places[0]["HostPort"]))
        return found


@dataclass(frozen=True, slots=True)
class Output:
    """What a command did: its exit status and what it said."""

    status: int
    stdout: bytes
    stderr: bytes


@dataclass(frozen=True, slots=True)
class Wish:
    """How a container is to be. `network` is None for the engine's own choice; `ports` are published on this machine.

    `volume` is a path that gets a volume of its own, which goes with the container. None leaves a thing to the image.
    """

    image: str
    entrypoint: Sequence[str] | None = None
    command: Sequence[str] | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    user: str | None = None
    health: Sequence[str] | None = None
    capabilities: Sequence[str] = ()
    network: str | None = None
    ports: Sequence[int] = ()
    volume: str | None = None
    read_only: bool = False
    tmpfs: Sequence[str] = ()
    labels: Mapping[str, str] = field(default_factory=dict)

    def document(self, image: ImageConfig) -> dict[str, Any]:
        """The body of the request that creates it."""
        host: dict[str, Any] = {"CapAdd": list(self.capabilities), "ReadonlyRootfs": self.read_only}
        document: dict[str, Any] = {
            "Image": self.image,
            "Env": [f"{name}={value}" for name, value in self.environment.items()],
            "Labels": dict(self.labels),
            "Tty": False,
            "HostConfig": host,
        }
        if self.entrypoint is not None:
            document["Entrypoint"], document["Cmd"] = list(self.entrypoint), list(self.command or ())
        elif self.command is not None:
            document["Cmd"] = list(self.command)
        if self.user is not None:
            document["User"] = self.user
        if self.health is not None:
            document["Healthcheck"] = {**(image.healthcheck or {}), "Test": list(self.health)}
        if self.volume is not None:
            host["Mounts"] = [{"Type": "volume", "Target": self.volume}]
        if self.tmpfs:
            host["Tmpfs"] = dict.fromkeys(self.tmpfs, "")
        if self.network is not None:
            host["NetworkMode"] = self.network
        if self.ports and self.network not in ("host", "none"):
            document["ExposedPorts"] = {f"{port}/tcp": {} for port in self.ports}
            host["PortBindings"] = {f"{port}/tcp": [{"HostIp": "127.0.0.1", "HostPort": ""}] for port in self.ports}
        return document


def inspect_image(api: Api, name: str) -> EngineImage:
    """What the engine knows of an image. Raises `NotFound`, `RemoteError`."""
    return api.get(f"/images/{quote(name, safe='/:@')}/json", EngineImage, what=f"image {name}")


def has_network(api: Api, name: str) -> bool:
    """Whether the engine has a network of this name. Raises `RemoteError`."""
    try:
        api.get(f"/networks/{quote(name)}", dict, what=f"network {name}")
    except NotFound:
        return False
    return True


def create(api: Api, wish: Wish, image: ImageConfig) -> Container:
    """Make a container; it is not started. Raises `InputError`."""
    body = msgspec.json.encode(wish.document(image))
    response = api.call("POST", "/containers/create", body, what=f"a container of {wish.image}")
    made = msgspec.json.decode(_whole(api, response, "the new container"), type=dict[str, Any])
    return Container(api, str(made.get("Id") or made.get("id")))


def leftovers(api: Api, label: str) -> list[tuple[str, str]]:
    """The containers with a label: identifiers and the label's values. Raises `RemoteError`."""
    query = urlencode({"all": "true", "filters": msgspec.json.encode({"label": [label]}).decode()})
    rows = api.get(f"/containers/json?{query}", list[dict[str, Any]], what="list of containers")
    return [(str(row.get("Id")), str((row.get("Labels") or {}).get(label, ""))) for row in rows]


@dataclass(frozen=True, slots=True)
class Container:
    """One container. Every method raises `InputError` where the engine does not do as it is told."""

    api: Api
    id: str

    @property
    def _path(self) -> str:
        return f"/containers/{self.id}"

    @property
    def _what(self) -> str:
        return f"container {self.id[:12]}"

    def inspect(self) -> Inspected:
        """How it is."""
        return self.api.get(f"{self._path}/json", Inspected, what=self._what)

    def start(self) -> None:
        """Start it."""
        self._post("start")

    def stop(self, seconds: int) -> None:
        """End it: its stop signal, and a kill after `seconds`."""
        self._post(f"stop?t={seconds}", idle=seconds + 120.0)

    def kill(self, signal: str = "KILL") -> None:
        """Send its main process a signal."""
        self._post(f"kill?signal={quote(signal)}")

    def remove(self) -> None:
        """Remove it and its volumes, running or not. One that is gone is fine."""
        try:
            self.api.call("DELETE", f"{self._path}?force=true&v=true", what=self._what).close()
        except NotFound:
            return

    def put(self, directory: str, archive: bytes) -> None:
        """Unpack a tar into a directory of its file system."""
        path = f"{self._path}/archive?{urlencode({'path': directory})}"
        self.api.call("PUT", path, archive, what=f"{directory} in {self._what}", content="application/x-tar").close()

    def read(self, path: str) -> bytes:
        """The regular file at `path` in its file system, links followed. Raises `NotFound`."""
        for _ in range(40):
            query = urlencode({"path": path})
            response = self.api.call("GET", f"{self._path}/archive?{query}", what=f"{path} in {self._what}")
            data = _whole(self.api, response, path, _MAX_FILE)
            try:
                with tarfile.open(fileobj=io.BytesIO(data)) as archive:
                    member = archive.next()
                    opened = archive.extractfile(member) if member is not None and member.isreg() else None
                    if opened is not None:
                        return opened.read()
            except (tarfile.TarError, KeyError, EOFError) as error:
                raise RemoteError(
                    f"the engine sent no file for {path}: {error}", where=str(self.api.endpoint)
                ) from None
            if member is None or not member.issym():
                break
            target = member.linkname
            path = target if target.startswith("/") else f"{path.rpartition('/')[0]}/{target}"
        raise NotFound(f"{path} is no file in {self._what}", where=str(self.api.endpoint))

    def logs(self) -> tuple[bytes, bytes]:
        """What it has said so far on stdout and stderr."""
        response = self.api.call("GET", f"{self._path}/logs?stdout=true&stderr=true", what=f"output of {self._what}")
        return _split(_whole(self.api, response, "the output", _MAX_OUTPUT, cut=True))

    def execute(self, command: Sequence[str], *, user: str | None = None, idle: float | None = None) -> Output:
        """Run a command inside and wait for its end."""
        wish: dict[str, Any] = {"Cmd": list(command), "AttachStdout": True, "AttachStderr": True}
        if user is not None:
            wish["User"] = user
        response = self.api.call(
            "POST", f"{self._path}/exec", msgspec.json.encode(wish), what=f"a command in {self._what}"
        )
        made = msgspec.json.decode(_whole(self.api, response, "the command"), type=dict[str, Any])
        identifier = str(made.get("Id"))
        start = msgspec.json.encode({"Detach": False, "Tty": False})
        response = self.api.call(
            "POST", f"/exec/{identifier}/start", start, what=f"a command in {self._what}", idle=idle
        )
        said = _split(_whole(self.api, response, "the command's output", _MAX_OUTPUT, cut=True))
        ended = self.api.get(f"/exec/{identifier}/json", dict[str, Any], what="command")
        return Output(int(ended.get("ExitCode") or 0), *said)

    def _post(self, action: str, idle: float | None = None) -> None:
        self.api.call("POST", f"{self._path}/{action}", b"", what=self._what, idle=idle).close()


def _whole(api: Api, response: BaseHTTPResponse, what: str, most: int = _MAX_OUTPUT, *, cut: bool = False) -> bytes:
    data = bytearray()
    pieces: Iterator[bytes] = api.pieces(response)
    for piece in pieces:
        data += piece
        if len(data) > most:
            response.close()
            if cut:
                break
            raise InputError(f"{what} is larger than {most:,} bytes", where=str(api.endpoint))
    return bytes(data)


def _split(data: bytes) -> tuple[bytes, bytes]:
    """Docker's multiplexed stream: frames of a stream's number, three zeros and a big-endian size."""
    streams: dict[int, bytearray] = {1: bytearray(), 2: bytearray()}
    at = 0
    while at + 8 <= len(data):
        stream, size = struct.unpack_from(">BxxxL", data, at)
        streams.setdefault(stream, bytearray()).extend(data[at + 8 : at + 8 + size])
        at += 8 + size
    return bytes(streams[1]), bytes(streams[2])
