"""References: where an image is, in the field's own transports.

    docker://registry/repository:tag        a registry            docker-daemon:name:tag   Docker's engine
    oci:DIRECTORY[:tag]                     an OCI layout         podman:name:tag          podman's engine
    oci-archive:FILE[:tag]                  the same in a tar     containers-storage:name  podman's and buildah's store
    docker-archive:FILE[:name:tag]          `docker save`         dir:DIRECTORY            a root file system

A bare path is recognised by its content, a bare name asks the engine, then the registry (`jettison.stores`). Names are
normalised as Docker does: `alpine` is `docker.io/library/alpine:latest`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from jettison.errors import ImageError, UsageError
from jettison.oci.digest import Digest

TRANSPORTS = (
    "docker",
    "docker-archive",
    "docker-daemon",
    "podman",
    "oci",
    "oci-archive",
    "containers-storage",
    "dir",
)
FILE_TRANSPORTS = frozenset({"docker-archive", "oci", "oci-archive", "dir"})

_COMPONENT = re.compile(r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")
_HOST = re.compile(
    r"(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)*)(?::[0-9]+)?"
)


@dataclass(frozen=True, slots=True)
class Name:
    """An image's name in a registry or engine: registry host, repository, and a tag or a digest or both."""

    registry: str
    repository: str
    tag: str | None
    digest: Digest | None

    def __str__(self) -> str:
        tag = f":{self.tag}" if self.tag else ""
        digest = f"@{self.digest}" if self.digest else ""
        return f"{self.registry}/{self.repository}{tag}{digest}"

    @property
    def familiar(self) -> str:
        """The name as people write it: `docker.io/library/` left out."""
        text = str(self)
        return text.removeprefix("docker.io/").removeprefix("library/") if text.startswith("docker.io/") else text

    @property
    def selector(self) -> str:
        """What a registry is asked for: the digest where there is one, else the tag."""
        return self.digest or self.tag or "latest"


@dataclass(frozen=True, slots=True)
class Reference:
    """A transport (None: to be recognised), a location (a path or a name), and what selects an image there."""

    transport: str | None
    location: str
    selector: str | None = None

    def __str__(self) -> str:
        prefix = {None: "", "docker": "docker://"}.get(self.transport, f"{self.transport}:")
        if self.selector is None:
            return prefix + self.location
        return f"{prefix}{self.location}{'' if self.selector.startswith('@') else ':'}{self.selector}"

    @property
    def name(self) -> Name:
        """The location as an image's name. Raises `UsageError`."""
        return parse_name(self.location)


def parse(text: str) -> Reference:
    """The reference in `text`; nothing is looked up. Raises `UsageError`."""
    if not text or "\0" in text:
        raise UsageError(f"{text!r} is not an image reference", hint="write a path, or a name such as alpine:3.22")
    transport, colon, rest = text.partition(":")
    if not colon or transport not in TRANSPORTS or (transport == "docker" and not rest.startswith("//")):
        return Reference(None, text)
    if not rest:
        raise UsageError(f"{text!r} names no image after the transport {transport!r}")
    if transport == "docker":
        return Reference(transport, str(parse_name(rest[2:])))
    if transport == "dir" or transport not in FILE_TRANSPORTS:
        return Reference(transport, rest)
    path, selector = split_path(rest)
    return Reference(transport, path, selector)


def split_path(text: str) -> tuple[str, str | None]:
    """A path and what selects an image there: `a.tar:name:tag`, `layout@sha256:…`, `a.tar@1`, or the path alone."""
    path, at, digest = text.partition("@")
    if at and ":" not in path and (digest.startswith("sha256:") or digest.isdigit()):
        return path, "@" + digest
    path, colon, tag = text.partition(":")
    return path, (tag or None) if colon else None


def parse_name(text: str) -> Name:
    """A registry name, normalised as Docker does. Raises `UsageError` naming what is wrong with it."""
    body, at, digest_text = text.partition("@")
    try:
        digest = Digest.parse(digest_text) if at else None
    except ImageError as error:
        raise UsageError(f"{text!r}: {error.message}") from None
    slash = body.rfind("/")
    colon = body.rfind(":")
    tag = body[colon + 1 :] if colon > slash else None
    if tag is not None:
        body = body[:colon]
        if not _TAG.fullmatch(tag):
            raise UsageError(f"{text!r}: {tag!r} is not a tag; letters, digits, '_', '.', '-', at most 128")
    registry, repository = _split_host(body)
    if not repository or not all(_COMPONENT.fullmatch(part) for part in repository.split("/")):
        hint = (
            "repository names are lower case"
            if repository.lower() != repository
            else "expected [registry/]repository[:tag]"
        )
        raise UsageError(f"{text!r} is not an image name", hint=hint)
    if len(repository) > 255:
        raise UsageError(f"{text[:60]!r}…: a repository's name has at most 255 characters")
    return Name(registry, repository, tag or (None if digest else "latest"), digest)


def _split_host(body: str) -> tuple[str, str]:
    first, slash, rest = body.partition("/")
    if not slash or not (first == "localhost" or any(mark in first for mark in ".:") or first != first.lower()):
        registry, repository = "docker.io", body
    else:
        registry, repository = first, rest
    if not _HOST.fullmatch(registry):
        raise UsageError(f"{registry!r} is not a registry host")
    if registry in ("docker.io", "index.docker.io", "registry-1.docker.io"):
        registry = "docker.io"
        if "/" not in repository:
            repository = "library/" + repository
    return registry, repository
