"""What an image shows, told by other people's tools: umoci or an engine unpacks it, bsdtar and getfattr list it.

Nothing of Jettison's is asked. Two images are the same to a witness when the listings are the same text.
"""

from __future__ import annotations

import os
import re
import subprocess
from typing import TYPE_CHECKING

from engine.machine import PACKAGE_OF, need, run

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

PACKAGE_OF |= {"bsdtar": "libarchive-tools", "getfattr": "attr"}
MTREE = "mtree:!all,type,mode,uid,gid,size,sha256,link,time,device"
ONE_FILE = b"one file: "
_ENGINES_OWN = re.compile(
    r"\./(\.dockerenv|dev|proc|sys|run|etc)( |/(console|hosts|hostname|resolv\.conf|mtab|pts|shm)? )"
)
"""Lines about what an engine puts into every container, and directories whose time that changes."""


def unpacked(layout: str, tag: str, folder: Path) -> str:
    """The listing of what umoci makes of an image in an OCI layout."""
    need("umoci", "bsdtar", "getfattr")
    run("umoci", "unpack", "--image", f"{layout}:{tag}", folder / "bundle")
    return _listing(folder / "bundle" / "rootfs")


def exported(archive: Path, folder: Path) -> str:
    """The listing of a tar that an engine's `export` wrote, but for what the engine puts there itself."""
    need("bsdtar", "getfattr")
    root = folder / "exported"
    root.mkdir()
    run("tar", "--xattrs", "--xattrs-include=*", "--numeric-owner", "-xpf", archive, "-C", root)
    return "\n".join(line for line in _listing(root).split("\n") if not _ENGINES_OWN.match(line + " "))


def _listing(root: Path) -> str:
    """Every path by bsdtar, all attributes by getfattr, and by find which names are one file."""
    told = run("bsdtar", "-cf", "-", "--format=mtree", f"--options={MTREE}", "-C", root, ".", env={"LC_ALL": "C"})
    return "\n".join([_sorted(told), _attributes(root), *_hard_links(root)])


def _sorted(listing: str) -> str:
    """The lines in order; the root, which images mostly have no entry for, without its time: that of the unpacking."""
    lines = (re.sub(r"^\. time=\S+", ".", line) for line in listing.split("\n"))
    return "\n".join(sorted(line for line in lines if line and not line.startswith("#")))


def _attributes(root: Path) -> str:
    """A line a file that has extended attributes, capabilities among them; symbolic links are not followed."""
    told = run("getfattr", "-R", "-P", "-h", "-d", "-m", "-", "-e", "hex", ".", cwd=root)
    blocks = (block.strip("\n").replace("\n", " ") for block in told.split("\n\n"))
    return "\n".join(sorted(block.replace("# file: ", "./", 1) for block in blocks if block))


def _hard_links(root: Path) -> Iterable[str]:
    """A line for each file with several names."""
    found = subprocess.run(
        ["find", ".", "-type", "f", "-links", "+1", "-printf", "%i %p\\0"], cwd=root, capture_output=True, check=True
    ).stdout
    names: dict[bytes, list[bytes]] = {}
    for row in found.split(b"\0"):
        inode, _, path = row.partition(b" ")
        names.setdefault(inode, []).append(path)
    return sorted(os.fsdecode(ONE_FILE + b" = ".join(sorted(paths))) for paths in names.values())


def first_difference(before: str, after: str) -> str | None:
    """A sentence about the first line that is not in both, or None."""
    mine, theirs = before.split("\n"), after.split("\n")
    missing, added = set(mine) - set(theirs), set(theirs) - set(mine)
    if not missing and not added:
        return None if before == after else "the same lines, in another number"
    shown = [f"before: {line}" for line in sorted(missing)[:3]] + [f"after: {line}" for line in sorted(added)[:3]]
    return f"{len(missing)} lines are missing and {len(added)} new: " + "; ".join(shown)


def without(listing: str, gone: Iterable[str], changed: Iterable[str] = ()) -> str:
    """The listing without what was meant to differ: paths that went, and size and hash of files that follow them."""
    dropped = {b"./" + os.fsencode(path) for path in gone}
    edited = {b"./" + os.fsencode(path) for path in changed}
    lines = []
    for line in listing.split("\n"):
        if line.startswith(os.fsdecode(ONE_FILE)):
            line = _without_names(line, dropped)
        path = _path(line)
        if path in edited:
            line = re.sub(r" (size|sha256digest)=\S+", "", line)
        if path not in dropped and line:
            lines.append(line)
    return "\n".join(lines)


def _without_names(line: str, dropped: set[bytes]) -> str:
    """The names of one file but for those that went; nothing where no two are left."""
    names = [name for name in os.fsencode(line).removeprefix(ONE_FILE).split(b" = ") if name not in dropped]
    return os.fsdecode(ONE_FILE + b" = ".join(names)) if len(names) > 1 else ""


def _path(line: str) -> bytes:
    """The path that a line of an mtree listing is about."""
    name = os.fsencode(line.partition(" ")[0])
    return re.sub(rb"\\([0-7]{3})", lambda found: bytes([int(found[1], 8)]), name)
