"""Where results go: stdout, or a file that is whole or not there."""

from __future__ import annotations

import sys
from pathlib import Path

from jettison.errors import InputError
from jettison.image.cache import write_atomically


def emit(data: bytes, output: str | None) -> None:
    """Write a report to stdout, or beside `output` and then rename. Raises `InputError` where that is not possible."""
    if output is None or output == "-":
        sys.stdout.flush()
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
        return
    try:
        write_atomically(Path(output), data)
    except OSError as error:
        raise InputError(f"cannot be written: {error.strerror}", where=output) from None
