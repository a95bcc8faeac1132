"""Where results go: stdout, or a file that is whole or not there."""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path

from jettison.errors import InputError
from jettison.image.cache import write_atomically


def emit(data: bytes, output: str | None) -> None:
    """Write a report to stdout, or beside `output` and then rename. Raises `InputError` where that is not possible.

    What is there and is no regular file (a device, a pipe) is written to, never replaced; a link's target is replaced,
    not the link. A file that is there keeps its mode.
    """
    if output is None or output == "-":
        sys.stdout.flush()
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
        return
    target = Path(os.path.realpath(output))
    try:
        mode = target.stat().st_mode if target.exists() else None
        if mode is not None and not stat.S_ISREG(mode):
            with open(target, "wb", buffering=0) as place:
                place.write(data)
        else:
            write_atomically(target, data, mode=_new_mode() if mode is None else stat.S_IMODE(mode))
    except OSError as error:
        raise InputError(f"cannot be written: {error.strerror}", where=output) from None


def _new_mode() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return 0o666 & ~mask
