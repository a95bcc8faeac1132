"""apk: the installed database, and the list of what was asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jettison.packages.apk import DATABASES, WORLD, names
from jettison.rewrite.databases import Followed

if TYPE_CHECKING:
    from jettison.rewrite.databases import Leaving


def follow(leaving: Leaving) -> Followed:
    """Paragraphs of packages that leave go; the others lose the lines of files that leave."""
    found = Followed()
    packages = {package.name for package in leaving.packages("apk")}
    if not packages and not leaving.touched("apk"):
        return found
    databases = {path for database in DATABASES if (path := leaving.resolve(database)) is not None}
    for path, content in leaving.read(databases).items():
        blocks = content.split(b"\n\n")
        staying = [_shortened(leaving, block) for block in blocks if _name(block) not in packages]
        text = b"\n\n".join(staying)
        if text != content:
            found.edits[path] = text
    world = leaving.resolve(WORLD)
    for path, content in leaving.read([world] if world is not None else []).items():
        lines = content.split(b"\n")
        asked = [line for line in lines if not packages.intersection(names(line.decode("utf-8", "replace")))]
        if asked != lines:
            found.edits[path] = b"\n".join(asked)
    return found


def _name(block: bytes) -> str:
    line = next((line for line in block.split(b"\n") if line.startswith(b"P:")), b"P:")
    return line[2:].decode("utf-8", "replace")


def _shortened(leaving: Leaving, block: bytes) -> bytes:
    """A package's paragraph without the files that leave: their `R:` line, and `a:` and `Z:` which tell of them."""
    kept: list[bytes] = []
    directory = b""
    leaves = False
    for line in block.split(b"\n"):
        if line.startswith(b"F:"):
            directory = line[2:] + b"/" if line[2:] else b""
            leaves = False
        elif line.startswith(b"R:"):
            leaves = leaving.is_gone(directory + line[2:])
        if not (leaves and line[:2] in (b"R:", b"a:", b"Z:")):
            kept.append(line)
    return b"\n".join(kept)
