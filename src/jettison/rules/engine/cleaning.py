"""What rules about package managers share: is it cleaned in the same RUN, does it ship, may a fix be added."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from jettison.dockerfile.patterns import lazy
from jettison.dockerfile.shell import Inside
from jettison.dockerfile.style import append_command

if TYPE_CHECKING:
    import re
    from collections.abc import Iterable, Iterator

    from jettison.dockerfile.instruction import Instruction
    from jettison.dockerfile.shell import Command, Script
    from jettison.dockerfile.stages import Stage
    from jettison.finding import Edit

_OFF: Final = frozenset(("", "0", "false", "no", "off", "n", "f"))
_DEVELOPMENT = lazy(r"(?:^|[-_.])(?:dev|devel|develop|development|test|tests|testing|ci|lint|debug|e2e)(?:$|[-_.])")
_PLAIN_PROGRAM = lazy(rb"(?:/[A-Za-z0-9_./+-]+|[A-Za-z0-9_.+-]+)\Z")
_REMOVES: Final = {
    "apk": frozenset(("del",)),
    "apt-get": frozenset(("remove", "purge", "autoremove")),
    "apt": frozenset(("remove", "purge", "autoremove")),
    "yum": frozenset(("remove", "erase", "autoremove")),
    "dnf": frozenset(("remove", "erase", "autoremove")),
    "microdnf": frozenset(("remove",)),
    "zypper": frozenset(("remove", "rm")),
    "npm": frozenset(("uninstall", "remove", "rm", "un")),
    "nvm": frozenset(("uninstall", "deactivate", "unload")),
    "pip": frozenset(("uninstall",)),
    "pip3": frozenset(("uninstall",)),
    "conda": frozenset(("deactivate", "remove", "uninstall")),
    "pacman": frozenset(("-R", "-Rs", "-Rns", "-Rn", "-Rsn", "-Rcns")),
    "dpkg": frozenset(("-r", "-P", "--purge", "--remove")),
    "rpm": frozenset(("-e", "--erase")),
}


def ships(script: Script) -> bool:
    """True when what the script leaves in the file system can end up in a shipped image."""
    stage = script.instruction.stage
    return stage is None or stage.ships


def removed(script: Script, after: Command, pattern: re.Pattern[bytes]) -> bool:
    """True when a later `rm` or `find` names a path that `pattern` matches."""
    return any(
        pattern.search(word.raw)
        for command in script.commands[after.index + 1 :]
        if command.name in ("rm", "find", "rimraf")
        for word in command.arguments
    )


def cache_mounted(instruction: Instruction, pattern: re.Pattern[str]) -> bool:
    """True when a cache or tmpfs is mounted on a path that `pattern` matches."""
    if instruction.kind != "RUN" or b"--mount" not in instruction.data:
        return False
    for mount in instruction.mounts():
        if mount["type"] in ("cache", "tmpfs"):
            target = mount.get("target") or mount.get("dst") or mount.get("destination") or ""
            if pattern.search("/" + (instruction.expand(target) or target).strip("/")):
                return True
    return False


def variable(command: Command, *names: str) -> str | None:
    """What the first of these variables that is set holds where a command runs; "?" when that is not known."""
    for assignment in command.assignments:
        if assignment.name in names:
            return _value(assignment.value.text if assignment.value else "")
    wanted = [name.encode() for name in names]
    script = command.script
    if any(name in script.text for name in wanted):
        for earlier in reversed(script.commands[: command.index]):
            for assignment in earlier.assignments:
                if assignment.name in names and (not earlier.words or earlier.words[0].text in ("export", "declare")):
                    return _value(assignment.value.text if assignment.value else "")
            if earlier.name in ("export", "env", "sudo"):
                for word in earlier.arguments:
                    name, equals, value = word.raw.partition(b"=")
                    if equals and name in wanted:
                        return _value(value.decode("utf-8", "replace").strip("\"'"))
    for word in command.words[: command.head]:
        name, equals, value = word.raw.partition(b"=")
        if equals and name in wanted:
            return _value(value.decode("utf-8", "replace").strip("\"'"))
    data = command.instruction.file.data
    if any(name in data for name in wanted):
        known = command.instruction.file.variables(command.instruction)
        for variable_name in names:
            value_known = known.get(variable_name)
            if value_known is not None:
                return value_known
    return None


def _value(text: str | None) -> str:
    return "?" if text is None else text


def switched_on(command: Command, *names: str) -> bool:
    """True when one of these variables is set to something that means yes (or to something that is not known)."""
    value = variable(command, *names)
    return value is not None and value.strip("\"'").lower() not in _OFF


def for_development(stage: Stage | None) -> bool:
    """True when a stage, by its name or that of one it builds on, is there to develop or to test."""
    return stage is not None and any(other.name and _DEVELOPMENT.search(other.name) for other in stage.lineage)


def clean_up(command: Command, text: bytes, *, tool: bool = True) -> Edit | None:
    """Append a clean-up to the script of `command`; None where it might not work, or work elsewhere.

    `text` begins with the program where `tool`, which then is spelled as in `command`, `sudo` included. Not offered
    when the tool may be gone by then, or the working directory, or when the command runs under other conditions.
    """
    script = command.script
    if command.inside & ~(Inside.SUBSHELL | Inside.QUESTION):
        return None
    wrapper = b""
    if command.head:
        if command.words[0].text != "sudo" or command.head != 1:
            return None
        wrapper = b"sudo "
    if any(assignment.name in ("PATH", "HOME") for assignment in command.assignments):
        return None
    if not tool:
        return append_command(script, wrapper + text) if not wrapper or b"~" not in text else None
    program = command.words[command.head].raw
    if not _PLAIN_PROGRAM.match(program) or may_be_gone(script, command) or directory_may_be_gone(script):
        return None
    if command.inside & Inside.SUBSHELL and any(
        other.name in (".", "source", "export", "nvm") for other in script.commands
    ):
        return None
    return append_command(script, wrapper + program + b" " + text)


def may_be_gone(script: Script, after: Command) -> bool:
    """True when a later command removes packages, or deletes something that may be the program itself."""
    name = (after.name or "").encode()
    for command in script.commands[after.index + 1 :]:
        gone = _REMOVES.get(command.name or "")
        # A package manager does not take itself away.
        if gone is not None and command.name != after.name and any(word.text in gone for word in command.arguments):
            return True
        if command.name in ("npm", "pip", "pip3") and gone and any(word.text in gone for word in command.arguments):
            return True
        if command.name in ("rm", "mv", "find", "unlink") and any(
            name in word.raw or b"/bin" in word.raw or b"/opt" in word.raw or b"nvm" in word.raw or b"node" in word.raw
            for word in command.arguments
        ):
            return True
        if command.name == "export" and b"PATH" in script.text[command.start : command.end]:
            return True
    return False


def directory_may_be_gone(script: Script) -> bool:
    """True when, at the end of a script, the directory it then is in may have been deleted."""
    gone, moved = False, b"cd" in script.text or b"pushd" in script.text
    if not moved:
        return False
    moved = False
    for command in script.commands:
        if command.name in ("cd", "pushd", "popd"):
            operands = command.operands()
            target = (operands[0].text if operands else "/") if command.name == "cd" else None
            if target is not None and target.startswith(("/", "~")):
                gone, moved = False, target.rstrip("/").count("/") > 1
            else:
                moved = True
        elif moved and command.name in ("rm", "mv"):
            gone = gone or any(
                word.text is None or word.text.startswith(("/", "~")) or ".." in word.text
                for word in command.operands()
            )
    return gone


def later(instruction: Instruction) -> Iterator[Instruction]:
    """The RUNs after an instruction in its stage and in those that build on it."""
    place = instruction.outer or instruction
    if place.stage is None:
        return
    stages = {id(place.stage), *(id(stage) for stage in place.stage.descendants())}
    for other in place.file.instructions[place.index + 1 :]:
        if other.kind == "RUN" and id(other.stage) in stages:
            yield other


def later_mentions(instruction: Instruction, names: Iterable[bytes]) -> bool:
    """True when a later RUN of the stage, or of one that builds on it, holds one of these names."""
    return any(name in other.data for other in later(instruction) for name in names)
