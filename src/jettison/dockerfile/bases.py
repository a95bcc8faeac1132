"""What is known of base images by their names: the distribution, and with it the shell and the package manager."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from jettison.dockerfile.patterns import lazy

_DEBIAN_TAGS: Final = lazy(
    r"(?:^|[-.])(?:stretch|buster|bullseye|bookworm|trixie|jessie|wheezy|sid|slim|debian\d*)(?:$|[-.\d])"
)
_UBUNTU_TAGS: Final = lazy(r"(?:^|[-.])(?:ubuntu|trusty|xenial|bionic|focal|jammy|noble)(?:$|[-.\d])")
_WINDOWS: Final = lazy(r"windowsservercore|nanoserver|servercore|mcr\.microsoft\.com/windows|ltsc20\d\d")
_RHEL: Final = lazy(
    r"(?:^|/)(?:centos|fedora|rockylinux|almalinux|oraclelinux|amazonlinux|redhat|rhel\d*|ubi\d*|ubi-minimal|ubi-init)(?:$|[-/:\d])"
)
_NAMES: Final[dict[str, str]] = {
    "alpine": "alpine", "busybox": "busybox", "debian": "debian", "ubuntu": "ubuntu", "scratch": "scratch",
    "archlinux": "arch", "opensuse/leap": "suse", "opensuse/tumbleweed": "suse", "opensuse": "suse", "photon": "photon",
    "phusion/baseimage": "ubuntu", "nvidia/cuda": "ubuntu", "buildpack-deps": "debian",
    "kalilinux/kali-rolling": "debian",
    "linuxserver/baseimage-alpine": "alpine", "bitnami/minideb": "debian", "raspbian/stretch": "debian",
}  # fmt: skip
# Official images whose default variant is Debian.
_ON_DEBIAN: Final = frozenset(
    [
        "python",
        "node",
        "golang",
        "ruby",
        "php",
        "rust",
        "perl",
        "openjdk",
        "gcc",
        "haskell",
        "erlang",
        "elixir",
        "postgres",
        "mysql",
        "mariadb",
        "mongo",
        "redis",
        "nginx",
        "httpd",
        "tomcat",
        "maven",
        "gradle",
        "jruby",
        "pypy",
        "swipl",
        "r-base",
        "julia",
        "wordpress",
        "drupal",
        "ghost",
        "jenkins",
        "sonarqube",
        "rabbitmq",
        "memcached",
        "cassandra",
        "logstash",
        "neo4j",
        "solr",
        "percona",
        "nextcloud",
        "odoo",
    ]
)


def split_reference(image: str) -> tuple[str, str, str]:
    """Name, tag and digest of an image reference, each "" when absent; the registry stays in the name."""
    name, _, digest = image.partition("@")
    head, slash, tail = name.rpartition("/")
    tail, _, tag = tail.partition(":")
    return head + slash + tail, tag, digest


@lru_cache(maxsize=512)
def distribution(image: str | None) -> str | None:
    """What an image is made of, by its name: `debian`, `ubuntu`, `alpine`, `busybox`, `rhel`, `suse`, `arch`, `photon`,
    `windows`, `scratch`; None when the name says nothing."""
    if not image:
        return None
    name, tag, _ = split_reference(image.lower())
    if _WINDOWS.search(image.lower()):
        return "windows"
    for prefix in ("docker.io/", "index.docker.io/", "library/"):
        name = name.removeprefix(prefix)
    if "alpine" in tag or "alpine" in name.rpartition("/")[2]:
        return "alpine"
    if name in _NAMES:
        return _NAMES[name]
    if _UBUNTU_TAGS.search(tag):
        return "ubuntu"
    if _DEBIAN_TAGS.search(tag):
        return "debian"
    if _RHEL.search(name):
        return "rhel"
    bare = name.rpartition("/")[2]
    if bare in ("debian", "ubuntu"):
        return bare
    return "debian" if name in _ON_DEBIAN else None


SYSTEM_SHELL: Final[dict[str, str]] = {
    "alpine": "ash", "busybox": "ash", "debian": "dash", "ubuntu": "dash", "rhel": "bash", "suse": "bash",
    "arch": "bash",
}  # fmt: skip
"""The program behind /bin/sh, by distribution."""
