"""Docker engines with BuildKit, in a root of their own made from Debian's packages.

There are two. `STANDARD` keeps images as Docker has done from the start. `CONTAINERD` keeps them in containerd's store,
as new installations do, and that shows in what `docker save` and `buildx` write: compressed layers, nested indexes,
attestations.

Containers get no bridge (an engine touches neither iptables nor the host's network): build and run with
`--network host`. An engine sees the host's temporary folder, the checkout and the cache at their own paths, so bind
mounts of anything under them work.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from .machine import (
    REPOSITORY,
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
root=$1; name=$2; shift 2
mount --bind "$root" "$root"
for part in proc sys dev; do mount --rbind "/$part" "$root/$part"; mount --make-rslave "$root/$part"; done
for path; do mkdir -p "$root$path"; mount --bind "$path" "$root$path"; done
mkdir -p "$root/host"
cd "$root" && pivot_root . host && umount -l /host
exec chroot . dockerd --iptables=false --ip6tables=false --bridge=none --config-file "/etc/docker/$name.json" \
    --data-root "/var/lib/docker/$name" --exec-root "/run/$name/exec" --pidfile "/run/$name/pid" \
    --host "unix:///run/$name/docker.sock"
"""


def root() -> Path:
    """The root folder that the engines share."""
    return cache_dir() / "root"


def client(host: str) -> Tool:
    """The docker command line from the engines' own root, speaking to `host`.

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
        with contextlib.suppress(FileExistsError):
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


@dataclass(frozen=True)
class Engine:
    """One engine of our own, running or not."""

    name: str
    containerd_store: bool = False

    @property
    def state(self) -> Path:
        """Its run-time folder."""
        return root() / "run" / self.name

    @property
    def host(self) -> str:
        """Its DOCKER_HOST."""
        return f"unix://{self.state / 'docker.sock'}"

    @property
    def log(self) -> Path:
        """What dockerd says."""
        return cache_dir() / f"{self.name}.log"

    @property
    def mark(self) -> Path:
        """There while the engine is to stay when the tests end."""
        return cache_dir() / f"{self.name}.keep"

    def runs(self) -> bool:
        """Whether it answers."""
        return (self.state / "docker.sock").exists() and answers(self.host)

    def start(self) -> str:
        """Start it unless it runs; return its DOCKER_HOST."""
        prepare_root()
        with locked(self.name):
            if not self.runs():
                self.launch()
        return self.host

    def launch(self) -> None:
        """Start dockerd, and wait until it answers."""
        shutil.copy("/etc/resolv.conf", root() / "etc/resolv.conf")
        trust(root())
        config = root() / "etc/docker" / f"{self.name}.json"
        config.parent.mkdir(exist_ok=True)
        config.write_text(json.dumps({"features": {"containerd-snapshotter": self.containerd_store}}))
        shutil.rmtree(self.state, ignore_errors=True)  # what an engine that was killed left: stale process ids
        self.state.mkdir(parents=True)
        shared = dict.fromkeys(map(str, (Path(tempfile.gettempdir()), REPOSITORY, cache_dir())))
        command = ["unshare", "--mount", "--propagation", "private", "sh", "-c", NAMESPACE, "engine"]
        with self.log.open("wb") as output:
            subprocess.Popen(
                [*command, str(root()), self.name, *shared],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        wait_for(self.runs, 60, "dockerd", self.log)

    def stop(self) -> bool:
        """End it; say whether it ran."""
        with locked(self.name):
            try:
                pid = int((self.state / "pid").read_text())
            except (OSError, ValueError):
                return False
            if not self.owns(pid):
                return False
            os.kill(pid, signal.SIGTERM)
            for _ in range(150):
                if not self.owns(pid):
                    return True
                time.sleep(0.1)
        raise Unavailable(f"dockerd (process {pid}) does not end; see {self.log}")

    def owns(self, pid: int) -> bool:
        """Whether a process is this engine: not another one that got its number, and not only its remains."""
        try:
            return self.name.encode() in Path(f"/proc/{pid}/cmdline").read_bytes()
        except OSError:
            return False


STANDARD = Engine("jettison-docker")
CONTAINERD = Engine("jettison-containerd", containerd_store=True)


def prepare_root() -> None:
    """Make the engines' root from Debian's packages, once."""
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
        options = ("--variant=minbase", "--dpkgopt=force-unsafe-io", f"--include={PACKAGES}")
        run("mmdebstrap", "--quiet", *options, SUITE, made, *debian_mirror())
        made.rename(root())
        done.write_text(PACKAGES)


def trust(root: Path) -> None:
    """Let what runs in a root verify what this machine verifies."""
    bundle = root / "etc/ssl/certs/ca-certificates.crt"
    pristine = bundle.with_suffix(".debian")
    if not pristine.exists():
        shutil.copy(bundle, pristine)
    bundle.write_text(pristine.read_text() + "".join(host_certificates()))


class Session:
    """One test run's use of an engine: the last to leave one that a test run started ends it.

    `python tests/engine start` leaves a mark that keeps it running until `python tests/engine stop`, and so does
    JETTISON_TEST_ENGINE_KEEP.
    """

    def __init__(self, engine: Engine = STANDARD) -> None:
        """Nothing is started before `enter`."""
        self.engine = engine
        self.lease: IO[str] | None = None

    def enter(self) -> str:
        """Return the DOCKER_HOST of a running engine: the one the environment names when it answers, else our own."""
        if self.engine is STANDARD:
            prepare_root()
            for name in ("JETTISON_TEST_DOCKER_HOST", "DOCKER_HOST"):
                host = os.environ.get(name)
                if host and answers(host):
                    return host
        self.lease = (cache_dir() / f"{self.engine.name}.lease").open("w")
        fcntl.flock(self.lease, fcntl.LOCK_SH)
        return self.engine.start()

    def leave(self) -> None:
        """Let go, and end the engine if nobody else holds it or wants it kept."""
        if self.lease is None:
            return
        with self.lease, contextlib.suppress(BlockingIOError):
            fcntl.flock(self.lease, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if not self.engine.mark.exists() and not os.environ.get("JETTISON_TEST_ENGINE_KEEP"):
                self.engine.stop()
