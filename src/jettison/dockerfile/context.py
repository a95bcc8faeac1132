"""The build context: `.dockerignore` after moby's patternmatcher, and what a build would send."""

from __future__ import annotations

import os
import posixpath
import re
from functools import cached_property
from typing import Any, NamedTuple

_BOM = "\ufeff"


class Pattern(NamedTuple):
    """One line of `.dockerignore`: cleaned text, whether `!` re-includes, and its compiled form."""

    text: str
    exclusion: bool
    regex: re.Pattern[str]
    line: int


def read_patterns(text: str) -> list[Pattern]:
    """The patterns of a `.dockerignore`, comments and blank lines dropped, paths cleaned as the builder does."""
    found = []
    for number, raw in enumerate(text.removeprefix(_BOM).splitlines(), 1):
        line = raw.strip()
        if not line or raw.startswith("#"):
            continue
        exclusion = line.startswith("!")
        line = line[1:].strip() if exclusion else line
        if not line:
            continue
        line = posixpath.normpath(line.replace(os.sep, "/")) if line != "/" else line
        line = line[1:] if len(line) > 1 and line.startswith("/") else line
        found.append(Pattern(line, exclusion, re.compile(_translate(line)), number))
    return found


def _translate(pattern: str) -> str:
    """A pattern as a regular expression: `**` any number of directories, `*` and `?` inside one name."""
    out, at = "^", 0
    while at < len(pattern):
        character = pattern[at]
        at += 1
        if character == "*":
            if pattern.startswith("*", at):
                at += 1
                if pattern.startswith("/", at):
                    at += 1
                out += ".*" if at >= len(pattern) else "(?:.*/)?"
            else:
                out += "[^/]*"
        elif character == "?":
            out += "[^/]"
        elif character == "\\" and at < len(pattern):
            out += re.escape(pattern[at])
            at += 1
        elif character == "[" and (end := pattern.find("]", at + 1)) > 0:
            body = pattern[at:end].replace("\\", "\\\\")
            out += f"[{'^' + body[1:] if body[:1] in '^!' else body}]"
            at = end + 1
        else:
            out += re.escape(character)
    return out + r"\Z"


def ignored(path: str, patterns: list[Pattern]) -> bool:
    """True when the last pattern that matches the path, or one of its parents, does not re-include it."""
    result = False
    parents = path.split("/")
    names = ["/".join(parents[:count]) for count in range(1, len(parents) + 1)]
    for pattern in patterns:
        if pattern.exclusion != result:
            continue
        if any(pattern.regex.match(name) for name in names):
            result = not pattern.exclusion
    return result


class Sent:
    """What a build would send: path to size in bytes, and their sum."""

    __slots__ = ("files",)

    def __init__(self) -> None:
        self.files: dict[str, int] = {}

    @property
    def size(self) -> int:
        """Bytes in all."""
        return sum(self.files.values())


class BuildContext:
    """A directory at hand, as the context of a build of `dockerfile` (a path, for `<name>.dockerignore`)."""

    def __init__(self, directory: str, dockerfile: str | None = None) -> None:
        self.directory = directory
        self.dockerfile = dockerfile
        self.memo: dict[str, Any] = {}
        """What rules worked out about it, for all Dockerfiles that share it."""

    @cached_property
    def ignore_file(self) -> str | None:
        """The `.dockerignore` that applies: the Dockerfile's own, else the one of the directory; None when absent."""
        candidates = [self.dockerfile + ".dockerignore"] if self.dockerfile else []
        candidates.append(os.path.join(self.directory, ".dockerignore"))
        return next((path for path in candidates if os.path.isfile(path)), None)

    @cached_property
    def patterns(self) -> list[Pattern]:
        """Its patterns, in order; empty when there is no file."""
        if self.ignore_file is None:
            return []
        with open(self.ignore_file, encoding="utf-8", errors="replace") as stream:
            return read_patterns(stream.read())

    def ignored(self, path: str) -> bool:
        """True when the builder would not send `path` (relative, `/` between names)."""
        return ignored(path, self.patterns)

    def exists(self, path: str) -> bool:
        """True when the directory holds that path."""
        return os.path.lexists(os.path.join(self.directory, path))

    @cached_property
    def sent(self) -> Sent:
        """Every file the builder would send. Reads the directory once; ignored trees are not entered needlessly."""
        sent = Sent()
        exceptions = any(pattern.exclusion for pattern in self.patterns)
        pending = [""]
        while pending:
            folder = pending.pop()
            try:
                entries = list(os.scandir(os.path.join(self.directory, folder)))
            except OSError:
                continue
            for entry in entries:
                path = f"{folder}/{entry.name}" if folder else entry.name
                skip = self.ignored(path)
                if entry.is_dir(follow_symlinks=False):
                    if not skip or exceptions:
                        pending.append(path)
                elif not skip:
                    try:
                        sent.files[path] = entry.stat(follow_symlinks=False).st_size
                    except OSError:
                        continue
        return sent
