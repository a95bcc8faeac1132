"""Image configurations: how a container is started, the history, and the uncompressed layers' digests."""

from __future__ import annotations

from typing import Any

import msgspec

from jettison.errors import ImageError
from jettison.oci.decode import decode
from jettison.oci.digest import Digest
from jettison.oci.platform import Platform


class HealthCheck(msgspec.Struct, frozen=True, omit_defaults=True, rename="pascal"):
    """Docker's HEALTHCHECK; times in nanoseconds."""

    test: list[str] | None = None
    interval: int = 0
    timeout: int = 0
    start_period: int = 0
    start_interval: int = 0
    retries: int = 0


class Container(msgspec.Struct, frozen=True, omit_defaults=True, rename="pascal"):
    """How a container of the image is started."""

    user: str | None = None
    exposed_ports: dict[str, Any] | None = None
    env: list[str] | None = None
    entrypoint: list[str] | str | None = None
    cmd: list[str] | str | None = None
    volumes: dict[str, Any] | None = None
    working_dir: str | None = None
    labels: dict[str, str] | None = None
    stop_signal: str | None = None
    shell: list[str] | None = None
    healthcheck: HealthCheck | None = None
    on_build: list[str] | None = None
    args_escaped: bool = False


class History(msgspec.Struct, frozen=True, omit_defaults=True):
    """One step of the build. A step with `empty_layer` owns no layer."""

    created: str | None = None
    created_by: str | None = None
    author: str | None = None
    comment: str | None = None
    empty_layer: bool | None = None


class RootFS(msgspec.Struct, frozen=True):
    """The layers, from the base up, as digests of their uncompressed bytes."""

    type: str = "layers"
    diff_ids: list[str] | None = None


class Config(msgspec.Struct, frozen=True, omit_defaults=True):
    """An OCI image configuration; Docker's is the same with more fields."""

    architecture: str = "unknown"
    os: str = "unknown"
    os_version: str | None = msgspec.field(default=None, name="os.version")
    variant: str | None = None
    created: str | None = None
    author: str | None = None
    config: Container | None = None
    rootfs: RootFS | None = None
    history: list[History] | None = None
    docker_version: str | None = None

    @property
    def platform(self) -> Platform:
        """What the image runs on."""
        return Platform(os=self.os, architecture=self.architecture, variant=self.variant, os_version=self.os_version)

    @property
    def container(self) -> Container:
        """How a container is started; empty where the configuration says nothing."""
        return self.config or Container()

    @property
    def diff_ids(self) -> list[Digest]:
        """The digests of the uncompressed layers, from the base up. Raises `ImageError` where one is malformed."""
        return [Digest.parse(text) for text in (self.rootfs.diff_ids if self.rootfs else None) or []]

    @property
    def steps(self) -> list[History]:
        """The history, oldest first; empty where there is none."""
        return self.history or []


def parse(data: bytes, *, where: str | None = None) -> Config:
    """The configuration in `data`. Raises `ImageError`."""
    config = decode(data, Config, what="image configuration", where=where)
    try:
        _ = config.diff_ids
    except ImageError as error:
        raise ImageError(f"rootfs.diff_ids: {error.message}", where=where) from None
    return config
