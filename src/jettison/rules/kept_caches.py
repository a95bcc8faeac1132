"""What rules about caches share: what a tool downloaded stays in the layer unless the same RUN deletes it."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from jettison.finding import Safety, Severity
from jettison.rules.engine.cleaning import cache_mounted, removed, ships
from jettison.rules.engine.rule import ScriptRule

if TYPE_CHECKING:
    import re
    from collections.abc import Iterator

    from jettison.dockerfile.shell import Command, Script
    from jettison.dockerfile.words import Word
    from jettison.finding import Edit, Finding
    from jettison.rules.engine.context import Context


class KeptCache(ScriptRule):
    """Finds a RUN in a stage that ships whose last command to fill a cache has no clean-up after it, at that command.

    A rule names the `tools`, what fills the cache and what empties it, the paths whose deletion empties it (`cache`),
    and where a mounted cache keeps it out of the layer (`mount`).
    """

    severity = Severity.WARNING
    safety = Safety.SAFE
    tools: ClassVar[tuple[str, ...]] = ()
    cache: ClassVar[re.Pattern[bytes]]
    mount: ClassVar[re.Pattern[str]]
    kept: ClassVar[str] = "the cache of {} stays in the layer"
    """What the finding says, `{}` standing for the tool's name as the RUN has it."""
    mend: ClassVar[str] = "delete the cache in the same RUN"

    def fills(self, command: Command) -> Word | None:
        """The word to point at in a command that fills the cache; None for other commands."""
        raise NotImplementedError

    def empties(self, command: Command) -> bool:
        """True when a later command (of any name) empties the cache."""
        raise NotImplementedError

    def elsewhere(self, filling: list[Command]) -> bool:
        """True when the cache lies where it does not matter."""
        return False

    def edit(self, filling: list[Command], context: Context) -> Edit | None:
        """The clean-up, after the last of the commands that fill the cache; None where it might do harm."""
        raise NotImplementedError

    def check(self, script: Script, context: Context) -> Iterator[Finding]:
        """At the last command that fills the cache."""
        found = [(command, word) for command in script.named(*self.tools) if (word := self.fills(command)) is not None]
        if not found or not ships(script) or cache_mounted(script.instruction, self.mount):
            return
        last, place = found[-1]
        filling = [command for command, _ in found]
        if removed(script, last, self.cache) or any(map(self.empties, script.commands[last.index + 1 :])):
            return
        if self.elsewhere(filling):
            return
        yield context.found(
            self, place, self.kept.format(last.name), fix=self.mend, edits=[self.edit(filling, context)]
        )
