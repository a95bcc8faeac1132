"""Traced runs of real images: in Docker, in podman, and without an engine."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import textwrap
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from jettison.engines import containers, endpoint
from jettison.engines.api import Api
from jettison.errors import InputError, NotAssessed, UsageError
from jettison.image import dialects, tar
from jettison.image.compose import compose
from jettison.image.entry import DIRECTORY, FILE, Entry
from jettison.oci.platform import host
from jettison.stores import write_image
from jettison.trace import contained, spaced
from jettison.trace.contained import LABEL
from jettison.trace.exercise.command import Exec, TestCommand
from jettison.trace.exercise.crawl import Crawl
from jettison.trace.exercise.idle import UntilIdle
from jettison.trace.exercise.web import Http
from jettison.trace.readiness import accepts
from jettison.trace.running import run

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from jettison.image.image import Image

PAGE = b'<a href="/one">one</a> <a href="http://elsewhere/two">two</a> <img src="picture?a=1">'


def member(path: str, body: bytes = b"", *, kind: int = FILE, mode: int = 0o644, uid: int = 0) -> bytes:
    return dialects.member(Entry(path.encode(), kind, len(body), mode, uid, uid, 10**18, 0, 0), body)


@pytest.fixture(scope="session")
def image_of(compiled: Callable[..., str]) -> Callable[..., Image]:
    """An image with one static program in it, and a little data."""
    program = Path(compiled("serve", "-static")).read_bytes()
    parts = [
        member("serve", program, mode=0o755),
        member("etc", kind=DIRECTORY, mode=0o755),
        member("etc/passwd", b"root:x:0:0::/root:/serve\nsvc:x:4242:4343::/home/svc:/serve\n"),
        member("etc/group", b"root:x:0:\nsvc:x:4343:\n"),
        member("data", kind=DIRECTORY, mode=0o755, uid=4242),
        member("data/index", PAGE),
        member("data/one", b"one"),
        member("data/unused", b"unused"),
    ]

    def make(**container: object) -> Image:
        settings = {"Entrypoint": ["/serve"], "Env": ["PATH=/"], **container}
        return compose([b"".join([*parts, tar.END])], container=settings)

    return make


@pytest.fixture(params=["docker", "podman", "none"])
def engine(request: pytest.FixtureRequest) -> Iterator[Api | None]:
    if request.param == "none":
        if os.geteuid() != 0:
            pytest.skip("needs root to be like an engine")
        before = {name for name in os.listdir(tempfile.gettempdir()) if name.startswith("jettison-trace-")}
        yield None
        after = {name for name in os.listdir(tempfile.gettempdir()) if name.startswith("jettison-trace-")}
        assert not {name for name in after - before if f"~{os.getpid()}~" in name}
        return
    address = request.getfixturevalue("docker_host" if request.param == "docker" else "podman_socket")
    api = Api(endpoint.parse(request.param, address, "the tests", None))
    yield api
    assert not [owner for _, owner in containers.leftovers(api, LABEL) if f"~{os.getpid()}~" in owner]


@pytest.fixture
def port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        number: int = listener.getsockname()[1]
        return number


def test_a_server(engine: Api | None, port: int, image_of: Callable[..., Image]) -> None:
    image = image_of(User="svc", StopSignal="SIGTERM")
    with run(image, engine=engine, env={"PORT": str(port)}, ports=[port], network="host") as running:
        running.wait(seconds=60)
        results = running.perform(
            [
                Http(("/", "/who", "/absent")),
                Crawl(),
                Exec(("/serve", "exit")),
                TestCommand('printf "%s" "$JETTISON_TARGET $JETTISON_PORT"'),
                UntilIdle(quiet=0.5),
            ]
        )
    assert [result.status for result in results[:3]] == [200, 200, 404]
    assert results[0].body == PAGE
    assert results[1].body == b"1 4242 4343 /home/svc"
    assert [result.request for result in results[3:-3]] == ["GET /", "GET /one", "GET /picture?a=1"]
    assert (results[-3].status, results[-3].body) == (3, b"nothing to do\n")
    assert results[-2].body == f"http://127.0.0.1:{port} {port}".encode()
    assert results[-1].error is None
    trace = running.trace
    assert (running.code, running.output[0]) == (5, b"ready\nended\n")
    assert trace.paths["/data/index"] == {"read"}
    assert "/data/unused" not in trace.paths
    assert trace.missing == {"/data/absent": 1, "/data/picture": 1}
    assert [one[:2] for one in trace.executed] == [("/serve", "/serve")]
    assert (trace.lost, trace.complete) == (0, True), trace.notes
    assert trace.image == str(image.id)
    assert trace.command == ("/serve",)
    assert trace.sources[0] == "http / /who /absent"


def test_a_port_that_is_taken_is_refused(engine: Api | None, port: int, image_of: Callable[..., Image]) -> None:
    """Who listens there would answer in the image's place."""
    options = {"env": {"PORT": str(port)}, "ports": [port], "network": "host"}
    with (
        socket.create_server(("127.0.0.1", port)),
        pytest.raises(UsageError, match="listens at"),
        run(image_of(), engine=engine, **options),
    ):
        pass


def test_root_and_a_read_only_root(engine: Api | None, port: int, image_of: Callable[..., Image]) -> None:
    image = image_of()
    options = {"env": {"PORT": str(port)}, "ports": [port], "network": "host"}
    with run(image, engine=engine, read_only=True, **options) as running:
        running.wait(line="^ready")
        (refused,) = running.perform([Http(("/write",))])
    assert refused.body == b"Read-only file system"
    with run(image, engine=engine, user="1234:99", **options) as running:
        running.wait()
        (who,) = running.perform([Http(("/who",))])
    assert who.body.split()[1:3] == [b"1234", b"99"]
    assert running.trace.complete


def test_ends_that_are_no_success(engine: Api | None, port: int, image_of: Callable[..., Image]) -> None:
    options = {"engine": engine, "env": {"PORT": str(port)}, "ports": [port], "network": "host"}
    image = image_of()
    with (
        pytest.raises(InputError, match="ended with status 3 before it was ready: nothing to do"),
        run(image, command=["exit"], **options) as running,
    ):
        running.wait()
    with run(image, command=["exit"], **options) as running:
        assert running.wait_end(seconds=60) == 3
    assert running.trace.complete
    with (
        pytest.raises(NotAssessed, match=f"nothing accepts at 127.0.0.1:{port}"),
        run(image, command=["never"], **options) as running,
    ):
        running.wait(seconds=0.3)
    with run(image, entrypoint=["/no/such"], **options) as running:
        assert running.wait_end(seconds=60) == 127
    assert running.failure == "/no/such: No such file or directory"
    assert not running.trace.complete
    with run(image, **options) as running:
        running.wait()
        (result,) = running.perform([Http(("/crash",))])
        assert running.wait_end(seconds=60) > 128  # process 1 is spared SIGABRT, and abort() has other means
    assert result.status is None
    assert running.trace.complete, running.trace.notes
    with run(image, command=["fork"], **options) as running:
        assert running.wait_end(seconds=60) == 0  # with the first process, all of it ends
    with pytest.raises(UsageError, match="no user 'nobody'"), run(image, user="nobody", **options):
        pass
    with pytest.raises(ZeroDivisionError), run(image, **options):
        _ = 1 // 0


def test_a_kill_is_no_loss(engine: Api | None, port: int, image_of: Callable[..., Image]) -> None:
    image = image_of()
    options = {"engine": engine, "env": {"PORT": str(port)}, "ports": [port], "network": "host"}
    with run(image, command=["stubborn"], stop_seconds=1, **options) as running:
        running.wait()
        running.perform([Http(("/one",))])
    assert running.code == 128 + signal.SIGKILL
    assert "/data/one" in running.trace.paths
    assert running.trace.complete, running.trace.notes


def test_a_health_check_is_kept_and_traced(docker_host: str, port: int, image_of: Callable[..., Image]) -> None:
    check = {"Test": ["CMD", "/serve", "check"], "Interval": 500_000_000, "Retries": 100}
    image = image_of(Healthcheck=check, User="svc")
    api = Api(endpoint.parse("docker", docker_host, "the tests", None))
    with run(image, engine=api, env={"PORT": str(port)}, ports=[], network="host") as running:
        running.wait(seconds=60)
        assert running.target.status().health == "healthy"
    assert "/data/checked" in running.trace.missing
    assert running.trace.complete


def children_of(process: int) -> list[int]:
    return [int(pid) for pid in Path(f"/proc/{process}/task/{process}/children").read_text().split()]


def command_of(process: int) -> str:
    return Path(f"/proc/{process}/comm").read_text().strip()


def test_a_sensor_that_was_killed_is_told(
    docker_host: str, port: int, image_of: Callable[..., Image], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jettison.trace.running.BEAT_SECONDS", 1.0)
    api = Api(endpoint.parse("docker", docker_host, "the tests", None))
    with run(image_of(), engine=api, command=["never"], ports=[], network="host") as running:
        first = running.target._demand().inspect().state.pid  # type: ignore[attr-defined]
        while not (sensors := [pid for pid in children_of(first) if command_of(pid) == "jettison-sensor"]):
            time.sleep(0.05)
        while not running.events():
            time.sleep(0.05)
        os.kill(sensors[0], signal.SIGKILL)
        time.sleep(1.5)
    assert not running.trace.complete
    assert "the sensor was not alive to the end" in " ".join(running.trace.notes)


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_nothing_is_left_by_interrupted_runs(
    how: signal.Signals, engine: Api | None, port: int, image_of: Callable[..., Image], tmp_path: Path
) -> None:
    write_image(image_of(), f"oci:{tmp_path}/image:x")
    where = (engine.endpoint.engine, str(engine.endpoint)) if engine is not None else None
    script = f"""
        from jettison import stores
        from jettison.engines import endpoint
        from jettison.engines.api import Api
        from jettison.image.indexer import Indexer
        from jettison.trace.running import run
        import time
        image = stores.open_image("oci:{tmp_path}/image:x", indexer=Indexer())
        engine = Api(endpoint.parse(*{where}, "the tests", None)) if {where} else None
        with run(image, engine=engine, env={{"PORT": "{port}"}}, ports=[{port}], network="host") as running:
            running.wait()
            print("ready", flush=True)
            time.sleep(60)
    """
    command = [sys.executable, "-c", textwrap.dedent(script)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    process.send_signal(how)
    process.wait()
    if how == signal.SIGKILL:
        assert (contained.sweep(engine) if engine is not None else spaced.sweep()) == 1
    deadline = time.monotonic() + 30
    while accepts(("127.0.0.1", port)):
        assert time.monotonic() < deadline
    if engine is not None:
        assert not [owner for _, owner in containers.leftovers(engine, LABEL) if f"~{process.pid}~" in owner]
    assert not [name for name in os.listdir(tempfile.gettempdir()) if f"~{process.pid}~" in name]


def test_architectures_that_cannot_be_traced(image_of: Callable[..., Image]) -> None:
    from dataclasses import replace

    import msgspec

    image = image_of()
    foreign = replace(image, config=msgspec.structs.replace(image.config, architecture="s390x"))
    assert host().architecture != "s390x"
    with pytest.raises(NotAssessed, match="s390x"), run(foreign):
        pass
