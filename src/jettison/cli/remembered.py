"""Reports that are remembered: an image that has not changed costs nothing to report on again.

A report is kept under a digest of all that it depends on: the image's documents and layers, the Dockerfile's steps, the
base, the arguments, the configuration, and Jettison's own code.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

import jettison
from jettison.report.style import Style

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from jettison.cli.config import Config
    from jettison.image.image import Image
    from jettison.origin import Step


class Outcome(msgspec.Struct, array_like=True):
    """What a run printed: the report, the notes, and each budget as name, allowed, found, whether it holds."""

    report: bytes
    notes: list[str]
    verdicts: list[tuple[str, str, str, bool]]


def key(
    image: Image, base: Image | None, steps: Sequence[Step] | None, arguments: argparse.Namespace, config: Config
) -> str:
    """The digest of all that a report on `image` depends on, as `sha256:…`."""
    asked = {name: value for name, value in vars(arguments).items() if name not in ("output", "quiet", "verbose")}
    style = Style(colour=False if arguments.output else None)
    rules = Path(arguments.dive_ci or ".dive-ci")
    parts = [
        _code(),
        *(_identity(one) for one in (image, base) if one is not None),
        repr(steps),
        repr(sorted(asked.items())),
        repr(config.tables),
        repr(sorted((name, text) for name, text in os.environ.items() if name.startswith("JETTISON_"))),
        repr((style.colour, style.width)),
        repr(rules.read_bytes()) if rules.is_file() else "",
    ]
    return "sha256:" + hashlib.sha256("\0".join(parts).encode("utf-8", "surrogateescape")).hexdigest()


def _identity(image: Image) -> str:
    layers = [(layer.diff_id, layer.digest, layer.stored_size) for layer in image.layers]
    attested = [hashlib.sha256(statement).hexdigest() for statement in image.attestations]
    return repr((image.reference, image.names, image.id, image.digest, layers, attested))


def _code() -> str:
    """Jettison's version, and the newest change of its files, so that a changed rule is never answered from before."""
    newest = count = 0
    for folder, _, names in os.walk(os.path.dirname(jettison.__file__)):
        for name in names:
            if name.endswith(".py"):
                count += 1
                newest = max(newest, os.stat(os.path.join(folder, name)).st_mtime_ns)
    return repr((jettison.__version__, newest, count))
