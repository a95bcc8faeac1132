"""RubyGems and Bundler: what they leave behind, and how they are called."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from jettison.dockerfile.patterns import lazy
from jettison.dockerfile.style import insert_word
from jettison.finding import Safety, Severity
from jettison.rules.engine.cleaning import cache_mounted, for_development, removed, ships, variable
from jettison.rules.engine.rule import CommandRule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jettison.dockerfile.shell import Command
    from jettison.finding import Finding
    from jettison.rules.engine.context import Context

VALUES: Final = (
    "-v", "--version", "-i", "--install-dir", "-n", "--bindir", "-s", "--source", "--platform", "-P", "--trust-policy",
    "-g", "--file", "-j", "--jobs", "--jobs", "--retry", "--path", "--without", "--with", "--gemfile", "--build-root",
    "-p", "--http-proxy",
)  # fmt: skip
"""Options of gem and bundle whose value is the next word."""

_CACHE = lazy(rb"/cache(?:/|['\"]|\Z)|cache/\*|\.gem\b|\.bundle")
_MOUNT = lazy(r"gem|bundle|ruby|cache")


class VersionsNotPinned(CommandRule):
    """Gems are installed in whatever version the index has today.

    What it does: reports `gem install NAME` without a version (`-v 1.2`, `name:1.2`). Local `.gem` files and words
    whose value is not known are left out.

    Why is this bad: two builds of the same Dockerfile may install different versions.

    Off by default: no fix can know the version.

    Fix safety: report only.

    Where hadolint differs: it reports local `.gem` files, and does not see gem behind a path.

    Sources: hadolint DL3028.
    """

    code = "GEM001"
    name = "gem-versions-not-pinned"
    aliases = ("DL3028",)
    default = False
    commands = ("gem",)
    bad = "FROM ruby:3.3\nRUN gem install rake bundler\n"
    good = "FROM ruby:3.3\nRUN gem install rake:13.2.1 && gem install -v 2.5.0 bundler && gem install ./a.gem $GEMS\n"

    def check(self, command: Command, context: Context) -> Iterator[Finding]:
        """One finding for a command, at the first gem without a version."""
        words = command.operands(VALUES)
        if not words or words[0].text not in ("install", "i") or command.has("-v", "--version", "-g", "--file"):
            return
        loose = [
            (word, name)
            for word in words[1:]
            for name in (command.resolve(word) or "").split()
            if not re.search(r"[:/]|\.gem$|^-", name)
        ]
        if loose:
            names = ", ".join(name for _, name in loose[:5]) + (", ..." if len(loose) > 5 else "")
            yield context.found(self, loose[0][0], f"no version is given for {names}")


class DocumentsInstalled(CommandRule):
    """Gems are installed with their documentation.

    What it does: reports `gem install` without `--no-document` (or the older `--no-ri --no-rdoc`), in a stage whose
    layers ship. Quiet on the official Ruby images, which configure it, and in files that write a `gemrc`.

    Why is this bad: generating documentation takes time, and nobody reads it in an image.

    Fix safety: unsafe, since files are missing afterwards, and RubyGems before 2.0 does not know the option.

    Sources: `gem install --help`; the gemrc of the official Ruby images.
    """

    code = "GEM002"
    name = "gem-documents-installed"
    severity = Severity.INFO
    safety = Safety.UNSAFE
    commands = ("gem",)
    bad = "FROM debian:12\nRUN gem install rake\n"
    good = (
        "FROM debian:12\nRUN gem install --no-document rake\n",
        "FROM ruby:3.3\nRUN gem install rake\n",
        "FROM debian:12\nRUN echo 'gem: --no-document' > /etc/gemrc && gem install rake\n",
        "FROM debian:12\nRUN gem install rake -N\n",
    )

    def check(self, command: Command, context: Context) -> Iterator[Finding]:
        """At `install`."""
        words = command.operands(VALUES)
        if not words or words[0].text not in ("install", "i", "update") or not ships(command.script):
            return
        if command.has("--no-document", "-N", "--no-ri", "--no-rdoc", "--document", "--no-doc"):
            return
        stage = command.instruction.stage
        if stage is not None and re.match(r"(?:docker\.io/|library/)*(?:ruby|jruby)(?:[:@]|\Z)", stage.root.base or ""):
            return
        if b"gemrc" in context.file.data or any(word.text is None for word in command.arguments):
            return
        yield context.found(
            self, words[0], "documentation is installed too",
            fix="leave it out, with --no-document",
            edits=[None if command.script.exec_form else insert_word(words[0], b"--no-document")],
        )  # fmt: skip


class CacheKept(CommandRule):
    """Downloaded gems stay in the layer.

    What it does: reports `gem install` and `bundle install` in a stage whose layers ship, when the RUN deletes no cache
    afterwards and none is mounted. Once for each tool and RUN.

    Why is this bad: every gem is in the image as an archive beside its files.

    Use instead: `rm -rf /usr/local/bundle/cache/*.gem` (on the official images; `gem env gemdir` tells where) in the
    same RUN.

    Fix safety: report only; where the cache lies depends on the Ruby that is installed.

    Sources: `gem environment`, the Dockerfile that `rails new` writes.
    """

    code = "GEM003"
    name = "gem-cache-kept"
    severity = Severity.INFO
    commands = ("gem", "bundle", "bundler")
    bad = "FROM ruby:3.3\nCOPY Gemfile Gemfile.lock ./\nRUN bundle install\n"
    good = """
    FROM ruby:3.3
    COPY Gemfile Gemfile.lock ./
    RUN bundle install && rm -rf ~/.bundle/ "${BUNDLE_PATH}"/ruby/*/cache
    """

    def check(self, command: Command, context: Context) -> Iterator[Finding]:
        """At the subcommand of the last install."""
        script = command.script
        words = command.operands(VALUES)
        what = words[0].text if words else ("install" if command.name != "gem" and len(command.words) == 1 else None)
        if what not in ("install", "i") or not ships(script):
            return
        if any(other.name == command.name for other in script.commands[command.index + 1 :] if other.has("install")):
            return
        if removed(script, command, _CACHE) or cache_mounted(script.instruction, _MOUNT):
            return
        for other in script.commands[command.index + 1 :]:
            texts = [word.text for word in other.operands(VALUES)[:1]]
            if other.name == command.name and (texts in (["install"], ["i"]) or texts in (["clean"], ["sources"])):
                return
        if command.has("--local", "--no-cache"):
            return
        yield context.found(self, words[0] if words else command, "the downloaded gems stay in the layer")


class BundleDevelopment(CommandRule):
    """Gems for development and tests are installed into an image that ships.

    What it does: reports `bundle install` when neither `--without`, `bundle config ... without` nor `BUNDLE_WITHOUT`
    leaves groups out, in a stage whose layers ship and whose name does not say development or test.

    Why is this bad: what only tests need is in the image: more bytes, more to patch.

    Use instead: `ENV BUNDLE_WITHOUT=development:test` before it.

    Fix safety: report only; a variable changes what runs later.

    Sources: Bundler's documentation of `without`, the Dockerfile that `rails new` writes.
    """

    code = "GEM004"
    name = "bundle-development-gems"
    severity = Severity.INFO
    commands = ("bundle", "bundler")
    bad = "FROM ruby:3.3\nCOPY Gemfile Gemfile.lock ./\nRUN bundle install\n"
    good = (
        "FROM ruby:3.3\nENV BUNDLE_WITHOUT=development:test\nCOPY Gemfile Gemfile.lock ./\nRUN bundle install\n",
        "FROM ruby:3.3\nRUN bundle config set --local without 'development test' && bundle install\n",
        "FROM ruby:3.3 AS dev\nRUN bundle install\n",
    )

    _RUNS = lazy(rb"\b(?:rspec|rake (?:test|spec)|rails test|cucumber|guard|rubocop|without|BUNDLE_ONLY)\b")

    def check(self, command: Command, context: Context) -> Iterator[Finding]:
        """At the subcommand."""
        words = command.operands(VALUES)
        if not words or words[0].text != "install" or not ships(command.script):
            return
        if for_development(command.instruction.stage) or command.has("--without", "--only"):
            return
        if variable(command, "BUNDLE_WITHOUT", "BUNDLE_ONLY") is not None or self._RUNS.search(context.file.data):
            return
        yield context.found(self, words[0], "gems for development and tests are installed too")
