"""Maven and Gradle: what they leave behind."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from jettison.dockerfile.patterns import lazy
from jettison.finding import Safety, Severity
from jettison.rules.engine.cleaning import cache_mounted, clean_up, later_mentions, removed, ships
from jettison.rules.engine.rule import CommandRule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jettison.dockerfile.shell import Command
    from jettison.finding import Finding
    from jettison.rules.engine.context import Context

_PLACES: Final = {"mvn": "~/.m2/repository", "mvnw": "~/.m2/repository", "gradle": "~/.gradle", "gradlew": "~/.gradle"}


class RepositoryKept(CommandRule):
    """Maven's repository, or Gradle's, stays in an image that ships.

    What it does: reports `mvn` and `gradle` (their wrappers, too) in a stage whose layers ship, when the RUN does not
    delete `~/.m2` or `~/.gradle` afterwards and no cache is mounted there. Once a RUN.

    Why is this bad: every plugin and library that the build needed is in the image, mostly hundreds of megabytes, and
    the compiler with them.

    Use instead: build in a stage of its own, and copy the archive; mount a cache on `/root/.m2`.

    Fix safety: shown only. What runs from the repository (`mvn exec`, `gradle run`) would have to fetch it again.

    Sources: Docker's guide for Java, Maven's documentation of the local repository.
    """

    code = "MVN001"
    name = "maven-repository-kept"
    severity = Severity.INFO
    safety = Safety.DISPLAY
    commands = ("mvn", "mvnw", "gradle", "gradlew")
    bad = "FROM maven:3-eclipse-temurin-21\nCOPY . .\nRUN mvn -q package\n"
    good = (
        "FROM maven:3-eclipse-temurin-21\nCOPY . .\nRUN mvn -q package && rm -rf ~/.m2/repository\n",
        "FROM maven:3-eclipse-temurin-21\nCOPY . .\nRUN --mount=type=cache,target=/root/.m2 mvn -q package\n",
        "FROM gradle:8 AS build\nCOPY . .\nRUN gradle build\nFROM scratch\nCOPY --from=build /a /a\n",
    )

    _CACHE = lazy(rb"\.m2|\.gradle|MAVEN|GRADLE|repository")
    _MOUNT = lazy(r"\.m2|\.gradle|gradle|maven|^/root$")

    def check(self, command: Command, context: Context) -> Iterator[Finding]:
        """At the program, for the last of the RUN."""
        script = command.script
        if not ships(script) or not command.operands() or command.has("--version", "-v", "--help"):
            return
        if any(other.name in _PLACES for other in script.commands[command.index + 1 :]):
            return
        if removed(script, command, self._CACHE) or cache_mounted(script.instruction, self._MOUNT):
            return
        place = _PLACES[command.name or ""]
        edit = None
        if not later_mentions(script.instruction, (b"mvn", b"gradle", b"make")):
            edit = clean_up(command, b"rm -rf " + place.encode(), tool=False)
        yield context.found(
            self, command.words[command.head], f"{place} stays in the layer",
            fix="delete it in the same RUN", edits=[edit],
        )  # fmt: skip
