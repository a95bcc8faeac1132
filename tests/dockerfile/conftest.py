"""BuildKit's own code, asked what it refuses: what `docker build --check` runs, without an engine.

`buildkit/` is a small Go program around it, built with Go and its modules when the first test asks, and kept in the
cache.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import subprocess
import tarfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

SOURCE = Path(__file__).resolve().parent / "buildkit"


def built() -> Path:
    """The program, made once for its source."""
    if not shutil.which("go"):
        pytest.skip("go is not installed: BuildKit's own code cannot be asked")
    name = hashlib.sha256(b"".join(path.read_bytes() for path in sorted(SOURCE.iterdir()))).hexdigest()[:12]
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "jettison" / "buildkit-oracle"
    program = cache / name
    if not program.exists():
        cache.mkdir(parents=True, exist_ok=True)
        fresh = cache / f"{name}.{os.getpid()}"
        done = subprocess.run(["go", "build", "-o", fresh, "."], cwd=SOURCE, capture_output=True, text=True)
        if done.returncode:
            pytest.skip(f"BuildKit's own code cannot be built: {done.stderr.strip()[-300:]}")
        fresh.replace(program)
    return program


@pytest.fixture(scope="session")
def buildkit() -> Callable[[dict[str, bytes]], dict[str, dict[str, Any]]]:
    """Ask of Dockerfiles, by name: `refused` or `check` say why it refuses one, at `lines`; `warnings` its checks."""
    program = built()

    def ask(files: dict[str, bytes]) -> dict[str, dict[str, Any]]:
        stream = io.BytesIO()
        with tarfile.open(fileobj=stream, mode="w") as tar:
            for name, data in files.items():
                member = tarfile.TarInfo(name)
                member.size = len(data)
                tar.addfile(member, io.BytesIO(data))
        done = subprocess.run(
            [program], input=stream.getvalue(), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True
        )
        answers = [json.loads(line) for line in done.stdout.splitlines()]
        return {answer["name"]: answer for answer in answers}

    return ask
