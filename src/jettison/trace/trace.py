"""Traces: what one or more runs of an image touched. Immutable; kept as JSON."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import msgspec

from jettison.errors import InputError, UsageError
from jettison.image.cache import write_atomically

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

T = TypeVar("T")

VERSION = 1
"""The version of the format. A file of a newer one is refused."""

ACCESSES = ("read", "write", "create", "stat", "link", "exec", "dir")
"""What is done to a path: opened for reading; written, changed or removed; made; looked up; read as a link (or found to
be one that leads nowhere); run, or opened by the kernel to run something; listed, opened as a directory or entered."""


class Executed(NamedTuple):
    """A program that was run: its path, its argv[0], and what the kernel opened to run it, in order."""

    path: str
    name: str
    interpreters: tuple[str, ...] = ()


class Trace(msgspec.Struct, frozen=True, kw_only=True):
    """What was seen. Paths are absolute, as the container sees them and not resolved; bytes that are no UTF-8 stand as
    Python's surrogate escapes (`os.fsencode` gives the bytes back).

    `missing` counts how often a path was asked for and not there, at least (the sensor writes counts at powers of two).
    `syscalls` is None where they were not recorded. `lost` counts events whose path is not known; `complete` is True
    where nothing was lost and the sensor lived until the end. `image` is the image's id, `sources` what the image was
    put through.
    """

    paths: dict[str, frozenset[str]]
    missing: dict[str, int] = {}
    executed: tuple[Executed, ...] = ()
    syscalls: frozenset[str] | None = None
    lost: int = 0
    complete: bool = True
    notes: tuple[str, ...] = ()
    architecture: str = ""
    image: str | None = None
    command: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()


def merge(traces: Iterable[Trace]) -> Trace:
    """One trace of several. Raises `UsageError` for none, or for traces of different architectures.

    The image and the command are those that all agree on, else None and the first's.
    """
    several = list(traces)
    if not several:
        raise UsageError("there is no trace to merge")
    architectures = sorted({trace.architecture for trace in several if trace.architecture})
    if len(architectures) > 1:
        raise UsageError(f"traces of different architectures cannot be merged: {', '.join(architectures)}")
    paths: dict[str, frozenset[str]] = {}
    missing: dict[str, int] = {}
    for trace in several:
        for path, accesses in trace.paths.items():
            paths[path] = paths[path] | accesses if path in paths else accesses
        for path, count in trace.missing.items():
            missing[path] = missing.get(path, 0) + count
    images = {trace.image for trace in several}
    syscalls = [trace.syscalls for trace in several if trace.syscalls is not None]
    return Trace(
        paths=paths,
        missing=missing,
        executed=_unique(trace.executed for trace in several),
        syscalls=frozenset().union(*syscalls) if len(syscalls) == len(several) else None,
        lost=sum(trace.lost for trace in several),
        complete=all(trace.complete for trace in several),
        notes=_unique(trace.notes for trace in several),
        architecture=architectures[0] if architectures else "",
        image=images.pop() if len(images) == 1 else None,
        command=several[0].command,
        sources=_unique(trace.sources for trace in several),
    )


def _unique(groups: Iterable[Sequence[T]]) -> tuple[T, ...]:
    return tuple(dict.fromkeys(one for group in groups for one in group))


def to_json(trace: Trace) -> bytes:
    """The trace as JSON, the same bytes for the same trace; lone surrogates stand as \\uDCxx escapes."""
    document = {
        "jettison_trace": VERSION,
        "architecture": trace.architecture,
        "image": trace.image,
        "command": list(trace.command),
        "sources": list(trace.sources),
        "complete": trace.complete,
        "lost": trace.lost,
        "notes": list(trace.notes),
        "executed": [[one.path, one.name, list(one.interpreters)] for one in trace.executed],
        "syscalls": sorted(trace.syscalls) if trace.syscalls is not None else None,
        "paths": {path: sorted(trace.paths[path], key=_rank) for path in sorted(trace.paths)},
        "missing": {path: trace.missing[path] for path in sorted(trace.missing)},
    }
    return json.dumps(document, ensure_ascii=True, indent=1).encode() + b"\n"


def _rank(access: str) -> int:
    return ACCESSES.index(access) if access in ACCESSES else len(ACCESSES)


def from_json(data: bytes, *, where: str | None = None) -> Trace:
    """The trace in `data`. Raises `InputError`."""
    try:
        document = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise InputError(f"is no trace: {error}", where=where) from None
    if not isinstance(document, dict) or not isinstance(document.get("jettison_trace"), int):
        raise InputError("is no trace: it does not say which version of the format it has", where=where)
    version = document.pop("jettison_trace")
    if version != VERSION:
        raise InputError(f"is a trace of format {version}; this Jettison reads format {VERSION}", where=where)
    try:
        trace = msgspec.convert(document, Trace)
    except (msgspec.ValidationError, RecursionError) as error:
        raise InputError(f"is no sound trace: {error}", where=where) from None
    strange = {access for accesses in trace.paths.values() for access in accesses} - set(ACCESSES)
    if strange:
        raise InputError(f"is no sound trace: {sorted(strange)[0]!r} is no kind of access", where=where)
    return trace


def save(trace: Trace, path: str | os.PathLike[str]) -> None:
    """Write the trace to `path`, whole or not at all. Raises `InputError`."""
    try:
        write_atomically(Path(path), to_json(trace), mode=0o644)
    except OSError as error:
        raise InputError(f"the trace cannot be written: {error.strerror}", where=os.fspath(path)) from None


def load(path: str | os.PathLike[str]) -> Trace:
    """The trace in the file at `path`. Raises `InputError`."""
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", where=os.fspath(path)) from None
    return from_json(data, where=os.fspath(path))
