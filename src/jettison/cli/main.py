"""`jettison COMMAND …`: finds the command's module, runs it, and turns errors into one line and an exit status.

A command module's docstring is its help; it has `configure(parser)` and `run(arguments) -> int`, and imports what is
heavy inside `run`. Results go to stdout, everything else to stderr.
"""

from __future__ import annotations

import argparse
import gc
import importlib
import os
import sys
from typing import TYPE_CHECKING, Protocol, cast

from jettison import __version__, cli, discovery
from jettison.errors import JettisonError

if TYPE_CHECKING:
    from collections.abc import Sequence


class Command(Protocol):
    """A command module."""

    __doc__: str | None

    def configure(self, parser: argparse.ArgumentParser) -> None:
        """Declare the command's arguments."""

    def run(self, arguments: argparse.Namespace) -> int:
        """Do it; the exit status."""


def commands() -> list[str]:
    """The names of all commands."""
    return [name for name in discovery.modules(cli) if name not in ("main", *_PARTS)]


_PARTS = (
    "budgets",
    "config",
    "dockerfiles",
    "hadolint",
    "images",
    "lint_settings",
    "printing",
    "progress",
    "remembered",
    "squeeze_index",
)
"""Modules of this folder that commands share and that are no commands."""


def load(name: str) -> Command:
    """The module of a command."""
    return cast("Command", importlib.import_module(f"{cli.__name__}.{name}"))


class _Help(argparse.RawDescriptionHelpFormatter):
    """Spares every run the modules argparse would ask for the width of a help that is not shown."""

    def __init__(self, prog: str) -> None:
        try:
            width = int(os.environ.get("COLUMNS", 0)) or os.get_terminal_size(1).columns
        except (OSError, ValueError):
            width = 80
        super().__init__(prog, width=width - 2)


def _parser_of(name: str) -> tuple[argparse.ArgumentParser, Command]:
    command = load(name)
    text = (command.__doc__ or "").strip()
    parser = argparse.ArgumentParser(prog=f"jettison {name}", description=text, formatter_class=_Help)
    parser.add_argument("-q", "--quiet", action="store_true", help="no progress and no notes on stderr")
    parser.add_argument("-v", "--verbose", action="store_true", help="more on stderr; a traceback for internal errors")
    command.configure(parser)
    return parser, command


def _overview() -> str:
    lines = [
        "usage: jettison COMMAND …",
        "",
        "Makes container images light, and proves that nothing needed went overboard.",
        "",
    ]
    for name in commands():
        first = (load(name).__doc__ or "").strip().partition("\n")[0]
        lines.append(f"  {name:<10} {first}")
    lines += ["", "jettison COMMAND --help tells more. Exit status: 0 clean, 1 findings, 2 usage, 3 nothing to check,"]
    lines += ["4 an input could not be read, 5 not assessed."]
    return "\n".join(lines)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; the exit status."""
    words = list(sys.argv[1:] if argv is None else argv)
    try:
        return _dispatch(words)
    except JettisonError as error:
        print_error(error)
        return error.exit_code
    except KeyboardInterrupt:
        print("jettison: interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:
        devnull = os.open(os.devnull, os.O_WRONLY)
        os.dup2(devnull, sys.stdout.fileno())
        return 0
    except Exception as error:
        if "-v" in words or "--verbose" in words:
            raise
        print(f"jettison: internal error: {type(error).__name__}: {error}", file=sys.stderr)
        print("  this is a bug in jettison; run again with --verbose and report the traceback", file=sys.stderr)
        return 70


def _dispatch(words: list[str]) -> int:
    if not words or words[0] in ("-h", "--help", "help"):
        print(_overview())
        return 0 if words else 2
    if words[0] in ("-V", "--version", "version"):
        print(f"jettison {__version__}")
        return 0
    if words[0] not in commands():
        import difflib

        near = difflib.get_close_matches(words[0], commands(), 1)
        hint = f"did you mean {near[0]}?" if near else "jettison --help lists the commands"
        print(f"jettison: there is no command {words[0]!r}; {hint}", file=sys.stderr)
        return 2
    gc.disable()  # nothing that a start makes is garbage
    try:
        parser, command = _parser_of(words[0])
        arguments = parser.parse_args(words[1:])
    finally:
        gc.enable()
    status = command.run(arguments)
    sys.stdout.flush()
    return status


def print_error(error: JettisonError) -> None:
    """One error on stderr: what, where, and what to do."""
    print(f"jettison: error: {error}", file=sys.stderr)
    if error.hint:
        print(f"  {error.hint}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
