"""Real images, run by a real engine: traced by the sensor, slimmed, proved, and asked what the trace never asked."""

from __future__ import annotations

import json
import socket
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from jettison.cli.main import main
from jettison.image.indexer import Indexer
from jettison.image.tree import stack
from jettison.proof.same_tree import same_image
from jettison.rewrite.cargo import restore
from jettison.stores import open_image

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.machine import Tool

NINE = ("/", "/db", "/lazy", "/tz", "/tls", "/whoami", "/sh", "/listdir", "/cache")


def free_port() -> int:
    """A port that nobody listens on: without a bridge, containers share the machine's."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


@pytest.fixture(scope="module")
def nine(docker: Tool, base_image: Callable[[str], str]) -> str:
    base_image("debian:bookworm-slim")
    docker("build", "--quiet", "--network", "host", "--tag", "jettison-test/nine", Path(__file__).parent / "nine")
    return "jettison-test/nine"


def answers(docker: Tool, name: str, paths: tuple[str, ...]) -> dict[str, bytes | int]:
    """What a container of an image answers; the status where that is an error."""
    port = free_port()
    container = docker("run", "--detach", "--rm", "--network", "host", "--env", f"PORT={port}", name).strip()
    try:
        found: dict[str, bytes | int] = {}
        for path in paths:
            found[path] = ask(f"http://127.0.0.1:{port}{path}")
        return found
    finally:
        docker("stop", "--time", "5", container)


def ask(url: str) -> bytes | int:
    """One answer, once there is a server."""
    ends = time.monotonic() + 60
    while True:
        try:
            with urllib.request.urlopen(url, timeout=30) as response:
                body: bytes = response.read()
                return body
        except urllib.error.HTTPError as error:
            return error.code
        except (urllib.error.URLError, OSError) as error:
            if "refused" not in str(error):
                return -1
            if time.monotonic() > ends:
                raise
            time.sleep(0.05)


@pytest.mark.parametrize(("level", "exercised", "most"), [("file", NINE, 24_500_000), ("package", ("/",), 75_000_000)])
def test_nine_endpoints_answer_as_before(
    nine: str,
    docker: Tool,
    docker_env: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    level: str,
    exercised: tuple[str, ...],
    most: int,
) -> None:
    port = str(free_port())
    out = f"docker-archive:{tmp_path}/out.tar:jettison-test/nine-{level}:1"
    words = ["slim", f"docker-daemon:{nine}", "-o", out, "--cargo", f"oci:{tmp_path}/cargo:1", "--level", level]
    words += ["--http", *exercised, "--env", f"PORT={port}", "--port", port, "--format", "json"]
    assert main([*words, "--engine", "docker", "--timeout", "180"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["figures"]["after"]["raw"] <= most
    assert told["behaviour"]["differences"] == 0
    before, after = open_image(f"docker-daemon:{nine}"), open_image(f"{tmp_path}/out.tar")
    assert after.config.container == before.config.container
    trees = [stack(Indexer().image(image)) for image in (before, after)]
    for path, node in trees[1].nodes.items():
        assert node.content.mode == trees[0].nodes[path].content.mode
    back = restore(after, open_image(f"oci:{tmp_path}/cargo:1"), Indexer())
    assert same_image(before, back, Indexer()).holds
    docker("load", "--input", tmp_path / "out.tar")
    try:
        asked = (*NINE, "/nothing")
        assert answers(docker, f"jettison-test/nine-{level}:1", asked) == answers(docker, nine, asked)
    finally:
        docker("rmi", "--force", f"jettison-test/nine-{level}:1")
