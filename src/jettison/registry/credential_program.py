"""Credential programs: `docker-credential-NAME get`, the protocol of docker-credential-helpers."""

from __future__ import annotations

import os
import re
import shutil
import subprocess

import msgspec

TIMEOUT = 60.0
"""Seconds that a program gets: some ask the user."""


class _Answer(msgspec.Struct, rename="pascal"):
    username: str = ""
    secret: str = ""


def get(name: str, server: str) -> tuple[str, str] | str | None:
    """User name and secret that the program NAME keeps for a server; None where it has none; a text where it fails."""
    program = f"docker-credential-{name}"
    path = shutil.which(program) if re.fullmatch(r"[A-Za-z0-9._-]+", name) else None
    if path is None:
        return f"{program} is not installed"
    try:
        done = subprocess.run(
            [path, "get"],
            input=server.encode(),
            capture_output=True,
            timeout=TIMEOUT,
            env=dict(os.environ),
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"{program} did not answer in {TIMEOUT:.0f} s"
    except OSError as error:
        return f"{program} cannot be run: {error.strerror}"
    if done.returncode:
        said = (done.stdout or done.stderr).decode("utf-8", "replace").strip()
        return None if "credentials not found" in said else f"{program} failed: {said[:200]}"
    try:
        answer = msgspec.json.decode(done.stdout, type=_Answer)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return f"{program} answered with something that is not JSON"
    return (answer.username, answer.secret) if answer.secret else None
