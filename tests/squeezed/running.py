"""Containers of an image, in Docker and podman: what they answer to commands, and over HTTP.

Servers run in a network namespace of their own, with nothing but a loopback device; the question is asked from inside
it by the host's Python, so that images need no client and ports never clash.
"""

from __future__ import annotations

import contextlib
import json
import re
import subprocess
import sys
import time
from typing import TYPE_CHECKING

from engine.machine import CommandFailed, Unavailable, need

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from engine.machine import Tool

    from .images import Check

ASK = """
import json, sys, urllib.error, urllib.request
opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
try:
    answer = opener.open(sys.argv[1], timeout=20)
except urllib.error.HTTPError as error:
    answer = error
print(json.dumps([answer.status, answer.headers.get("Content-Type"), answer.read().decode("utf-8", "replace")]))
"""
_CHANGING = re.compile(r"\b20\d\d-\d\d-\d\dT[\d:.]+Z?\b|0x[0-9a-f]{6,}|\[[0-9]+\]")
"""Times and addresses, which no two runs have in common."""


def answers(engine: Tool, image: str, check: Check) -> dict[str, str]:
    """All that a check asks, with the answers."""
    told: dict[str, str] = {}
    entry = ["--entrypoint", check.entrypoint] if check.entrypoint is not None else []
    for words in check.runs:
        told[" ".join(words)] = _steady(_said(engine, "run", "--detach", *NETWORK, *entry, image, *words))
    if check.serves:
        with serving(engine, image, check) as pid:
            for path in check.serves:
                told[path] = _steady(_asked(pid, f"http://127.0.0.1:{check.port}{path}"))
    return told


def _said(engine: Tool, *start: str) -> str:
    """A container's exit status and what it wrote, from its log: on a busy machine `podman run` loses the end of it."""
    container = engine(*start).strip()
    try:
        status = engine("wait", container).strip()
        return f"{engine('logs', container)}exit {status}"
    finally:
        engine("rm", "--force", container)


NETWORK = ("--network", "none")


@contextlib.contextmanager
def serving(engine: Tool, image: str, check: Check) -> Iterator[str]:
    """A container that runs as its image says; gives its process id on this machine."""
    container = engine("run", "--detach", *NETWORK, image, *check.arguments).strip()
    try:
        yield engine("inspect", "--format", "{{.State.Pid}}", container).strip()
    finally:
        engine("rm", "--force", container)


def _asked(pid: str, url: str, seconds: float = 60) -> str:
    """The answer of a server in the network namespace of a process: status, type and body, as JSON."""
    need("nsenter")
    end = time.monotonic() + seconds
    while True:
        done = subprocess.run(
            ["nsenter", "--target", pid, "--net", sys.executable, "-c", ASK, url], capture_output=True, check=False
        )
        if done.returncode == 0:
            return str(json.loads(done.stdout))
        if time.monotonic() > end:
            raise Unavailable(f"{url}: no answer after {seconds:.0f} s: {done.stderr.decode()[-300:]}")
        time.sleep(0.2)


def _steady(text: str) -> str:
    return _CHANGING.sub("…", text)


def export(docker: Tool, image: str, target: Path) -> None:
    """What a container of the image shows, as the engine writes it."""
    container = docker("create", image, "/none").strip()
    try:
        docker("export", "--output", target, container)
    finally:
        docker("rm", container)


def forget(engine: Tool, image: str) -> None:
    """Remove an image from an engine, if it is there."""
    with contextlib.suppress(CommandFailed):
        engine("rmi", "--force", image)
