"""Oracles for tar and for stacked layers: Go's archive/tar, and the kernel's overlayfs."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import shutil
import struct
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

GO = shutil.which("go")


@dataclass(frozen=True)
class GoMember:
    """One member as Go reads it."""

    name: bytes
    link: bytes
    flag: bytes
    size: int
    mode: int
    uid: int
    gid: int
    mtime: int
    device: tuple[int, int]
    xattrs: dict[str, bytes]
    content: bytes


@dataclass(frozen=True)
class GoAnswer:
    """What Go reads from an archive, and the error at which it stopped ("" for none)."""

    members: list[GoMember]
    error: str


def _member(row: dict[str, object]) -> GoMember:
    raw = {key: base64.b64decode(row[key] or "") for key in ("Name", "Link", "Content")}  # type: ignore[arg-type]
    get: Callable[[str], int] = row.__getitem__  # type: ignore[assignment]
    xattrs: dict[str, str] = row["Xattrs"]  # type: ignore[assignment]
    return GoMember(
        name=raw["Name"],
        link=raw["Link"],
        flag=bytes([get("Flag")]),
        size=get("Size"),
        mode=get("Mode"),
        uid=get("UID"),
        gid=get("GID"),
        mtime=get("Seconds") * 10**9 + get("Nanoseconds"),
        device=(get("Major"), get("Minor")),
        xattrs={key: base64.b64decode(value) for key, value in xattrs.items()},
        content=raw["Content"],
    )


@pytest.fixture(scope="session")
def go_program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program gotar/main.go, compiled."""
    if GO is None:
        pytest.skip("needs the Go compiler, whose archive/tar is the oracle")
    source = Path(__file__).with_name("gotar") / "main.go"
    digest = hashlib.sha256(source.read_bytes()).hexdigest()[:16]
    program = tmp_path_factory.getbasetemp().parent / f"gotar-{digest}"
    if not program.exists():
        fresh = tmp_path_factory.mktemp("gotar") / "gotar"
        environment = {**os.environ, "GOFLAGS": "-mod=mod", "GO111MODULE": "off", "GOTELEMETRY": "off"}
        subprocess.run([GO, "build", "-o", fresh, source], check=True, env=environment)
        os.replace(fresh, program)
    return program


@pytest.fixture(scope="session")
def go_tar(go_program: Path) -> Iterator[Callable[[bytes], GoAnswer]]:
    """A function that reads an archive with Go."""
    process = subprocess.Popen([go_program], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdin is not None and process.stdout is not None

    def ask(archive: bytes) -> GoAnswer:
        assert process.stdin is not None and process.stdout is not None
        process.stdin.write(struct.pack(">Q", len(archive)) + archive)
        process.stdin.flush()
        answer = json.loads(process.stdout.readline())
        return GoAnswer([_member(row) for row in answer["Members"] or []], answer["Error"])

    yield ask
    process.stdin.close()
    process.wait(10)
