"""Stand-ins for popular base images, made from Debian's packages under their usual names.

Where no public registry of images can be reached, these let real Dockerfiles build. They carry what the machine trusts
(`machine.host_certificates`), so that apt, pip, npm, go and mvn reach their registries in a build with `--network
host`. As in the official images, package lists and archives stay out; unlike in them, documentation stays in, and apt
keeps the archives it downloads.
"""

from __future__ import annotations

import hashlib
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from .machine import Tool, Unavailable, debian_mirror, host_certificates, locked, need, run

BUNDLE = "/etc/ssl/certs/ca-certificates.crt"
TRUST = dict.fromkeys(
    (
        *("SSL_CERT_FILE", "PIP_CERT", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"),
        *("NODE_EXTRA_CA_CERTS", "GIT_SSL_CAINFO"),
    ),
    BUNDLE,
)
MMDEBSTRAP = ("--variant=minbase", "--dpkgopt=force-unsafe-io")
"""As in the official images, dpkg does not wait for the disk after each file."""
RECIPE = "jettison.test.recipe"
"""The label by which a stand-in that an older recipe made is known, and made again."""


@dataclass(frozen=True)
class Base:
    """How a stand-in is made: a Debian suite, packages, environment, and commands run inside the new root."""

    suite: str
    packages: str
    env: dict[str, str] = field(default_factory=dict)
    commands: str = ":"
    cmd: str = '["bash"]'
    workdir: str = "/"


PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
BASES = {
    "debian:bookworm-slim": Base("bookworm", ""),
    "debian:trixie-slim": Base("trixie", ""),
    "python:3.11-slim": Base(
        "bookworm",
        "python3,python3-pip,python3-venv,python-is-python3,netbase,tzdata",
        env={"PIP_BREAK_SYSTEM_PACKAGES": "1", "PIP_ROOT_USER_ACTION": "ignore"},
        cmd='["python3"]',
    ),
    "node:20-slim": Base("trixie", "nodejs,npm", cmd='["node"]'),
    "golang:1.24": Base(
        "trixie",
        "golang,build-essential,git,curl",
        env={"GOPATH": "/go", "GOTOOLCHAIN": "local", "PATH": f"/go/bin:{PATH}"},
        commands="mkdir -p /go/src /go/bin && chmod -R 1777 /go",
        workdir="/go",
    ),
    "eclipse-temurin:21-jdk": Base(
        "trixie",
        "openjdk-21-jdk-headless,maven,curl",
        env={"JAVA_HOME": "/opt/java/openjdk"},
        commands="mkdir -p /opt/java && ln -s /usr/lib/jvm/java-21-openjdk-* /opt/java/openjdk",
        cmd='["jshell"]',
    ),
    "eclipse-temurin:21-jre": Base(
        "trixie",
        "openjdk-21-jre-headless",
        env={"JAVA_HOME": "/opt/java/openjdk"},
        commands="mkdir -p /opt/java && ln -s /usr/lib/jvm/java-21-openjdk-* /opt/java/openjdk",
    ),
}


def ensure(docker: Tool, name: str) -> str:
    """Make sure that an image of that name is in the engine: make the stand-in when it is not. Return the name."""
    if name not in BASES:
        raise Unavailable(f"{name}: no stand-in is defined; there are {', '.join(BASES)}")
    with locked(f"base-{name.replace(':', '-').replace('/', '-')}"):
        if not usable(docker, name):
            build(docker, name, BASES[name])
    return name


def usable(docker: Tool, name: str) -> bool:
    """Whether the engine has the image: a real one, or a stand-in made by today's recipe."""
    if not docker("image", "ls", "--quiet", name).strip():
        return False
    label = docker("image", "inspect", "--format", f'{{{{index .Config.Labels "{RECIPE}"}}}}', name).strip()
    return label in ("", recipe(BASES[name]))


def recipe(base: Base) -> str:
    """A short name for all that a stand-in is made from."""
    return hashlib.sha256(repr((base, TRUST, MMDEBSTRAP)).encode()).hexdigest()[:12]


def build(docker: Tool, name: str, base: Base) -> None:
    """Make one stand-in: a root from packages, in one layer, with its environment."""
    need("mmdebstrap")
    with tempfile.TemporaryDirectory(prefix="jettison-base-") as folder:
        work = Path(folder)
        context = work / "context"
        certificates = work / "certificates"
        context.mkdir()
        certificates.mkdir()
        for number, text in enumerate(host_certificates()):
            (certificates / f"host-{number}.crt").write_text(text)
        inside = f"update-ca-certificates >/dev/null; {base.commands}"
        run(
            "mmdebstrap",
            "--quiet",
            *MMDEBSTRAP,
            f"--include=ca-certificates,{base.packages}".rstrip(","),
            f'--customize-hook=cp -r {certificates}/. "$1/usr/local/share/ca-certificates/"',
            f"--customize-hook=chroot \"$1\" sh -c '{inside}'",
            base.suite,
            context / "root.tar",
            *debian_mirror(),
        )
        (context / "Dockerfile").write_text(dockerfile(base))
        label = f"{RECIPE}={recipe(base)}"
        docker("build", "--quiet", "--network", "host", "--label", label, "--tag", name, context)


def dockerfile(base: Base) -> str:
    """The instructions that turn a root into a base image."""
    variables = " ".join(f"{key}={value}" for key, value in {**TRUST, **base.env}.items())
    return f"FROM scratch\nADD root.tar /\nENV {variables}\nWORKDIR {base.workdir}\nCMD {base.cmd}\n"
