"""Whose a container or a directory is, so that what a killed run left behind can be told from what is in use."""

from __future__ import annotations

import os


def this_process() -> str:
    """This process, unmistakably: machine, number, and when it started in the kernel's clock ticks."""
    return f"{os.uname().nodename}~{os.getpid()}~{_started(os.getpid())}"


def orphaned(owner: str) -> bool:
    """Whether the process was this machine's and is no more."""
    machine, _, rest = owner.rpartition("~")[0].rpartition("~")
    started = owner.rpartition("~")[2]
    return machine == os.uname().nodename and rest.isdigit() and bool(started) and started != _started(int(rest))


def _started(process: int) -> str:
    try:
        with open(f"/proc/{process}/stat", "rb") as file:
            return file.read().rpartition(b")")[2].split()[19].decode()
    except (OSError, IndexError):
        return ""
