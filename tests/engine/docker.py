"""A Docker engine with BuildKit, in a root of its own made from Debian's packages.

Containers get no bridge (the engine touches neither iptables nor the host's network): build and run with
`--network host`. The engine sees the host's temporary folder, the checkout and the cache at their own paths, so bind
mounts of anything under them work.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from typing import IO

from .machine import (
    REPOSITORY,
    CommandFailed,
    Tool,
    Unavailable,
    cache_dir,
    debian_mirror,
    host_certificates,
    is_root,
    locked,
    need,
    run,
    wait_for,
)

SUITE = "trixie"
PACKAGES = "docker.io,docker-cli,docker-buildx,ca-certificates,iptables"

# dockerd remounts / and must find a mount there, so its root becomes / of a mount namespace of its own.
NAMESPACE = """
set -eu
root=$1; shift
mount --bind "$root" "$root"
for name in proc sys dev; do mount --rbind "/$name" "$root/$name"; mount --make-rslave "$root/$name"; done
for path; do mkdir -p "$root$path"; mount --bind "$path" "$root$path"; done
mkdir -p "$root/host"
cd "$root" && pivot_root . host && umount -l /host
exec chroot . dockerd --iptables=false --ip6tables=false --bridge=none --data-root /var/lib/docker \
    --exec-root /run/engine/exec --pidfile /run/engine/pid --host unix:///run/engine/docker.sock
"""


def root() -> Path:
    """The engine's own root folder."""
    return cache_dir() / "root"


def socket() -> Path:
    """The socket of the engine of our own, running or not."""
    return root() / "run" / "engine" / "docker.sock"


def client(host: str) -> Tool:
    """The docker command line from the engine's own root, speaking to `host`.

    It runs through its own dynamic loader, since a root of a newer Debian carries a newer C library than the host's.
    """
    loaders = sorted(root().glob("lib*/ld-linux-*.so.*"))
    if not loaders:
        raise Unavailable(f"{root()}: no dynamic loader in the engine's root")
    libraries = ":".join(str(path) for path in sorted((root() / "usr" / "lib").glob("*-linux-gnu")))
    config = cache_dir() / "docker-config"
    plugin = config / "cli-plugins" / "docker-buildx"
    if not plugin.exists():
        plugin.parent.mkdir(parents=True, exist_ok=True)
        plugin.symlink_to(root() / "usr/libexec/docker/cli-plugins/docker-buildx")
    env = {"DOCKER_HOST": host, "DOCKER_CONFIG": str(config), "BUILDX_CONFIG": str(config / "buildx")}
    return Tool(loaders[0], "--library-path", libraries, root() / "usr/bin/docker", env=env)


def answers(host: str) -> bool:
    """Whether an engine answers there."""
    try:
        client(host)("version", "--format", "{{.Server.Version}}")
    except Unavailable:
        return False
    return True


def start() -> str:
    """Return the DOCKER_HOST of a running engine: the one the environment names when it answers, else our own."""
    prepare_root()
    for name in ("JETTISON_TEST_DOCKER_HOST", "DOCKER_HOST"):
        host = os.environ.get(name)
        if host and answers(host):
            return host
    host = f"unix://{socket()}"
    with locked("engine"):
        if not answers(host):
            launch(host)
    return host


def prepare_root() -> None:
    """Make the engine's root from Debian's packages, once."""
    if not is_root():
        raise Unavailable("a test engine needs root: it mounts, and makes namespaces")
    need("mmdebstrap", "unshare")
    done = cache_dir() / "root.done"
    with locked("root"):
        if done.exists() and (root() / "usr/sbin/dockerd").exists():
            return
        made = root().with_name("root.new")
        for path in (root(), made):
            shutil.rmtree(path, ignore_errors=True)
        run("mmdebstrap", "--quiet", "--variant=minbase", f"--include={PACKAGES}", SUITE, made, *debian_mirror())
        made.rename(root())
        done.write_text(PACKAGES)


def launch(host: str) -> None:
    """Start dockerd, and wait until it answers."""
    shutil.copy("/etc/resolv.conf", root() / "etc/resolv.conf")
    trust(root())
    state = root() / "run" / "engine"
    shutil.rmtree(state, ignore_errors=True)  # what an engine that was killed left: stale process ids
    state.mkdir(parents=True)
    shared = dict.fromkeys(map(str, (Path(tempfile.gettempdir()), REPOSITORY, cache_dir())))
    log = cache_dir() / "dockerd.log"
    command = ["unshare", "--mount", "--propagation", "private", "sh", "-c", NAMESPACE, "engine", str(root()), *shared]
    with log.open("wb") as output:
        subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True)
    wait_for(lambda: answers(host), 60, "dockerd", log)


def trust(root: Path) -> None:
    """Let what runs in a root verify what this machine verifies."""
    bundle = root / "etc/ssl/certs/ca-certificates.crt"
    pristine = bundle.with_suffix(".debian")
    if not pristine.exists():
        shutil.copy(bundle, pristine)
    bundle.write_text(pristine.read_text() + "".join(host_certificates()))


def stop() -> bool:
    """End the engine of our own; say whether one ran."""
    pidfile = root() / "run" / "engine" / "pid"
    with locked("engine"):
        try:
            pid = int(pidfile.read_text())
            if b"dockerd" not in Path(f"/proc/{pid}/cmdline").read_bytes():
                return False
            os.kill(pid, signal.SIGTERM)
        except (OSError, ValueError):
            return False
        for _ in range(150):
            if not Path(f"/proc/{pid}").exists():
                return True
            time.sleep(0.1)
    raise Unavailable(f"dockerd (process {pid}) does not end; see {cache_dir() / 'dockerd.log'}")


class Session:
    """One test run's use of the engine: the last to leave an engine that a test run started ends it.

    `python tests/engine start` leaves a mark that keeps the engine running until `python tests/engine stop`.
    """

    def __init__(self) -> None:
        """Nothing is started before `enter`."""
        self.lease: IO[str] | None = None
        self.host = ""

    def enter(self) -> str:
        """Start the engine if need be, and hold it."""
        self.lease = (cache_dir() / "lease.lock").open("w")
        fcntl.flock(self.lease, fcntl.LOCK_SH)
        self.host = start()
        return self.host

    def leave(self) -> None:
        """Let go, and end the engine if nobody else holds it or wants it kept."""
        if self.lease is None:
            return
        fcntl.flock(self.lease, fcntl.LOCK_UN)
        with contextlib.suppress(BlockingIOError), self.lease:
            fcntl.flock(self.lease, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if self.host == f"unix://{socket()}" and not kept():
                stop()


def keep(wanted: bool) -> None:
    """Leave or remove the mark that keeps the engine running between test runs."""
    mark = cache_dir() / "keep"
    if wanted:
        mark.touch()
    else:
        mark.unlink(missing_ok=True)


def kept() -> bool:
    """Whether the engine is to stay when the tests end."""
    return (cache_dir() / "keep").exists() or bool(os.environ.get("JETTISON_TEST_ENGINE_KEEP"))


__all__ = ["CommandFailed", "Session", "answers", "client", "keep", "kept", "socket", "start", "stop"]
