"""The machine the tests run on: where to keep things, what is installed, which mirror and certificates it uses."""

from __future__ import annotations

import contextlib
import fcntl
import functools
import os
import re
import shutil
import socket
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

REPOSITORY = Path(__file__).resolve().parents[2]
HOST_BUNDLE = Path("/etc/ssl/certs/ca-certificates.crt")
DISTRIBUTION_CERTIFICATES = Path("/usr/share/ca-certificates")

PACKAGE_OF = {
    "buildah": "buildah",
    "docker-registry": "docker-registry",
    "mmdebstrap": "mmdebstrap",
    "openssl": "openssl",
    "podman": "podman",
    "runc": "runc",
    "skopeo": "skopeo",
    "umoci": "umoci",
    "unshare": "util-linux",
}
"""Commands that the tests need, and the Debian package that brings each."""


class Unavailable(Exception):
    """Something the tests need cannot be had on this machine; the message says what and why."""


class CommandFailed(Unavailable):
    """A command ended with another code than 0; the message carries the end of what it printed."""


def run(
    *command: str | Path,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    stdin: bytes = b"",
    timeout: float = 1800,
) -> str:
    """Run a command, and return what it wrote to stdout."""
    words = [str(word) for word in command]
    try:
        done = subprocess.run(
            words,
            input=stdin,
            capture_output=True,
            cwd=cwd,
            env={**os.environ, **(env or {})},
            timeout=timeout,
            check=False,
        )
    except OSError as error:
        raise CommandFailed(f"{words[0]}: {error.strerror}") from error
    except subprocess.TimeoutExpired as error:
        raise CommandFailed(f"{' '.join(words[:6])}: no end after {timeout:.0f} s") from error
    if done.returncode:
        said = (done.stderr or done.stdout).decode(errors="replace").strip()[-3000:]
        raise CommandFailed(f"{' '.join(words[:6])}: exit {done.returncode}: {said}")
    return done.stdout.decode(errors="replace")


def cache_dir() -> Path:
    """Where the engine and everything made with it stay between runs."""
    named = os.environ.get("JETTISON_TEST_ENGINE")
    path = Path(named) if named else Path.home() / ".cache" / "jettison" / "test-engine"
    path.mkdir(parents=True, exist_ok=True)
    return path


@contextlib.contextmanager
def locked(name: str) -> Iterator[None]:
    """Hold a lock of that name among all test runs that share the cache."""
    with (cache_dir() / f"{name}.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def is_root() -> bool:
    """Whether mounting, chroot and installing packages are to be expected to work."""
    return os.geteuid() == 0


def need(*commands: str) -> None:
    """Make sure that commands are there: install their Debian packages when this is root on a Debian."""
    missing = [command for command in commands if not shutil.which(command)]
    if not missing:
        return
    packages = sorted({PACKAGE_OF[command] for command in missing})
    if not is_root() or not shutil.which("apt-get"):
        raise Unavailable(f"{', '.join(missing)}: not installed; on Debian: apt-get install {' '.join(packages)}")
    with locked("apt"):
        apt("update")
        apt("install", "--yes", "--no-install-recommends", *packages)
    still = [command for command in commands if not shutil.which(command)]
    if still:
        raise Unavailable(f"{', '.join(still)}: not there after apt-get install {' '.join(packages)}")


def apt(*arguments: str) -> None:
    """Run apt-get with no questions, waiting for whoever holds its lock."""
    env = {"DEBIAN_FRONTEND": "noninteractive"}
    run("apt-get", "-qq", "-o", "DPkg::Lock::Timeout=300", *arguments, env=env)


@functools.cache
def debian_mirror() -> tuple[str, ...]:
    """The mirror that this machine's apt uses for Debian, as mmdebstrap's last argument; none leaves it the choice."""
    listing = ["apt-get", "indextargets", "--format", "$(REPO_URI)", "Created-By: Packages"]
    for attempt in range(2):
        with contextlib.suppress(CommandFailed):
            for uri in run(*listing).split():
                if re.search(r"/debian/*$", uri):
                    return (uri,)
        if attempt == 0 and is_root():
            with contextlib.suppress(CommandFailed):
                apt("update")
    return ()


@functools.cache
def host_certificates() -> tuple[str, ...]:
    """The certificate authorities that this machine trusts beyond its distribution's own, as PEM texts.

    Inside a company or a sandbox, registries answer with certificates that only these can verify.
    """
    bundle = Path(os.environ.get("SSL_CERT_FILE") or HOST_BUNDLE)
    try:
        trusted = pem_blocks(bundle.read_text(errors="replace"))
    except OSError:
        return ()
    usual: dict[str, str] = {}
    for path in DISTRIBUTION_CERTIFICATES.rglob("*.crt"):
        usual |= pem_blocks(path.read_text(errors="replace"))
    return tuple(block for body, block in trusted.items() if body not in usual) if usual else ()


def pem_blocks(text: str) -> dict[str, str]:
    """Certificates in a bundle: base64 body without white space -> the block as it stands."""
    blocks = re.findall(r"-----BEGIN CERTIFICATE-----(.*?)-----END CERTIFICATE-----", text, re.S)
    wrapped = "-----BEGIN CERTIFICATE-----{}-----END CERTIFICATE-----\n"
    return {"".join(block.split()): wrapped.format(block) for block in blocks}


def free_port() -> int:
    """A loopback port that nothing listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(ready: Callable[[], bool], seconds: float, what: str, log: Path | None = None) -> None:
    """Ask until something is ready; when it never is, say so with the end of its log."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if ready():
            return
        time.sleep(0.1)
    tail = log.read_text(errors="replace")[-2000:] if log and log.exists() else ""
    raise Unavailable(f"{what}: no answer after {seconds:.0f} s\n{tail}".strip())


def listens(port: int) -> Callable[[], bool]:
    """A question for `wait_for`: does anything accept connections on this loopback port?"""

    def ready() -> bool:
        with socket.socket() as probe:
            probe.settimeout(1)
            return probe.connect_ex(("127.0.0.1", port)) == 0

    return ready


def end(process: subprocess.Popen[bytes], seconds: float = 10) -> None:
    """Ask a process that we started to end, and make it end."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


class Tool:
    """A program with the environment that makes it work here: `skopeo("copy", "oci:a", "oci:b")` returns its stdout."""

    def __init__(self, *command: str | Path, env: Mapping[str, str] | None = None) -> None:
        """Call `command` with `env` added to the environment of the tests."""
        self.command: Sequence[str] = [str(word) for word in command]
        self.env = dict(env or {})

    def __call__(self, *arguments: str | Path, stdin: bytes = b"", cwd: Path | None = None) -> str:
        """Run it with these arguments; raise `CommandFailed` with its words when it fails."""
        return run(*self.command, *arguments, env=self.env, stdin=stdin, cwd=cwd)
