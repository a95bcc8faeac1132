"""Packing programs with UPX, where somebody asks for it: smaller in the image, and unpacked at each start.

That is not lossless, and not free: the program takes longer to start, and its code is private memory of each process
instead of pages that all share. So both are measured where arguments to run with are given, and told in any case.

What must not be packed is not: libraries and plug-ins, which others load; programs with rights of their own, signed or
with something appended that they read; what is packed already. Each packed program is unpacked again by UPX and must
be the original byte for byte, and where it is run for measuring, it must end as the original does.
"""

from __future__ import annotations

import hashlib
import mmap
import os
import shutil
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from jettison.errors import InputError
from jettison.image import tar
from jettison.image.entry import FILE, SYMLINK, Entry
from jettison.image.stream import BLOCK_SIZE
from jettison.packages import elf
from jettison.rewrite.contents import body
from jettison.rewrite.draft import Draft, Member
from jettison.rewrite.rope import FileBytes, RopeReader

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence

    from jettison.image.tree import Node, Tree
    from jettison.rewrite.spool import Spool
    from jettison.rewrite.startup import Bench, Cost

COMMANDS = ("upx", "upx-ucl")
WORTHWHILE = 4096
"""Bytes that must go: a page."""
_SECONDS = 900
"""The longest that one program may take."""
_SIGNED = ("security.ima", "security.evm")
_MARK = b"UPX!"
_SLACK = 16
"""Bytes after an ELF file's last part that are padding, not something appended."""


@dataclass(frozen=True, slots=True)
class Program:
    """A program that was packed: its bytes before and after, and what a start costs; None: not measured."""

    path: bytes
    before: int
    after: int
    cost_before: Cost | None = None
    cost_after: Cost | None = None


def find() -> str:
    """UPX on this machine. Raises `InputError` that says how to get it."""
    for name in COMMANDS:
        found = shutil.which(name)
        if found:
            return found
    raise InputError(
        "upx is needed to pack programs, and is not installed",
        hint="Debian 13: apt-get install upx-ucl (Debian 12: from bookworm-backports); Fedora: dnf install upx; "
        "Alpine: apk add upx; macOS: brew install upx",
    )


class Packer:
    """Packs the programs among the paths that `wanted` finds in a tree.

    Afterwards `programs` tells of those that were packed, `skipped` of those that were not and why, `changed` which
    paths have other content. Packed files lie in the spool. `bench` measures starts; None leaves them unknown.
    """

    def __init__(self, wanted: Callable[[Tree], Collection[bytes]], spool: Spool, bench: Bench | None = None) -> None:
        self._wanted = wanted
        self._spool = spool
        self._bench = bench
        self._upx = find()
        self.programs: list[Program] = []
        self.skipped: dict[bytes, str] = {}
        self.changed: set[bytes] = set()

    def pack(self, draft: Draft, *, besides: Collection[bytes] = ()) -> Draft:
        """The draft with its programs packed, but for those in `besides`. Raises `InputError`."""
        tree = draft.tree()
        nodes = {id(node.inode): node.inode for node in self._asked(tree, besides)}.values()
        reader = RopeReader(draft.image.layers, draft.image.reference)
        packed: dict[tuple[int, int], Member] = {}
        for node in sorted(nodes, key=lambda node: (node.layer, node.number)):
            member = self._member(draft, node, reader)
            if member is not None:
                packed[node.layer, node.number] = member
        self.changed = {p for p, node in tree.nodes.items() if (node.inode.layer, node.inode.number) in packed}
        layers = [
            layer.having([packed.get((number, n), member) for n, member in enumerate(layer.members)])
            for number, layer in enumerate(draft.layers)
        ]
        return draft.having(layers, f"programs packed with {self._version()}")

    def notes(self) -> Iterator[str]:
        """A sentence for each reason why programs were left as they are, and why nothing could be measured."""
        if self._bench is not None and self._bench.trouble is not None:
            yield f"start-up and memory are unknown: {self._bench.trouble}"
        reasons: dict[str, list[bytes]] = {}
        for path, why in self.skipped.items():
            reasons.setdefault(why, []).append(path)
        for why, paths in reasons.items():
            names = ", ".join(os.fsdecode(path) for path in paths[:3])
            yield f"not packed: {names}{f' and {len(paths) - 3:,} more' if len(paths) > 3 else ''}: {why}"

    def _asked(self, tree: Tree, besides: Collection[bytes]) -> Iterator[Node]:
        for path in sorted(self._wanted(tree)):
            node = tree.nodes.get(path)
            if node is None or path in besides or node.children is not None:
                continue
            if node.content.kind == FILE:
                yield node
            elif node.content.kind == SYMLINK:
                self.skipped[path] = "a symbolic link"

    def _member(self, draft: Draft, node: Node, reader: RopeReader) -> Member | None:
        """The program's new member; None, and a reason among `skipped`, where it stays."""
        member = draft.member(node.layer, node.number)
        why = "in a layer of the base, which stays as it is" if node.layer < draft.base else _unfit(member.entry)
        source, target = self._spool.file("program"), self._spool.file("packed")
        if why is None and not _extract(member, reader, source):
            why = "stored in a form that is not taken apart"
        costs: tuple[Cost | None, Cost | None] = (None, None)
        if why is None:
            why = _unfit_content(source) or self._run(source, target)
        if why is None and self._bench is not None:
            costs, why = self._bench.compare(member.entry, source, target)
        if why is not None:
            self.skipped[member.entry.path] = why
            _discard(source, target)
            return None
        size = os.path.getsize(target)
        self.programs.append(Program(member.entry.path, member.entry.size, size, *costs))
        _discard(source)
        return _packed_member(member, target, size)

    def _run(self, source: str, target: str) -> str | None:
        """Pack one program and unpack it again; why it cannot be done, or None."""
        why = self._call("-9", "-o", target, source)
        if why is not None:
            return why
        if os.path.getsize(source) - os.path.getsize(target) < WORTHWHILE:
            return "packing saves nothing"
        again = self._spool.file("unpacked")
        try:
            why = self._call("-d", "-o", again, target)
            if why is None and _digest(again) != _digest(source):
                why = "UPX does not give it back as it was"
            return why
        finally:
            _discard(again)

    def _call(self, *arguments: str) -> str | None:
        """Run UPX, with no options from the environment; its last words where it fails."""
        environment = {name: value for name, value in os.environ.items() if name != "UPX"}
        try:
            done = subprocess.run(
                [self._upx, "-q", "--no-progress", *arguments],
                capture_output=True,
                stdin=subprocess.DEVNULL,
                env=environment,
                timeout=_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return f"UPX did not end within {_SECONDS // 60} minutes"
        except OSError as error:
            raise InputError(f"upx cannot be run: {error.strerror}", where=self._upx) from None
        if done.returncode == 0:
            return None
        lines = done.stderr.decode("utf-8", "replace").strip().splitlines() or [f"exit {done.returncode}"]
        return "UPX: " + lines[-1].rpartition("Exception: ")[2][:200]

    def _version(self) -> str:
        done = subprocess.run([self._upx, "--version"], capture_output=True, check=False, stdin=subprocess.DEVNULL)
        return done.stdout.decode("utf-8", "replace").partition("\n")[0].strip() or "upx"


def _unfit(entry: Entry) -> str | None:
    """Why a file must not be packed, by its headers."""
    attributes = entry.xattrs or {}
    if entry.mode & 0o6000:
        return "setuid or setgid: it unpacks itself with rights that are not the user's"
    if "security.capability" in attributes:
        return "it has capabilities of its own"
    if any(name in attributes for name in _SIGNED):
        return "signed"
    if not entry.mode & 0o111:
        return "not executable"
    return None


def _unfit_content(path: str) -> str | None:
    """Why a file must not be packed, by what is in it."""
    with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        if content[:2] == b"#!":
            return "a script"
        with memoryview(content) as view:
            facts, found = elf.parse(view), elf.layout(view)
            if facts is None or found is None:
                return "no ELF program"
            if facts.kind not in (elf.EXECUTABLE, elf.SHARED):
                return "an object file"
            if facts.kind == elf.SHARED and not (facts.pie or facts.interpreter):
                return "a shared library or a plug-in, which programs load"
            if facts.soname:
                return "a shared library, though it can be run"
            end = _end(view, found)
        if content.find(_MARK, 0, 4096) >= 0 or content.find(_MARK, max(0, len(content) - 64)) >= 0:
            return "packed already"
        if end + _SLACK <= len(content):
            return f"{len(content) - end:,} bytes are appended, which it may read"
    return None


def _end(view: memoryview, found: elf.Layout) -> int:
    """Where the file's last part ends: a segment, a section, or the table of sections."""
    shoff, count = (40, 60) if found.format.bits == 64 else (32, 48)
    order = "little" if view[5] == 1 else "big"
    width = 8 if found.format.bits == 64 else 4
    table = int.from_bytes(view[shoff : shoff + width], order) if found.sections else 0  # type: ignore[arg-type]
    number = max(len(found.sections), int.from_bytes(view[count : count + 2], order))  # type: ignore[arg-type]
    ends = [offset + size for _, offset, _, size in found.segments]
    ends += [offset + size for _, kind, _, _, offset, size in found.sections if kind != 8]  # SHT_NOBITS has no bytes
    return max([*ends, table + number * found.format.section.size if table else 0])


def _extract(member: Member, reader: RopeReader, path: str) -> bool:
    """Write the program as it stands in the draft; False where that is not known to be its content."""
    place = body(member.entry, member.source) if member.pieces is None else None
    pieces: Sequence[object] = (place,) if place is not None else (member.pieces or ())[1:]
    hashing, left = hashlib.sha256(), member.entry.size
    with open(path, "wb") as file:
        for part in reader.read(pieces):  # type: ignore[arg-type]
            used = part[:left]
            hashing.update(used)
            file.write(used)
            left -= len(used)
    os.chmod(path, 0o700)  # UPX refuses what is not executable
    return not left and member.entry.size > 0 and hashing.digest() == member.entry.sha256


def _packed_member(member: Member, path: str, size: int) -> Member:
    entry = msgspec.structs.replace(member.entry, size=size, sha256=_digest(path))
    padding = bytes(-size % BLOCK_SIZE)
    return Member(entry, member.source, (tar.header(entry), FileBytes(path, size), padding))


def _digest(path: str) -> bytes:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").digest()


def _discard(*paths: str) -> None:
    for path in paths:
        if os.path.exists(path):
            os.unlink(path)
