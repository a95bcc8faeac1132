"""What an image says of itself, as JSON. The schema is `schema()`; fields are only added."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from jettison import __version__
from jettison.oci.config import HealthCheck
from jettison.origin import command_of

if TYPE_CHECKING:
    from jettison.image.image import Image

FORMAT = 1


class Layer(msgspec.Struct):
    """One layer, from the base up; `stored` are its blob's bytes, null where only reading tells."""

    number: int
    diff_id: str
    digest: str | None
    media_type: str | None
    stored: int | None
    command: str


class Document(msgspec.Struct):
    """One image, by its manifest and configuration. Times of the health check are nanoseconds, as in the image."""

    format: int
    jettison: str
    reference: str
    names: list[str]
    id: str
    digest: str | None
    media_type: str | None
    platform: str
    created: str | None
    author: str | None
    stored: int | None
    user: str | None
    working_dir: str | None
    entrypoint: list[str] | str | None
    cmd: list[str] | str | None
    env: list[str]
    exposed_ports: list[str]
    volumes: list[str]
    labels: dict[str, str]
    annotations: dict[str, str]
    stop_signal: str | None
    shell: list[str] | None
    healthcheck: HealthCheck | None
    on_build: list[str]
    attestations: int
    layers: list[Layer]


def document(image: Image) -> Document:
    """The image as plain data."""
    config, container, manifest = image.config, image.config.container, image.manifest
    sizes = [layer.stored_size for layer in image.layers]
    known = [size for size in sizes if size is not None]
    return Document(
        format=FORMAT,
        jettison=__version__,
        reference=image.reference,
        names=list(image.names),
        id=str(image.id),
        digest=str(image.digest) if image.digest is not None else None,
        media_type=(manifest.media_type or None) if manifest is not None else None,
        platform=str(config.platform),
        created=config.created,
        author=config.author,
        stored=sum(known) if len(known) == len(sizes) else None,
        user=container.user or None,
        working_dir=container.working_dir or None,
        entrypoint=container.entrypoint,
        cmd=container.cmd,
        env=list(container.env or []),
        exposed_ports=sorted(container.exposed_ports or {}),
        volumes=sorted(container.volumes or {}),
        labels=dict(container.labels or {}),
        annotations=dict((manifest.annotations if manifest is not None else None) or {}),
        stop_signal=container.stop_signal or None,
        shell=container.shell,
        healthcheck=container.healthcheck,
        on_build=list(container.on_build or []),
        attestations=len(image.attestations),
        layers=_layers(image),
    )


def _layers(image: Image) -> list[Layer]:
    commands = [command_of(step) for step, layer in image.steps() if layer is not None]
    return [
        Layer(
            number=number,
            diff_id=str(layer.diff_id),
            digest=str(layer.digest) if layer.digest is not None else None,
            media_type=(layer.descriptor.media_type or None) if layer.descriptor is not None else None,
            stored=layer.stored_size,
            command=commands[number] if number < len(commands) else "",
        )
        for number, layer in enumerate(image.layers)
    ]


def render(image: Image) -> bytes:
    """The document as UTF-8 JSON, indented for people."""
    return msgspec.json.format(msgspec.json.encode(document(image)), indent=2)


def schema() -> dict[str, Any]:
    """The JSON Schema of the document."""
    return msgspec.json.schema(Document)
