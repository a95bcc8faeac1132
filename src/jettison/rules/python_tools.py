"""pipx, Poetry, uv and Pipenv: what they leave behind, and what they install that nobody runs."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from jettison.dockerfile.patterns import lazy
from jettison.dockerfile.style import insert_word, remove_word
from jettison.finding import Edit, Safety, Severity
from jettison.rules.engine.cleaning import (
    cache_mounted,
    clean_up,
    for_development,
    removed,
    ships,
    switched_on,
    variable,
)
from jettison.rules.engine.rule import CommandRule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jettison.dockerfile.shell import Command
    from jettison.finding import Finding
    from jettison.rules.engine.context import Context

POETRY_VALUES: Final = ("-C", "--directory", "-P", "--project", "--only", "--with", "--without", "-E", "--extras")
UV_VALUES: Final = (
    "--directory", "--project", "--config-file", "--cache-dir", "--python", "-p", "--extra", "--group", "--only-group",
    "--no-group", "--package", "--index-url", "-i", "--index", "--default-index", "--extra-index-url", "-r",
    "--requirement", "-c", "--constraint", "--link-mode", "--color", "--find-links", "-f", "--target", "--prefix",
)  # fmt: skip
_TESTS = lazy(rb"\b(?:pytest|tox|nox|ruff|mypy|flake8|pylint|pre-commit|unittest|manage\.py test)\b")


def _words(command: Command, values: tuple[str, ...]) -> list[str]:
    return [word.text or "" for word in command.operands(values)]


class PythonCacheKept(CommandRule):
    """The cache of pipx, Poetry or Pipenv stays in the layer.

    What it does: reports `pipx install`, `poetry install` (`add`, `update`) and `pipenv install` (`sync`) that keep
    their downloads, in a stage whose layers ship. Quiet under a cache mount, with the variable or option that switches
    the cache off, and where the same RUN deletes it.

    Why is this bad: every downloaded wheel is in the image a second time, packed.

    Use instead: mount a cache on `/root/.cache`, or delete it in the same RUN.

    Fix safety: safe, only downloads are removed. Of Poetry's directory `cache` and `artifacts` are deleted, not the
    virtual environments that lie beside them. None where the cache's place is configured.

    Sources: Poetry's `cache-dir`, Pipenv's `PIPENV_CACHE_DIR`, pip's documentation "Caching".
    """

    code = "PYT001"
    name = "python-tool-cache-kept"
    severity = Severity.INFO
    safety = Safety.SAFE
    commands = ("pipx", "poetry", "pipenv")
    bad = (
        "FROM python:3.12\nRUN poetry install --only main\n",
        "FROM python:3.12\nRUN pipx install black==24.1.0\n",
        "FROM python:3.12\nRUN pipenv install --system --deploy\n",
    )
    good = (
        """
        FROM python:3.12
        RUN poetry install --only main && rm -rf ~/.cache/pypoetry/cache ~/.cache/pypoetry/artifacts
        """,
        "FROM python:3.12\nRUN pipx install black==24.1.0 && rm -rf ~/.cache/pip\n",
        "FROM python:3.12\nRUN pipenv install --system --deploy && rm -rf ~/.cache/pipenv ~/.cache/pip\n",
        "FROM python:3.12\nRUN --mount=type=cache,target=/root/.cache poetry install\n",
        "FROM python:3.12\nRUN poetry install --no-cache\n",
        "FROM python:3.12\nENV PIP_NO_CACHE_DIR=1\nRUN pipx install black==24.1.0\n",
    )

    _PLACES: Final = {
        "pipx": (frozenset(("install", "inject", "upgrade")), b"rm -rf ~/.cache/pip"),
        "poetry": (
            frozenset(("install", "add", "update", "sync")),
            b"rm -rf ~/.cache/pypoetry/cache ~/.cache/pypoetry/artifacts",
        ),
        "pipenv": (frozenset(("install", "sync", "update")), b"rm -rf ~/.cache/pipenv ~/.cache/pip"),
    }
    _CACHE = lazy(rb"\.cache(?:/(?:pip|pypoetry|pipenv)|/?\*?['\"]?\Z)|(?i:poetry_?cache|cache_dir|pypoetry)")
    _MOUNT = lazy(r"(?:^|/)\.?cache(?:/(?:pip|pypoetry|pipenv).*)?$|pypoetry|poetry|pipenv|^/root$")

    def check(self, command: Command, context: Context) -> Iterator[Finding]:
        """At the subcommand, once for each tool and RUN: at its last use."""
        what, cleaning = self._PLACES[command.name or ""]
        words = command.operands(POETRY_VALUES)
        script = command.script
        if not words or words[0].text not in what or not ships(script):
            return
        if any(
            other.name == command.name and _words(other, POETRY_VALUES)[:1] and _words(other, POETRY_VALUES)[0] in what
            for other in script.commands[command.index + 1 :]
        ):
            return
        if command.has("--no-cache", "--dry-run", "--help") or "--no-cache-dir" in " ".join(map(str, command.words)):
            return
        if command.name != "poetry" and switched_on(command, "PIP_NO_CACHE_DIR"):
            return
        if cache_mounted(script.instruction, self._MOUNT) or removed(script, command, self._CACHE):
            return
        if any(
            other.name in ("poetry", "pipenv", "pip", "pip3") and self.cleans(other)
            for other in script.commands[command.index + 1 :]
        ):
            return
        elsewhere = variable(command, "POETRY_CACHE_DIR", "PIPENV_CACHE_DIR", "PIP_CACHE_DIR", "XDG_CACHE_HOME", "HOME")
        edit = clean_up(command, cleaning, tool=False) if elsewhere is None else None
        yield context.found(
            self, words[0], f"the cache of {command.name} stays in the layer",
            fix="delete the cache in the same RUN", edits=[edit],
        )  # fmt: skip

    def cleans(self, command: Command) -> bool:
        """`poetry cache clear`, `pipenv --clear`, `pip cache purge`."""
        words = _words(command, POETRY_VALUES)
        return words[:2] in (["cache", "clear"], ["cache", "purge"]) or command.has("--clear")


class UvCacheKept(CommandRule):
    """uv's cache stays in the layer.

    What it does: reports `uv sync`, `uv pip install`, `uv tool install` and `uv add` that keep uv's cache, in a stage
    whose layers ship. Quiet under a cache mount, with `--no-cache` or `UV_NO_CACHE`, and where the same RUN deletes it.

    Why is this bad: what uv links from its cache is stored once, but sources, wheels that were built, and index pages
    stay besides.

    Use instead: `--no-cache`, or mount a cache on `/root/.cache/uv`.

    Fix safety: safe, uv installs the same. None with `--link-mode` or `UV_LINK_MODE`, since links may point into the
    cache.

    Sources: uv's guide for Docker, "Caching".
    """

    code = "PYT002"
    name = "uv-cache-kept"
    severity = Severity.INFO
    safety = Safety.SAFE
    commands = ("uv",)
    bad = (
        "FROM python:3.12\nRUN uv sync --locked --no-dev\n",
        "FROM python:3.12\nRUN uv pip install --system requests\n",
    )
    good = (
        "FROM python:3.12\nRUN uv sync --no-cache --locked --no-dev\n",
        "FROM python:3.12\nRUN uv pip install --no-cache --system requests\n",
        "FROM python:3.12\nRUN --mount=type=cache,target=/root/.cache/uv uv sync --locked\n",
        "FROM python:3.12\nENV UV_NO_CACHE=1\nRUN uv sync --locked\n",
        "FROM python:3.12\nRUN uv sync --locked && uv cache clean\n",
    )

    _CACHE = lazy(rb"\.cache(?:/uv|/?\*?['\"]?\Z)|UV_CACHE_DIR")
    _MOUNT = lazy(r"(?:^|/)\.?cache(?:/uv.*)?$|\buv\b|^/root$")

    def check(self, command: Command, context: Context) -> Iterator[Finding]:
        """At the subcommand."""
        words = command.operands(UV_VALUES)
        names = [word.text or "" for word in words[:2]]
        if names[:1] in (["sync"], ["add"]):
            place = words[0]
        elif names in (["pip", "install"], ["pip", "sync"], ["tool", "install"]):
            place = words[1]
        else:
            return
        script = command.script
        if not ships(script) or cache_mounted(script.instruction, self._MOUNT) or command.has("--no-cache", "-n"):
            return
        if switched_on(command, "UV_NO_CACHE") or removed(script, command, self._CACHE) or command.has("--cache-dir"):
            return
        if variable(command, "UV_CACHE_DIR") is not None or any(
            other.subcommand() == "cache" for other in script.commands[command.index + 1 :] if other.name == "uv"
        ):
            return
        linked = command.has("--link-mode") or variable(command, "UV_LINK_MODE") is not None
        yield context.found(
            self, place, "uv's cache stays in the layer",
            fix="keep no cache, with --no-cache", edits=[None if linked else insert_word(place, b"--no-cache")],
        )  # fmt: skip


class PythonDevelopment(CommandRule):
    """Development dependencies are installed into an image that ships.

    What it does: reports `poetry install` without `--only main`, `--without dev` or `--no-dev`, `uv sync` without
    `--no-dev`, and `pipenv install --dev`, in a stage whose layers ship, whose name does not say that it is for
    development or tests, and in a file that runs no tests.

    Why is this bad: linters and test tools are in the image: more bytes, more to patch.

    Fix safety: unsafe. What was installed is not any more; something may have relied on it.

    Sources: Poetry's `install`, uv's guide for Docker, Pipenv's `install`.
    """

    code = "PYT003"
    name = "python-development-dependencies"
    severity = Severity.INFO
    safety = Safety.UNSAFE
    commands = ("poetry", "uv", "pipenv")
    bad = (
        "FROM python:3.12\nRUN poetry install --no-root --no-cache\n",
        "FROM python:3.12\nRUN uv sync --locked --no-cache\n",
        "FROM python:3.12\nRUN pipenv install --system --dev\n",
    )
    good = (
        "FROM python:3.12\nRUN poetry install --only main --no-root --no-cache\n",
        "FROM python:3.12\nRUN uv sync --no-dev --locked --no-cache\n",
        "FROM python:3.12\nRUN pipenv install --system\n",
        "FROM python:3.12 AS dev\nRUN poetry install\n",
        "FROM python:3.12\nRUN uv sync --locked && uv run pytest\n",
        "FROM python:3.12\nRUN poetry install --without dev,test\n",
    )

    def check(self, command: Command, context: Context) -> Iterator[Finding]:
        """At the subcommand or option."""
        stage = command.instruction.stage
        if not ships(command.script) or for_development(stage) or _TESTS.search(context.file.data):
            return
        words = command.operands(POETRY_VALUES if command.name == "poetry" else UV_VALUES)
        what = words[0].text if words else None
        message = "development dependencies are installed too"
        edit: Edit | None
        if command.name == "pipenv":
            place = command.option("--dev", "-d")
            if place is None or place.text not in ("--dev", "-d") or what not in ("install", "sync"):
                return
            edit = remove_word(command, place)
        elif command.name == "poetry":
            chosen: tuple[str, ...] = (
                "--only",
                "--without",
                "--no-dev",
                "--only-root",
                "--with",
                "--all-groups",
                "--help",
                "--dry-run",
            )
            if what != "install" or command.has(*chosen) or self.unknown(command):
                return
            if switched_on(command, "POETRY_WITHOUT", "POETRY_ONLY"):
                return
            place = words[0]
            # Poetry before 1.2 does not know --only.
            old = re.search(rb"poetry(?:==|_VERSION\W{1,3}v?)(?:0|1\.[01])\b", context.file.data, re.IGNORECASE)
            edit = insert_word(place, b"--no-dev" if old else b"--only main")
        else:
            chosen = (
                "--no-dev",
                "--only-dev",
                "--no-default-groups",
                "--dev",
                "--all-groups",
                "--group",
                "--only-group",
            )
            if what != "sync" or command.has(*chosen) or self.unknown(command):
                return
            if switched_on(command, "UV_NO_DEV") or variable(command, "UV_NO_DEFAULT_GROUPS") is not None:
                return
            place = words[0]
            edit = insert_word(place, b"--no-dev")
        yield context.found(self, place, message, fix="leave them out", edits=[edit])

    def unknown(self, command: Command) -> bool:
        """True when a variable may hold the option."""
        return any(word.text is None and word.raw.startswith((b"$", b'"$', b"`")) for word in command.arguments)
