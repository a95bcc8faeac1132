"""Images that do not do as hoped: each gives a clear outcome, nothing that is not proved, and leaves nothing behind."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from small import layer

from jettison.cli.main import main
from jettison.engines import containers, endpoint
from jettison.engines.api import Api
from jettison.image.compose import compose
from jettison.image.indexer import Indexer
from jettison.image.tree import stack
from jettison.oci.platform import Platform, host
from jettison.stores import open_image, write_image
from jettison.trace.contained import LABEL

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The program that goes wrong, linked statically."""
    if shutil.which("gcc") is None:
        pytest.skip("there is no gcc")
    target = tmp_path_factory.mktemp("faults") / "faults"
    source = Path(__file__).with_name("faults.c")
    subprocess.run(["gcc", "-O1", "-static", "-o", target, source], check=True, capture_output=True)
    return target.read_bytes()


@pytest.fixture
def archive(program: bytes, tmp_path: Path) -> Callable[..., str]:
    """`archive("fail")` is an image on scratch whose program goes wrong in that way."""
    files = {"program": program, "data": None, "data/used": b"used", "data/unused": b"unused" * 1000}

    def make(*command: str, architecture: str = host().architecture, ports: tuple[int, ...] = ()) -> str:
        exposed = {f"{port}/tcp": {} for port in ports}
        container = {"Entrypoint": ["/program"], "Cmd": list(command), "ExposedPorts": exposed}
        platform = Platform(architecture, "linux")
        image = compose([layer(files)], created_by=["COPY . /"], container=container, platform=platform)
        reference = f"docker-archive:{tmp_path}/in.tar:jettison-test/faults:1"
        write_image(image, reference)
        return reference

    return make


@pytest.fixture(params=["docker", "none"])
def engine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Where it runs; afterwards nothing of this process is left there, nor in the temporary folder."""
    name: str = request.param
    if name == "docker":
        address = request.getfixturevalue("docker_host")
        monkeypatch.setenv("DOCKER_HOST", address)
        yield name
        left = containers.leftovers(Api(endpoint.parse("docker", address, "the tests", None)), LABEL)
        assert not [owner for _, owner in left if f"~{os.getpid()}~" in owner]
    else:
        if os.geteuid() != 0:
            pytest.skip("needs root to be like an engine")
        yield name
    left_over = [name for name in os.listdir(tempfile.gettempdir()) if name.startswith("jettison-trace-")]
    assert not [name for name in left_over if f"~{os.getpid()}~" in name]


@pytest.fixture
def port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        number: int = listener.getsockname()[1]
        return number


def slim(reference: str, folder: Path, engine: str, *words: str) -> int:
    """`jettison slim` to `folder/out.tar`; the exit status."""
    out = f"docker-archive:{folder}/out.tar:jettison-test/slim:1"
    return main(["slim", reference, "-o", out, "--engine", engine, "--quiet", *words])


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ("fail", "it ended with status 3 before it was ready: no database"),
        ("exit", "it ended with status 0 before it was ready; it said nothing"),
        ("crash", "it ended with status 139 before it was ready"),
        ("terminal", "it ended with status 1 before it was ready: the input device is not a TTY"),
        ("away", "it ended with status 0 before it was ready"),
    ],
)
def test_a_server_that_ends_before_it_serves(
    archive: Callable[..., str],
    engine: str,
    port: int,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    how: str,
    said: str,
) -> None:
    assert slim(archive(how, ports=(port,)), tmp_path, engine, "--http", "/", "--env", f"PORT={port}") == 4
    told = capfd.readouterr()
    assert said in told.err
    assert (told.out, "Traceback" in told.err) == ("", False)
    assert os.listdir(tmp_path) == ["in.tar"]


def test_a_server_that_never_listens(
    archive: Callable[..., str], engine: str, port: int, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert slim(archive("deaf", ports=(port,)), tmp_path, engine, "--http", "/", "--timeout", "1") == 5
    assert f"it was not ready within 1 s: nothing accepts at 127.0.0.1:{port}" in capfd.readouterr().err
    assert os.listdir(tmp_path) == ["in.tar"]


def test_a_program_that_never_ends(
    archive: Callable[..., str], engine: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert slim(archive("deaf"), tmp_path, engine, "--timeout", "1") == 5
    assert "it still runs after 1 s" in capfd.readouterr().err
    assert os.listdir(tmp_path) == ["in.tar"]


@pytest.mark.parametrize(("how", "status"), [("fail", 3), ("terminal", 1), ("crash", 139)])
def test_a_program_that_fails_shows_nothing_worth_keeping(
    archive: Callable[..., str],
    engine: str,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    how: str,
    status: int,
) -> None:
    assert slim(archive(how), tmp_path, engine) == 4
    assert f"it ended with status {status}" in capfd.readouterr().err
    assert os.listdir(tmp_path) == ["in.tar"]


def test_a_program_that_is_not_there(engine: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    reference = f"docker-archive:{tmp_path}/in.tar:jettison-test/faults:1"
    image = compose(
        [layer({"other": b"x"})], container={"Cmd": ["/none"]}, platform=Platform(host().architecture, "linux")
    )
    write_image(image, reference)
    assert slim(reference, tmp_path, engine) == 4
    assert "o such file or directory" in capfd.readouterr().err
    assert os.listdir(tmp_path) == ["in.tar"]


@pytest.mark.parametrize("architecture", sorted({"s390x", "arm64", "amd64"} - {host().architecture}))
def test_an_architecture_that_cannot_run_here(
    archive: Callable[..., str], engine: str, tmp_path: Path, capfd: pytest.CaptureFixture[str], architecture: str
) -> None:
    assert slim(archive("print", architecture=architecture), tmp_path, engine) in (4, 5)
    told = capfd.readouterr().err
    assert architecture.replace("arm64", "aarch64").replace("amd64", "x86_64") in told or architecture in told
    assert "Traceback" not in told
    assert os.listdir(tmp_path) == ["in.tar"]


def test_one_static_program_on_scratch(
    archive: Callable[..., str], engine: str, port: int, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    served = archive("serve", ports=(port,))
    assert slim(served, tmp_path, engine, "--http", "/", "--env", f"PORT={port}") == 0, capfd.readouterr().err
    assert slim(archive("print"), tmp_path, engine) == 0, capfd.readouterr().err
    tree = stack(Indexer().image(open_image(f"{tmp_path}/out.tar")))
    assert {b"program", b"data/used"} <= tree.nodes.keys()
