"""Cargo: what it leaves behind, and builds without optimisation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from jettison.dockerfile.patterns import lazy
from jettison.dockerfile.style import insert_word
from jettison.finding import Safety, Severity
from jettison.rules.engine.cleaning import cache_mounted, clean_up, for_development, later_mentions, removed, ships
from jettison.rules.engine.rule import CommandRule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jettison.dockerfile.shell import Command
    from jettison.finding import Finding
    from jettison.rules.engine.context import Context

VALUES: Final = (
    "--manifest-path", "--target", "--target-dir", "--features", "-F", "-p", "--package", "--bin", "--profile", "-j",
    "--jobs", "--color", "--config", "-Z", "--version", "--git", "--rev", "--tag", "--branch", "--path", "--root",
)  # fmt: skip
"""Options of cargo whose value is the next word."""


class RegistryKept(CommandRule):
    """Cargo's registry stays in an image that ships.

    What it does: reports `cargo build`, `cargo install` and `cargo fetch` in a stage whose layers ship, when the RUN
    does not delete the registry afterwards and none is mounted. Once a RUN.

    Why is this bad: archives and sources of all crates are in the image.

    Use instead: build in a stage of its own, and copy the binary; or mount a cache on `/usr/local/cargo/registry`.

    Fix safety: shown only. The next build in the image fetches everything again.

    Sources: The Cargo Book, "Cargo Home".
    """

    code = "CARGO001"
    name = "cargo-registry-kept"
    severity = Severity.INFO
    safety = Safety.DISPLAY
    commands = ("cargo",)
    bad = "FROM rust:1.82\nRUN cargo install ripgrep\n"
    good = (
        'FROM rust:1.82\nRUN cargo install ripgrep && rm -rf "$CARGO_HOME/registry"\n',
        "FROM rust:1.82\nRUN --mount=type=cache,target=/usr/local/cargo/registry cargo install ripgrep\n",
        "FROM rust:1.82 AS build\nRUN cargo install ripgrep\nFROM debian:12\nCOPY --from=build /a /a\n",
    )

    _CACHE = lazy(rb"registry|\.cargo|CARGO_HOME|/cargo")
    _MOUNT = lazy(r"cargo|^/root$")

    def check(self, command: Command, context: Context) -> Iterator[Finding]:
        """At the subcommand of the last build."""
        script = command.script
        words = [word for word in command.operands(VALUES) if not (word.text or "").startswith("+")]
        if not words or words[0].text not in ("build", "b", "install", "fetch") or not ships(script):
            return
        if any(other.name in ("cargo", "cargo-cache") for other in script.commands[command.index + 1 :]):
            return
        if removed(script, command, self._CACHE) or cache_mounted(script.instruction, self._MOUNT):
            return
        edit = None
        if b"CARGO_HOME" in context.file.data and not later_mentions(script.instruction, (b"cargo", b"make")):
            edit = clean_up(command, b'rm -rf "$CARGO_HOME/registry"', tool=False)
        yield context.found(
            self, words[0], "Cargo's registry stays in the layer", fix="delete it in the same RUN", edits=[edit]
        )


class NotRelease(CommandRule):
    """A Rust program is built without optimisation.

    What it does: reports `cargo build` without `--release` or `--profile`, in stages whose name does not say
    development or test, and in files that do not name `target/debug`.

    Why is this bad: the binary is many times larger and slower, and full of debug data.

    Fix safety: shown only. The binary is then found in `target/release`.

    Sources: The Cargo Book, "Profiles".
    """

    code = "CARGO002"
    name = "cargo-not-release"
    severity = Severity.INFO
    safety = Safety.DISPLAY
    commands = ("cargo",)
    bad = "FROM rust:1.82\nCOPY . .\nRUN cargo build\n"
    good = (
        "FROM rust:1.82\nCOPY . .\nRUN cargo build --release\n",
        "FROM rust:1.82 AS test\nCOPY . .\nRUN cargo build && cargo test\n",
    )

    def check(self, command: Command, context: Context) -> Iterator[Finding]:
        """At `build`."""
        words = [word for word in command.operands(VALUES) if not (word.text or "").startswith("+")]
        if not words or words[0].text not in ("build", "b") or command.has("--release", "-r", "--profile"):
            return
        data = context.file.data
        if for_development(command.instruction.stage) or b"/debug" in data or b"cargo test" in data:
            return
        if any(command.resolve(word) is None for word in command.arguments):
            return
        yield context.found(
            self, words[0], "the build is not optimised",
            fix="build with --release", edits=[insert_word(words[0], b"--release")],
        )  # fmt: skip
