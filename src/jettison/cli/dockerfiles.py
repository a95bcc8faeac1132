"""Finding Dockerfiles: in directories, in compose and bake files, on stdin; reading and writing them."""

from __future__ import annotations

import contextlib
import fnmatch
import os
import re
import stat
import sys
from typing import TYPE_CHECKING, Any

from jettison.dockerfile.patterns import lazy
from jettison.errors import InputError, NotFound

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from jettison.dockerfile.context import BuildContext

NAME = lazy(r"(?i)(?:dockerfile|containerfile)(?:[._-].*)?|.+[._-](?:dockerfile|containerfile)")
_NOT = lazy(r"(?i).*\.(?:dockerignore|containerignore|md|txt|rst|py|go|js|ts|json|ya?ml|sh|orig|rej|bak|swp|tmpl|html)")
_SKIPPED = frozenset({".git", ".hg", ".svn", "node_modules", ".venv", "venv", "__pycache__", ".tox", ".mypy_cache"})
COMPOSE = lazy(r"(?i)(?:docker-)?compose(?:[._-].*)?\.ya?ml")
BAKE = lazy(r"(?i)docker-bake(?:\..*)?\.(?:hcl|json)")
_NAMING = (".yml", ".yaml", ".hcl", ".json")
_CONTEXTS = 16
"""Build contexts that are remembered: files come directory by directory."""
MOST = 64 << 20
"""The largest file that is read, in bytes."""


_Contexts = dict[tuple[str, "str | None"], "BuildContext"]


class Found:
    """One Dockerfile: its path (None for stdin), what it is called in messages, and its build context's directory.

    `contexts` are those of the run, so that files side by side share one.
    """

    __slots__ = ("contexts", "directory", "path", "shown")

    def __init__(self, path: str | None, shown: str, directory: str | None = None) -> None:
        self.path = path
        self.shown = shown
        self.directory = directory
        self.contexts: _Contexts = {}

    def read(self) -> bytes:
        """Its bytes. Raises `InputError` for what cannot be read or is no text."""
        if self.path is None:
            data = sys.stdin.buffer.read()
        else:
            try:
                # A pipe without a writer must not keep the run waiting.
                with open(self.path, "rb", opener=lambda path, flags: os.open(path, flags | os.O_NONBLOCK)) as file:
                    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                        raise InputError("is not a regular file", where=self.shown)
                    data = file.read(MOST + 1)
            except FileNotFoundError:
                raise NotFound("there is no such file", where=self.shown) from None
            except OSError as error:
                raise InputError(f"cannot be read: {error.strerror}", where=self.shown) from None
        if len(data) > MOST:
            raise InputError(f"has more than {MOST:,} bytes; that is no Dockerfile", where=self.shown)
        if b"\0" in data:
            offset = data.index(b"\0")
            raise InputError(f"is binary (a NUL byte at {offset:,}); a Dockerfile is text", where=self.shown)
        return data

    def context(self) -> BuildContext | None:
        """Its build context: the directory that compose or bake names, else the one it stands in."""
        from jettison.dockerfile.context import BuildContext

        if self.path is None:
            return None
        directory = self.directory or os.path.dirname(self.path) or "."
        context = BuildContext(directory, self.path)
        key = directory, context.ignore_file
        if key not in self.contexts and len(self.contexts) == _CONTEXTS:
            del self.contexts[next(iter(self.contexts))]
        return self.contexts.setdefault(key, context)

    def write(self, data: bytes) -> None:
        """Replace the file in one step, keeping mode and owner; a link's target is replaced, not the link."""
        import tempfile

        target = os.path.realpath(self.path or "")
        try:
            status = os.stat(target)
            descriptor, temporary = tempfile.mkstemp(dir=os.path.dirname(target), prefix=".jettison-")
            try:
                with os.fdopen(descriptor, "wb") as file:
                    file.write(data)
                    with contextlib.suppress(PermissionError):
                        os.fchown(file.fileno(), status.st_uid, status.st_gid)
                    os.fchmod(file.fileno(), stat.S_IMODE(status.st_mode))  # last, for fchown takes set-user-ID away
                    os.fsync(file.fileno())
                os.replace(temporary, target)
            except BaseException:
                with contextlib.suppress(OSError):
                    os.unlink(temporary)
                raise
        except OSError as error:
            raise InputError(f"cannot be written: {error.strerror}; left as it was", where=self.shown) from None


def find(paths: Sequence[str], *, stdin_name: str = "-", exclude: Sequence[str] = ()) -> Iterator[Found | InputError]:
    """The Dockerfiles that `paths` mean, each once, in the order given. What cannot be read comes as its error."""
    seen: set[str] = set()
    contexts: _Contexts = {}
    for path in paths:
        for found in _expand(path, stdin_name, exclude):
            if isinstance(found, Found):
                key = os.path.realpath(found.path) if found.path else None
                if key in seen:
                    continue
                if key is not None:
                    seen.add(key)
                found.contexts = contexts
            yield found


def _expand(path: str, stdin_name: str, exclude: Sequence[str]) -> Iterator[Found | InputError]:
    if path == "-":
        yield Found(None, stdin_name)
    elif os.path.isdir(path):
        yield from _below(path, exclude)
    elif path.lower().endswith(_NAMING) and any(form.fullmatch(os.path.basename(path)) for form in (COMPOSE, BAKE)):
        try:
            yield from named_in(path)
        except InputError as error:
            yield error
    else:
        yield Found(path, path)


def _below(root: str, exclude: Sequence[str]) -> Iterator[Found | InputError]:
    """All Dockerfiles below a directory, sorted; .gitignore files on the way down are respected."""
    stack: list[tuple[str, list[_Ignored]]] = [(root, _parents(root))]
    while stack:
        directory, ignored = stack.pop()
        try:
            entries = sorted(os.scandir(directory), key=lambda entry: entry.name)
        except OSError as error:
            yield InputError(f"cannot be read: {error.strerror}", where=directory)
            continue
        if any(entry.name == ".gitignore" for entry in entries):
            ignored = [*ignored, *_gitignore(directory)]
        below: list[tuple[str, list[_Ignored]]] = []
        for entry in entries:
            shown = os.path.normpath(entry.path)
            if any(fnmatch.fnmatch(shown, glob) or fnmatch.fnmatch(entry.name, glob) for glob in exclude):
                continue
            is_directory = entry.is_dir(follow_symlinks=False)
            if any(spec.covers(entry.path, is_directory) for spec in ignored):
                continue
            if is_directory:
                if entry.name not in _SKIPPED:
                    below.append((entry.path, ignored))
            elif NAME.fullmatch(entry.name) and not _NOT.fullmatch(entry.name):
                try:
                    regular = entry.is_file()
                except OSError as error:  # links that go round in circles
                    yield InputError(f"cannot be read: {error.strerror}", where=shown)
                    continue
                if regular:
                    yield Found(entry.path, shown)
        stack.extend(reversed(below))


class _Ignored:
    """One .gitignore: the directory it stands in, and its patterns."""

    def __init__(self, directory: str, lines: list[str]) -> None:
        import pathspec

        self.directory = os.path.abspath(directory)
        self.spec = pathspec.GitIgnoreSpec.from_lines(lines)

    def covers(self, path: str, is_directory: bool) -> bool:
        relative = os.path.relpath(os.path.abspath(path), self.directory)
        return self.spec.match_file(relative + "/" if is_directory else relative)


def _gitignore(directory: str) -> list[_Ignored]:
    try:
        with open(os.path.join(directory, ".gitignore"), encoding="utf-8", errors="replace") as file:
            return [_Ignored(directory, file.read().splitlines())]
    except (OSError, ValueError):
        return []


def _parents(root: str) -> list[_Ignored]:
    """The .gitignore files above `root`, up to the repository's top; none outside a repository."""
    found: list[_Ignored] = []
    directory = os.path.abspath(root)
    if os.path.isdir(os.path.join(directory, ".git")):
        return found
    while (parent := os.path.dirname(directory)) != directory:
        found = [*_gitignore(parent), *found]
        if os.path.exists(os.path.join(parent, ".git")):
            return found
        directory = parent
    return []


def named_in(path: str) -> list[Found]:
    """The Dockerfiles that a compose or bake file builds from. Raises `InputError`."""
    try:
        with open(path, encoding="utf-8") as file:
            text = file.read()
    except FileNotFoundError:
        raise NotFound("there is no such file", where=path) from None
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot be read: {error}", where=path) from None
    pairs = _bake_hcl(text) if path.endswith(".hcl") else _builds(_document(text, path))
    home = os.path.dirname(path)
    found: list[Found] = []
    for context, dockerfile in pairs:
        if "://" in context or "$" in context + dockerfile:
            continue  # built elsewhere, or known only at build time
        directory = os.path.join(home, context)
        file_path = dockerfile if os.path.isabs(dockerfile) else os.path.join(directory, dockerfile)
        found.append(Found(file_path, os.path.normpath(file_path), directory))
    return found


def _document(text: str, path: str) -> Any:
    import yaml

    try:
        return yaml.safe_load(text)  # JSON is YAML too
    except (yaml.YAMLError, RecursionError) as error:
        raise InputError(f"is not YAML: {' '.join(str(error).split())}", where=path) from None


def _builds(document: Any) -> Iterator[tuple[str, str]]:
    """(context, dockerfile) of every service of a compose file, or every target of a bake file."""
    tables = document if isinstance(document, dict) else {}
    for service in (tables.get("services") or {}).values() if isinstance(tables.get("services"), dict) else ():
        build = service.get("build") if isinstance(service, dict) else None
        if isinstance(build, str):
            yield build, "Dockerfile"
        elif isinstance(build, dict) and "dockerfile_inline" not in build:
            yield str(build.get("context", ".")), str(build.get("dockerfile", "Dockerfile"))
    for target in (tables.get("target") or {}).values() if isinstance(tables.get("target"), dict) else ():
        if isinstance(target, dict) and "dockerfile-inline" not in target:
            yield str(target.get("context", ".")), str(target.get("dockerfile", "Dockerfile"))


_TARGET = lazy(r'^target\s+"[^"]*"\s*\{(.*?)^\}', re.MULTILINE | re.DOTALL)
_SETTING = lazy(r'^\s*(context|dockerfile)\s*=\s*"([^"]*)"', re.MULTILINE)


def _bake_hcl(text: str) -> Iterator[tuple[str, str]]:
    for block in _TARGET.findall(text):
        settings = dict(_SETTING.findall(block))
        if settings or "inherits" not in block:
            yield settings.get("context", "."), settings.get("dockerfile", "Dockerfile")
