"""ShellCheck's findings for the scripts of RUN, through the real program (extra `jettison[shellcheck]`).

Many scripts are checked by one process, each text once a run. A script gets a first line that names its shell and
exports the variables that ARG and ENV may define, as far as it uses them. Positions are mapped back through
continuations, comments and heredocs. What hadolint leaves out is left out here: SC1090, SC1091, SC2187.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from typing import TYPE_CHECKING, Any, Final

from jettison.dockerfile.patterns import lazy
from jettison.errors import InputError, UsageError
from jettison.finding import Finding, Severity, Span

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from jettison.dockerfile.shell import Script
    from jettison.dockerfile.tree import Dockerfile

EXCLUDED: Final = "SC1090,SC1091,SC2187,SC2148,SC1008"
BATCH: Final = 400
"""Scripts a process."""
_LEVELS: Final = {
    "error": Severity.ERROR,
    "warning": Severity.WARNING,
    "info": Severity.INFO,
    "style": Severity.STYLE,
}
_SHELLS: Final = {"bash": "bash", "dash": "dash", "ash": "dash", "sh": "sh", "ksh": "ksh", "busybox": "dash"}
_NAME: Final = lazy(rb"\$\{?[!#]?([A-Za-z_]\w*)")


def program() -> str:
    """The ShellCheck program: the one installed beside this Python, else the first on PATH. Raises `UsageError`."""
    beside = os.path.join(os.path.dirname(sys.executable), "shellcheck")
    found = beside if os.access(beside, os.X_OK) else shutil.which("shellcheck")
    if found is None:
        raise UsageError("ShellCheck is not installed", hint="pip install 'jettison[shellcheck]'")
    return found


class ShellCheck:
    """Checks the scripts of Dockerfiles, remembering every text it has seen in this run."""

    def __init__(self) -> None:
        self._program = program()
        self._known: dict[bytes, list[dict[str, Any]]] = {}

    def check(self, files: Sequence[Dockerfile]) -> list[list[Finding]]:
        """For each file its findings, in order. Raises `InputError` when the program fails."""
        scripts = [[(script, _source(script)) for script in _scripts(file)] for file in files]
        missing = {text for rows in scripts for _, text in rows if text is not None} - self._known.keys()
        todo = sorted(missing)
        for start in range(0, len(todo), BATCH):
            self._run(todo[start : start + BATCH])
        return [
            [finding for script, text in rows if text is not None for finding in _findings(script, self._known[text])]
            for rows in scripts
        ]

    def _run(self, texts: Sequence[bytes]) -> None:
        with tempfile.TemporaryDirectory(prefix="jettison-") as folder:
            names = []
            for number, text in enumerate(texts):
                names.append(str(number))
                with open(os.path.join(folder, names[-1]), "wb") as file:
                    file.write(text)
            command = [self._program, "--format=json1", "--norc", f"--exclude={EXCLUDED}", *names]
            done = subprocess.run(command, cwd=folder, capture_output=True, stdin=subprocess.DEVNULL, check=False)
        if done.returncode not in (0, 1):
            raise InputError(f"ShellCheck failed: {done.stderr.decode('utf-8', 'replace').strip()[:300]}")
        for text in texts:
            self._known[text] = []
        for comment in json.loads(done.stdout).get("comments", []):
            self._known[texts[int(comment["file"])]].append(comment)


def _scripts(file: Dockerfile) -> Iterable[Script]:
    for instruction in file.instructions:
        for place in (instruction, instruction.inner):
            if place is not None and place.kind == "RUN":
                yield from (s for s in place.scripts if not s.opaque and not s.exec_form)


def _source(script: Script) -> bytes | None:
    """What ShellCheck is given: the shell, the exports, and the text; None for a shell it does not know."""
    shell = _SHELLS.get(script.shell.program or script.shell.name or "sh")
    if shell is None or not script.text.strip() or script.text.startswith(b"#!"):
        return None
    used = {name.decode() for name in _NAME.findall(script.text)}
    defined = used & set(script.instruction.file.variables(script.instruction))
    exports = "export " + " ".join(f"{name}=1" for name in sorted(defined)) if defined else ":"
    return f"#!/bin/{shell}\n{exports}\n".encode() + script.text + b"\n"


def _findings(script: Script, comments: Iterable[dict[str, Any]]) -> Iterable[Finding]:
    starts = [0, *(match.end() for match in re.finditer(rb"\n", script.text))]
    for comment in comments:
        first = _offset(script.text, starts, comment["line"] - 2, comment["column"])
        last = max(first + 1, _offset(script.text, starts, comment["endLine"] - 2, comment["endColumn"]))
        if comment["line"] <= 2:
            continue
        span = script.logical.span(first, min(last, len(script.text)))
        location = script.instruction.file.source.location(Span(span.start, span.end))
        severity = _LEVELS.get(comment["level"], Severity.INFO)
        yield Finding(f"SC{comment['code']}", " ".join(comment["message"].split()), severity, location)


def _offset(text: bytes, starts: Sequence[int], line: int, column: int) -> int:
    """The byte of a 1-based line and column (in characters) of the script."""
    if not 1 <= line <= len(starts):
        return len(text)
    start = starts[line - 1]
    head = text[start : start + 4 * column].decode("utf-8", "replace")[: column - 1]
    return min(len(text), start + len(head.encode("utf-8", "replace")))
