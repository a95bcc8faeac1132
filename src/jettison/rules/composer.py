"""Composer: what it leaves behind, and what it installs that nobody runs."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from jettison.dockerfile.patterns import lazy
from jettison.dockerfile.style import insert_word
from jettison.finding import Safety, Severity
from jettison.rules.engine.cleaning import (
    clean_up,
    for_development,
    ships,
    switched_on,
    variable,
)
from jettison.rules.engine.rule import CommandRule
from jettison.rules.kept_caches import KeptCache

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jettison.dockerfile.shell import Command
    from jettison.dockerfile.words import Word
    from jettison.finding import Edit, Finding
    from jettison.rules.engine.context import Context

COMPOSER: Final = ("composer", "composer.phar")
VALUES: Final = ("-d", "--working-dir", "--prefer-install")

_CACHE = lazy(rb"composer/cache|\.composer|\.cache(?:/composer|/?\*?['\"]?\Z)|COMPOSER_(?:HOME|CACHE)|composer-cache")
_MOUNT = lazy(r"composer|cache|^/tmp$|^/root$")


class DevelopmentPackages(CommandRule):
    """Development packages are installed into an image that ships.

    What it does: reports `composer install` without `--no-dev` in a stage whose layers ship, whose name does not say
    development or test, and in a file that runs no tests.

    Why is this bad: test tools and debuggers are in the image: more bytes, more to patch, and some are dangerous on a
    server.

    Fix safety: unsafe. What was installed is not any more; something may have relied on it.

    Sources: Composer's documentation of `install`.
    """

    code = "COMP001"
    name = "composer-development-packages"
    severity = Severity.INFO
    safety = Safety.UNSAFE
    commands = COMPOSER
    bad = "FROM php:8.3\nCOPY . .\nRUN composer install --no-cache\n"
    good = (
        "FROM php:8.3\nCOPY . .\nRUN composer install --no-dev --no-cache\n",
        "FROM php:8.3\nCOPY . .\nRUN composer install && vendor/bin/phpunit\n",
        "FROM php:8.3 AS test\nCOPY . .\nRUN composer install\n",
        "FROM php:8.3\nENV COMPOSER_NO_DEV=1\nCOPY . .\nRUN composer install\n",
    )

    _TESTS = lazy(rb"phpunit|phpstan|psalm|phpcs|xdebug|APP_ENV[= ]\W?(?:dev|test|local)|behat|codecept|pest\b")

    def check(self, command: Command, context: Context) -> Iterator[Finding]:
        """At `install`."""
        words = command.operands(VALUES)
        if not words or words[0].text not in ("install", "i") or not ships(command.script):
            return
        if command.has("--no-dev", "--dev", "--dry-run", "--help") or for_development(command.instruction.stage):
            return
        if self._TESTS.search(context.file.data) or switched_on(command, "COMPOSER_NO_DEV"):
            return
        if any(word.text is None for word in command.arguments):
            return
        yield context.found(
            self, words[0], "development packages are installed too",
            fix="leave them out, with --no-dev", edits=[insert_word(words[0], b"--no-dev")],
        )  # fmt: skip


class CacheKept(KeptCache):
    """Composer's cache stays in the layer.

    What it does: reports `composer install`, `require`, `update` and `create-project` in a stage whose layers ship,
    when the RUN does not clear Composer's cache afterwards. Quiet under a cache mount, with `--no-cache`, and with
    `COMPOSER_CACHE_DIR` or `COMPOSER_NO_CACHE`.

    Why is this bad: every package is in the image a second time, packed.

    Use instead: end the same RUN with `composer clear-cache`, or mount a cache.

    Fix safety: safe, only the cache is removed. None where Composer, or the directory it runs in, may be gone by then.

    Sources: Composer's documentation of `clear-cache`.
    """

    code = "COMP002"
    name = "composer-cache-kept"
    mentions = (b"composer",)
    tools = COMPOSER
    cache = _CACHE
    mount = _MOUNT
    kept = "Composer's cache stays in the layer"
    mend = "clear the cache in the same RUN"
    bad = "FROM php:8.3\nCOPY . .\nRUN composer install --no-dev\n"
    good = (
        "FROM php:8.3\nCOPY . .\nRUN composer install --no-dev && composer clear-cache\n",
        "FROM php:8.3\nCOPY . .\nRUN --mount=type=cache,target=/root/.composer/cache composer install --no-dev\n",
        "FROM php:8.3\nCOPY . .\nRUN composer install --no-dev && rm -rf ~/.composer\n",
    )

    def fills(self, command: Command) -> Word | None:
        """Commands that download packages."""
        if command.has("--no-cache", "--dry-run", "--help", "--no-install", "--download-only"):
            return None
        words = command.operands(VALUES)
        if words and words[0].text == "global":
            words = words[1:]
        downloads = ("install", "i", "require", "update", "u", "create-project")
        return words[0] if words and words[0].text in downloads else None

    def empties(self, command: Command) -> bool:
        """`composer clear-cache`."""
        return command.name in COMPOSER and re.match(r"cc$|clear-?cache", command.subcommand(VALUES) or "") is not None

    def elsewhere(self, filling: list[Command]) -> bool:
        """A place of its own, or none."""
        return variable(filling[-1], "COMPOSER_CACHE_DIR", "COMPOSER_NO_CACHE") is not None

    def edit(self, filling: list[Command], context: Context) -> Edit | None:
        """`composer clear-cache`."""
        return clean_up(filling[-1], b"clear-cache")
