"""podman, buildah, skopeo and umoci, told to keep to themselves.

Their storage lies in the cache, not in the user's. They run with `runc` (crun refuses machines whose cgroups are in
hybrid mode), with the host's network, and with limits that a machine without CAP_SYS_RESOURCE can set.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from .machine import CommandFailed, Tool, cache_dir, end, need, run, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

CONTAINERS = """
[containers]
default_ulimits = ["nofile=10000:10000", "nproc=30000:30000"]
netns = "host"
log_driver = "k8s-file"
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
"""

STORAGE = """
[storage]
driver = "{driver}"
graphroot = "{folder}/graph"
runroot = "{folder}/run"
"""


def environment() -> dict[str, str]:
    """The variables that point all of these tools at the tests' own configuration and storage."""
    folder = cache_dir() / "containers"
    folder.mkdir(exist_ok=True)
    files = {
        "containers.conf": CONTAINERS,
        "storage.conf": STORAGE.format(driver=driver(folder), folder=folder),
        "policy.json": json.dumps({"default": [{"type": "insecureAcceptAnything"}]}),
        "auth.json": "{}",
        "registries.conf": 'unqualified-search-registries = []\nshort-name-mode = "disabled"\n',
    }
    for name, text in files.items():
        path = folder / name
        if not path.exists() or path.read_text() != text:
            path.write_text(text)
    return {
        "CONTAINERS_CONF": str(folder / "containers.conf"),
        "CONTAINERS_STORAGE_CONF": str(folder / "storage.conf"),
        "CONTAINERS_REGISTRIES_CONF": str(folder / "registries.conf"),
        "REGISTRY_AUTH_FILE": str(folder / "auth.json"),
        "BUILDAH_ISOLATION": "chroot",
    }


def driver(folder: Path) -> str:
    """`overlay` where this file system can carry one, else `vfs`; decided once."""
    choice = folder / "driver"
    if not choice.exists():
        choice.write_text("overlay" if mounts_overlay(folder) else "vfs")
    return choice.read_text()


def mounts_overlay(folder: Path) -> bool:
    """Whether an overlay with its layers in `folder` can be mounted."""
    with tempfile.TemporaryDirectory(dir=folder) as name:
        for part in ("lower", "upper", "work", "merged"):
            (Path(name) / part).mkdir()
        options = f"lowerdir={name}/lower,upperdir={name}/upper,workdir={name}/work"
        with contextlib.suppress(CommandFailed):
            run("mount", "-t", "overlay", "overlay", "-o", options, f"{name}/merged")
            run("umount", f"{name}/merged")
            return True
    return False


def skopeo() -> Tool:
    """`skopeo`, accepting unsigned images."""
    need("skopeo")
    env = environment()
    policy = Path(env["CONTAINERS_CONF"]).with_name("policy.json")
    return Tool("skopeo", "--policy", policy, env=env)


def buildah() -> Tool:
    """`buildah`, building in a chroot: it needs no runtime."""
    need("buildah", "runc")
    return Tool("buildah", env=environment())


def podman() -> Tool:
    """`podman` with runc: it runs containers here."""
    need("podman", "runc")
    return Tool("podman", env=environment())


def umoci() -> Tool:
    """`umoci`: an independent judge of what unpacking a layout gives."""
    need("umoci")
    return Tool("umoci")


@contextlib.contextmanager
def podman_service(folder: Path) -> Iterator[str]:
    """Run podman's API on a socket; gives `unix://…`, which speaks Docker's API too."""
    need("podman", "runc")
    socket, log = folder / "podman.sock", folder / "podman.log"
    command = ["podman", "system", "service", "--time", "0", f"unix://{socket}"]
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, env={**os.environ, **environment()})
    try:
        wait_for(lambda: pings(socket), 30, "podman system service", log)
        yield f"unix://{socket}"
    finally:
        end(process)


def pings(socket: Path) -> bool:
    """Whether an engine answers `GET /_ping` on a socket."""
    import http.client
    import socket as sockets

    with sockets.socket(sockets.AF_UNIX) as connection:
        connection.settimeout(5)
        try:
            connection.connect(str(socket))
            connection.sendall(b"GET /_ping HTTP/1.0\r\nHost: podman\r\n\r\n")
            answer = http.client.HTTPResponse(connection)
            answer.begin()
        except (OSError, http.client.HTTPException):
            return False
        return answer.status == 200
