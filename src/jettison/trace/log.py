"""The sensor's log, read. The format is told in `sensor/log.h`."""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass, field

from jettison.errors import InputError
from jettison.trace.trace import Executed

MAGIC = b"JETTRC1\n"
_HEADER = struct.Struct("<8s7Q")
_BITS = {1: "read", 2: "write", 4: "create", 8: "stat", 16: "link", 32: "exec", 64: "dir"}
_FIELDS = {b"P": 2, b"M": 2, b"X": 3, b"N": 1, b"E": 1}

EMPTY = bytes(_HEADER.size)
"""A log before a sensor has opened it."""


@dataclass(frozen=True, slots=True)
class Log:
    """What a log says. `beat` is when the main sensor was last alive (seconds since 1970), `started` counts sensors;
    `failure` is why the program could not be started, where it could not."""

    paths: dict[str, frozenset[str]] = field(default_factory=dict)
    missing: dict[str, int] = field(default_factory=dict)
    executed: tuple[Executed, ...] = ()
    notes: tuple[str, ...] = ()
    failure: str | None = None
    beat: float = 0.0
    events: int = 0
    lost: int = 0
    full: int = 0
    started: int = 0


def parse(data: bytes, *, where: str | None = None) -> Log:
    """The log in `data`; a record that a kill cut off at its end is left out. Raises `InputError`."""
    if len(data) < _HEADER.size:
        raise InputError("the sensor's log is cut off", where=where)
    magic, beat, events, lost, _, full, started, _ = _HEADER.unpack_from(data)
    if magic == bytes(8):
        return Log()
    if magic != MAGIC:
        raise InputError("this is no log of the sensor", where=where)
    paths: dict[str, int] = {}
    missing: dict[str, int] = {}
    executed: dict[Executed, None] = {}
    notes: dict[str, None] = {}
    failure = None
    for kind, fields in _records(data, where):
        if kind == b"P":
            paths[fields[1]] = paths.get(fields[1], 0) | int(fields[0], 16)
        elif kind == b"M":
            missing[fields[1]] = max(missing.get(fields[1], 0), int(fields[0]))
        elif kind == b"X":
            executed[Executed(fields[0], fields[1], tuple(filter(None, fields[2].split("\n"))))] = None
        elif kind == b"N":
            notes[fields[0]] = None
        else:
            failure = fields[0]
    sets = {bits: frozenset(name for bit, name in _BITS.items() if bits & bit) for bits in set(paths.values())}
    return Log(
        paths={path: sets[bits] for path, bits in paths.items()},
        missing=missing,
        executed=tuple(executed),
        notes=tuple(notes),
        failure=failure,
        beat=beat / 1e9,
        events=events,
        lost=lost,
        full=full,
        started=started,
    )


def _records(data: bytes, where: str | None) -> list[tuple[bytes, list[str]]]:
    parts = data[_HEADER.size :].split(b"\0")
    parts.pop()  # what follows the last zero: nothing, or a record that was cut off
    records, at = [], 0
    while at < len(parts):
        kind = parts[at][:1]
        count = _FIELDS.get(kind)
        if count is None:
            raise InputError(f"the sensor's log is damaged: {parts[at][:40]!r} begins no record", where=where)
        if at + count > len(parts):
            break
        fields = [os.fsdecode(part) for part in (parts[at][1:], *parts[at + 1 : at + count])]
        records.append((kind, fields))
        at += count
    return records
