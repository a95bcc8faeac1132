"""Scripts: the interpreter that `#!` names, and the programs that shell code calls."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from jettison.image.entry import FILE
from jettison.slim.kept import Need
from jettison.slim.shellwords import programs

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jettison.image.tree import Node
    from jettison.slim.view import View

_SHELLS = (b"sh", b"bash", b"dash", b"ash", b"ksh", b"zsh")
_LARGEST = 1 << 20


def follow(view: View, fresh: list[Node]) -> Iterator[Need]:
    """Interpreters of scripts that are used; what the program's own shell scripts call."""
    scripts = [node.entry.path for node in fresh if _may_be_script(view, node)]
    for path, content in view.read(scripts, limit=_LARGEST).items():
        if not content.startswith(b"#!"):
            continue
        words = content[2:256].partition(b"\n")[0].split()
        if not view.kept.used(path):
            continue  # c_rehash needs no Perl while nobody runs it
        yield from _interpreters(view, path, words)
        if _is_shell(words) and view.own(path):
            for name in programs(content):
                found = view.program(name)
                if found is not None:
                    yield Need(found, "the script calls it", path)


def _may_be_script(view: View, node: Node) -> bool:
    """True for executable files that are no ELF: as the kernel has it, a script must be executable to be run."""
    entry = node.content
    return entry.kind == FILE and bool(entry.mode & 0o111) and 2 < entry.size <= _LARGEST and view.elf(node) is None


def _interpreters(view: View, path: bytes, words: list[bytes]) -> Iterator[Need]:
    if not words:
        return
    yield Need(words[0].lstrip(b"/"), "the script's interpreter", path)
    if words[0].endswith(b"/env"):
        for word in words[1:]:
            if word.startswith(b"-") or b"=" in word:
                continue
            found = view.program(os.fsdecode(word))
            if found is not None:
                yield Need(found, "the script's interpreter, by env", path)
            return


def _is_shell(words: list[bytes]) -> bool:
    return any(word.rpartition(b"/")[2] in _SHELLS for word in words[:2])
