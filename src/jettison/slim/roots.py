"""Where the closure starts: the configuration, the trace, and what somebody asked to keep."""

from __future__ import annotations

import os
import posixpath
from typing import TYPE_CHECKING

from jettison.slim.kept import NEEDED, SEEN, SPARE, Need
from jettison.slim.shellwords import programs
from jettison.slim.view import USES, below

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from jettison.slim.view import View

_CERTIFICATES = (b"etc/ssl/certs", b"etc/pki/")
_SHELLS = frozenset({"sh", "bash", "dash", "ash", "ksh", "zsh", "busybox"})


def roots(view: View, asked: Collection[bytes] = (), missed: Collection[bytes] = ()) -> Iterator[Need]:
    """All roots; `asked` are the paths that `--keep` matched, `missed` those that a run of a result missed."""
    yield from configured(view)
    yield from traced(view)
    for path in sorted(asked):
        yield Need(path, "asked for with --keep")
    for path in sorted(missed):
        yield Need(path, "an earlier result missed it")


def configured(view: View) -> Iterator[Need]:
    """What the configuration names: programs, the files among their arguments, the working directory, volumes."""
    container = view.container
    entrypoint, command = _words(container.entrypoint), _words(container.cmd)
    yield from _command(view, [*entrypoint, *command], "the configuration's command")
    if entrypoint and command:
        yield from _command(view, command, "the configuration's command", optional=True)
    test = container.healthcheck.test if container.healthcheck is not None else None
    if test and test[0] == "CMD":
        yield from _command(view, test[1:], "the HEALTHCHECK")
    elif test and test[0] == "CMD-SHELL":
        yield from _command(view, [*(container.shell or ["/bin/sh", "-c"]), *test[1:]], "the HEALTHCHECK")
    if view.workdir:
        yield Need(view.workdir, "the working directory")
    for volume in sorted(container.volumes or ()):
        path = os.fsencode(volume.strip("/"))
        yield Need(path, "a volume")
        directory = view.directory(path)
        for node in below(directory) if directory is not None and directory.parent is not None else ():
            yield Need(node.entry.path, "what a new volume starts with", path, SPARE)


def _words(value: list[str] | str | None) -> list[str]:
    return [value] if isinstance(value, str) else list(value or ())


def _command(view: View, words: Sequence[str], why: str, *, optional: bool = False) -> Iterator[Need]:
    """The program, what its arguments name, and, of a shell's `-c`, the programs in the code."""
    if not words:
        return
    program = view.program(words[0])
    if program is not None:
        yield Need(program, why)
    elif not optional:
        yield Need(os.fsencode(words[0].strip("/")), why)
    base = words[0].rpartition("/")[2]
    for word in words[1:]:
        path = posixpath.normpath(posixpath.join("/" + os.fsdecode(view.workdir), word)).lstrip("/")
        if path and not word.startswith("-") and view.file(os.fsencode(path)) is not None:
            yield Need(os.fsencode(path), f"an argument of {why}")
    if base in _SHELLS and "-c" in words[1:]:
        code = words[words.index("-c") + 1 :]
        for name in programs(os.fsencode(code[0])) if code else ():
            found = view.program(name)
            if found is not None:
                yield Need(found, f"{why} runs it")


def traced(view: View) -> Iterator[Need]:
    """What was touched while the image ran: used, or only looked at."""
    for name, accesses in sorted(view.trace.paths.items()):
        path = os.fsencode(name.strip("/"))
        used = sorted(USES & set(accesses))
        words = used or sorted(accesses)
        yield Need(path, f"traced: {', '.join(words)}", None, NEEDED if used else SEEN)
        if "dir" in accesses:
            yield from _listed(view, path)
    for ran in view.trace.executed:
        for name in (ran.path, *ran.interpreters):
            yield Need(os.fsencode(name.strip("/")), "traced: exec")


def _listed(view: View, path: bytes) -> Iterator[Need]:
    """The files of a configuration directory that a program listed: it may take them one by one some other time."""
    directory = view.directory(path)
    if directory is None or not directory.entry.path.startswith(b"etc/"):
        return
    if directory.entry.path.startswith(_CERTIFICATES):
        return  # the bundle holds the same ones
    for child in (directory.children or {}).values():
        if child.children is None:
            yield Need(child.entry.path, "traced: its directory was listed", directory.entry.path, SPARE)
