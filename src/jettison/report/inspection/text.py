"""What an image says of itself, for a terminal."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from jettison.oci import media_types
from jettison.report.inspection.json import document
from jettison.report.printable import printable
from jettison.report.style import fit
from jettison.units import size

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jettison.image.image import Image
    from jettison.report.inspection.json import Document
    from jettison.report.style import Style

_NAME = 14


def render(image: Image, style: Style) -> Iterator[str]:
    """Names and digests, how a container starts, labels, layers."""
    found = document(image)
    for name, value in (*_identity(found), *_start(found)):
        if value:
            yield f"{style(f'{name:<{_NAME}}', 'bold')}{printable(value)}"
    for title, pairs in (
        ("env", [variable.partition("=")[::2] for variable in found.env]),
        ("labels", sorted(found.labels.items())),
        ("annotations", sorted(found.annotations.items())),
    ):
        if pairs:
            yield style(title, "bold")
            width = min(40, max(len(key) for key, _ in pairs)) + 2
            for key, value in pairs:
                yield f"  {printable(key):<{width}}{printable(value)}"
    yield from _layers(found, style)


def _identity(found: Document) -> list[tuple[str, str]]:
    kind = {media_types.OCI_MANIFEST: "OCI image", media_types.DOCKER_MANIFEST: "Docker schema 2"}
    return [
        ("reference", found.reference),
        ("names", ", ".join(found.names)),
        ("id", found.id),
        ("digest", found.digest or ""),
        ("form", kind.get(found.media_type or "", found.media_type or "")),
        ("platform", found.platform),
        ("created", (found.created or "")[:19].replace("T", " ")),
        ("author", found.author or ""),
        ("stored", f"{size(found.stored)} in {len(found.layers)} layers"),
        ("attestations", str(found.attestations or "")),
    ]


def _start(found: Document) -> list[tuple[str, str]]:
    check = found.healthcheck
    return [
        ("user", found.user or "root (not set)"),
        ("working dir", found.working_dir or ""),
        ("entrypoint", _command(found.entrypoint)),
        ("cmd", _command(found.cmd)),
        ("healthcheck", _command(check.test) if check is not None else ""),
        ("ports", ", ".join(found.exposed_ports)),
        ("volumes", ", ".join(found.volumes)),
        ("stop signal", found.stop_signal or ""),
        ("shell", _command(found.shell)),
        ("on build", "; ".join(found.on_build)),
    ]


def _command(words: list[str] | str | None) -> str:
    return words if isinstance(words, str) else json.dumps(words, ensure_ascii=False) if words else ""


def _layers(found: Document, style: Style) -> Iterator[str]:
    yield style(f"{'layers':<9}{'stored':>10}  {'packed':<8}{'digest':<21}instruction", "bold")
    for layer in found.layers:
        packed = (media_types.compression(layer.media_type) if layer.media_type else None) or "-"
        digest = (layer.digest or layer.diff_id)[:19]
        command = fit(layer.command, max(30, style.width - 50))
        yield f"  {layer.number:<7}{size(layer.stored):>10}  {packed:<8}{digest:<21}{printable(command)}"
