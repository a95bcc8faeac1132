"""Tar as it is read here, against Go's archive/tar, Python's tarfile, and what GNU tar and bsdtar write."""

from __future__ import annotations

import hashlib
import io
import os
import posixpath
import random
import shutil
import subprocess
import tarfile
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jettison.errors import JettisonError, LayerError
from jettison.image import index
from jettison.image.archive import BLOCK_SIZE, Reader, Stream
from jettison.image.entry import BLOCK, CHARACTER, DIRECTORY, FILE, HARDLINK, SYMLINK, Entry
from jettison.image.header import EPOCH_LIMIT, checksum_holds
from jettison.image.layer import Layer
from jettison.image.probe import NO_PROBES
from jettison.image.random import random_layer
from jettison.image.source import BytesSource
from jettison.oci.digest import Digest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from conftest import GoAnswer, GoMember

FLAGS = {b"0": FILE, b"\0": FILE, b"7": FILE, b"S": FILE, b"1": 1, b"2": 2, b"3": 3, b"4": 4, b"5": 5, b"6": 6}
SPECIAL = (CHARACTER, BLOCK)


def entries_of(data: bytes) -> list[Entry]:
    """The entries of a tar, hashed."""
    return index.build(Layer(Digest(""), BytesSource(data)), NO_PROBES).entries


def cleaned(name: bytes) -> bytes:
    """A name as engines clean it."""
    path = posixpath.normpath(b"./" + name if name[:1] != b"/" else b"/" + name.lstrip(b"/"))
    return path.removeprefix(b"/").removeprefix(b".") if path in (b".", b"/") else path.removeprefix(b"/")


def clamped(nanoseconds: int) -> int:
    """A time as far as 64 bits reach."""
    return max(-EPOCH_LIMIT, min(EPOCH_LIMIT, nanoseconds))


def assert_same(entry: Entry, other: GoMember) -> None:
    """An entry is what Go says of it."""
    kind = FLAGS[other.flag]
    assert entry.kind == kind
    assert entry.path == cleaned(other.name)
    assert (entry.mode, entry.uid, entry.gid) == (other.mode & 0o7777, other.uid, other.gid)
    assert entry.mtime == clamped(other.mtime)
    assert (entry.xattrs or {}) == other.xattrs
    if kind == FILE:
        assert entry.size == other.size
        if other.content:
            assert entry.sha256 == other.content
    if kind == SYMLINK:
        assert entry.link == other.link
    if kind == HARDLINK:
        assert entry.link == cleaned(other.link)
    if kind in SPECIAL:
        assert entry.device == other.device


def assert_agrees(data: bytes, answer: GoAnswer) -> None:
    """Everything that Go accepts and engines unpack is read here alike; what Go refuses is refused."""
    refusal: JettisonError | None = None
    entries: list[Entry] = []
    try:
        entries = entries_of(data)
    except JettisonError as error:
        refusal = error
    members = [member for member in answer.members if member.flag != b"g"]
    if answer.error:
        assert refusal is not None, f"Go says {answer.error}"
        return
    if refusal is not None:
        assert any(unacceptable(member) for member in members), f"refused, but Go reads it: {refusal}"
        return
    assert len(entries) == len(members)
    for entry, member in zip(entries, members, strict=True):
        assert_same(entry, member)


def unacceptable(member: GoMember) -> bool:
    """True for members that Go reads but engines cannot unpack."""
    if member.flag not in FLAGS:
        return True
    names = [member.name] + ([member.link] if member.flag == b"1" else [])
    too_odd = any(cleaned(name).split(b"/")[0] == b".." or len(name) > 4095 for name in names)
    return too_odd or (cleaned(member.name) == b"" and member.flag not in b"5") or member.size > 1 << 24


@pytest.mark.parametrize("seed", range(60))
def test_random_layers_are_read_as_go_reads_them(seed: int, go_tar: Callable[[bytes], GoAnswer]) -> None:
    data = random_layer(seed, members=60)
    answer = go_tar(data)
    assert not answer.error
    assert_agrees(data, answer)


FIELDS = ((0, 100), (100, 108), (108, 116), (116, 124), (124, 136), (136, 148), (156, 157), (157, 257), (257, 265))
FIELDS += ((329, 337), (337, 345), (345, 500), (386, 482), (482, 483), (483, 495), (500, 512))
SNIPPETS = (
    b"\0", b" ", b"  0755 \0", b"0000755", b"00000644", b"\x80", b"\xff" * 12, b"\x80" + bytes(10) + b"\x05",
    b"\xbf" * 12, b"\x80\0\0\0\x7f" + b"\xff" * 7, b"-0000001", b"0o17", b"1_0", b"777777777777", b"00000000010\0",
    b"ustar\0" b"00", b"ustar  \0", b"tar\0", b"../x", b"a/../b", b"/abs/x", b"./", b"a//b/./c", b"x/", b"0", b"1",
    b"5", b"S", b"\0\0\0123", b"usr", b"\xe9\xff", b"7", b"8", b"\xff" * 8,
)  # fmt: skip


def resealed(block: bytes) -> bytes:
    """A header with a right checksum."""
    total = sum(block[:148]) + sum(block[156:]) + 8 * 32
    return block[:148] + b"%06o\0 " % total + block[156:]


class HeaderStarts(Stream):
    """A stream that remembers where headers stand."""

    def __init__(self, data: bytes) -> None:
        super().__init__(iter([data]))
        self.starts: list[int] = []

    def block(self) -> bytes:
        self.starts.append(self.position)
        return super().block()


def headers_of(data: bytes) -> list[int]:
    """Where the headers of a tar stand that describe a member, not an extension of one."""
    stream = HeaderStarts(data)
    for member in Reader(stream):
        stream.skip(member.entry.end - stream.position)
    return [start for start in stream.starts if data[start + 156 : start + 157] not in b"xgLK" and any(data[start:])]


texts = st.one_of(st.sampled_from(SNIPPETS), st.binary(max_size=12))
edits = st.lists(st.tuples(st.integers(0, 9), st.sampled_from(FIELDS), texts), max_size=5)


@settings(max_examples=300, deadline=None)
@given(seed=st.integers(0, 400), edits=edits)
def test_odd_headers_are_read_as_go_reads_them(
    seed: int, edits: list[tuple[int, tuple[int, int], bytes]], go_tar: Callable[[bytes], GoAnswer]
) -> None:
    data = bytearray(random_layer(seed, members=6))
    starts = headers_of(bytes(data))
    for which, (low, high), text in edits:
        if starts and not (low == 156 and text[:1] in b"xgLKX"):
            start = starts[which % len(starts)]
            numbers = data[start + 329 : start + 345]
            data[start + low : start + low + len(text[: high - low])] = text[: high - low]
            if data[start + 156] not in b"34":  # a device number matters to devices only; Go insists on any
                data[start + 329 : start + 345] = numbers
            data[start : start + BLOCK_SIZE] = resealed(bytes(data[start : start + BLOCK_SIZE]))
    assert_agrees(bytes(data), go_tar(bytes(data)))


def test_what_go_writes(go_program: Path, go_tar: Callable[[bytes], GoAnswer]) -> None:
    data = subprocess.run([go_program, "write"], check=True, capture_output=True).stdout
    answer = go_tar(data)
    assert not answer.error and len(answer.members) == 8 + 13 + 12
    assert_agrees(data, answer)


TYPES = {tarfile.REGTYPE: FILE, tarfile.LNKTYPE: HARDLINK, tarfile.SYMTYPE: SYMLINK, tarfile.CHRTYPE: CHARACTER}
TYPES |= {tarfile.BLKTYPE: BLOCK, tarfile.DIRTYPE: DIRECTORY, tarfile.FIFOTYPE: 6}
DIALECTS = (tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT)
components = st.one_of(
    st.text(st.characters(codec="utf-8", exclude_characters="/\0"), min_size=1, max_size=12).filter(
        lambda t: t[0] != "."
    ),
    st.sampled_from(
        ["n" * 99, "m" * 150, b"caf\xe9".decode(errors="surrogateescape"), "a", "b", ".hidden", "with space"]
    ),
)


@st.composite
def tar_infos(draw: st.DrawFn) -> tuple[tarfile.TarInfo, bytes]:
    """A member as tarfile describes it, and its body."""
    info = tarfile.TarInfo("/".join(draw(st.lists(components, min_size=1, max_size=4))))
    info.type = draw(st.sampled_from([*TYPES, tarfile.REGTYPE, tarfile.REGTYPE]))
    info.mode = draw(st.integers(0, 0o7777))
    info.uid, info.gid = draw(st.integers(0, 8**7 - 1)), draw(st.integers(0, 8**7 - 1))
    info.mtime = draw(st.integers(0, 8**11 - 1))
    info.linkname = draw(components) if info.type in (tarfile.LNKTYPE, tarfile.SYMTYPE) else ""
    if info.ischr() or info.isblk():
        info.devmajor, info.devminor = draw(st.integers(0, 4095)), draw(st.integers(0, 8**7 - 1))
    body = draw(st.binary(max_size=1500)) if info.type == tarfile.REGTYPE else b""
    info.size = len(body)
    return info, body


@settings(max_examples=150, deadline=None)
@given(members=st.lists(tar_infos(), max_size=6), dialect=st.sampled_from(DIALECTS), data=st.data())
def test_what_tarfile_writes(members: list[tuple[tarfile.TarInfo, bytes]], dialect: int, data: st.DataObject) -> None:
    buffer = io.BytesIO()
    written = []
    with tarfile.open(fileobj=buffer, mode="w", format=dialect, errors="surrogateescape") as archive:
        for info, body in members:
            if dialect != tarfile.USTAR_FORMAT:
                info.mtime = data.draw(st.integers(-(2**31), 2**33))
                info.uid = data.draw(st.integers(0, 2**32))
            try:
                archive.addfile(info, io.BytesIO(body))
            except ValueError:
                continue  # ustar has no room for the name
            written.append((info, body))
    entries = entries_of(buffer.getvalue())
    assert len(entries) == len(written)
    for entry, (info, body) in zip(entries, written, strict=True):
        kind = TYPES[info.type]
        assert (entry.path, entry.kind) == (os.fsencode(info.name), kind)
        assert (entry.mode, entry.uid, entry.gid) == (info.mode, info.uid, info.gid)
        assert entry.mtime == info.mtime * 10**9
        assert entry.link == os.fsencode(info.linkname)
        assert entry.device == ((info.devmajor, info.devminor) if kind in SPECIAL else None)
        if kind == FILE:
            assert (entry.size, entry.sha256) == (len(body), hashlib.sha256(body).digest())


def on_disk(top: Path) -> Path:
    """A directory with all kinds of files in it."""
    dice = random.Random(7)
    for number in range(60):
        parent = top / "/".join(dice.choice(["a", "b", "long" * 20, "später"]) for _ in range(dice.randint(0, 4)))
        parent.mkdir(parents=True, exist_ok=True)
        file = parent / f"{number} {'x' * dice.choice([0, 100, 180])}"
        file.write_bytes(dice.randbytes(dice.choice([0, 100, 512, 5000])))
        file.chmod(dice.choice([0o644, 0o4711, 0o600]))
        os.utime(file, ns=(0, dice.choice([0, 1_600_000_000_123_456_789, 8 * 10**18])))
        if number % 7 == 0:
            (parent / f"hard{number}").hardlink_to(file)
        if number % 5 == 0:
            (parent / f"soft{number}").symlink_to("../" * dice.randint(0, 3) + "x" * dice.choice([3, 150]))
    os.mkfifo(top / "pipe")
    (top / os.fsdecode(b"caf\xe9")).write_bytes(b"bytes")
    for number, gap in enumerate((4096, 1 << 20, 3 << 20)):
        with (top / f"sparse{number}").open("wb") as sparse:
            for extent in range(12):
                sparse.seek((extent + 1) * gap + extent * 4096)
                sparse.write(dice.randbytes(4096))
            sparse.truncate(sparse.tell() + gap)
    return top


def assert_is_on_disk(entry: Entry, file: Path, first: dict[int, bytes]) -> None:
    """An entry tells the truth of the file it was made from; `first` maps inodes to the names that came first."""
    status = os.lstat(file)
    assert (entry.mode, entry.uid, entry.gid) == (status.st_mode & 0o7777, status.st_uid, status.st_gid)
    if entry.kind == HARDLINK:
        assert entry.link == first[status.st_ino]
    elif entry.kind == SYMLINK:
        target = os.fsencode(os.readlink(file))
        assert entry.link == target or (len(target) > 100 and entry.link == target[:100])  # old dialects cut it
    elif entry.kind == FILE:
        first[status.st_ino] = entry.path
        assert (entry.size, entry.sha256) == (status.st_size, hashlib.sha256(file.read_bytes()).digest())
    whole = status.st_mtime_ns - status.st_mtime_ns % 10**9
    assert entry.mtime in (status.st_mtime_ns, whole) or file.is_dir()


WRITERS = [
    *(["tar", f"--format={dialect}", *more] for dialect in ("v7", "ustar", "oldgnu", "gnu") for more in ([],)),
    *(["tar", f"--format={dialect}", "--sparse"] for dialect in ("oldgnu", "gnu")),
    *(["tar", "--format=pax", "--sparse", f"--sparse-version={version}"] for version in ("0.0", "0.1", "1.0")),
    *(["bsdtar", "--format", dialect] for dialect in ("ustar", "pax", "gnutar")),
    ["bsdtar", "--format", "pax", "--read-sparse"],
]


@pytest.mark.parametrize("writer", WRITERS, ids=" ".join)
def test_what_other_tars_write(writer: list[str], tmp_path: Path) -> None:
    if shutil.which(writer[0]) is None:
        pytest.skip(f"needs {writer[0]}")
    top = on_disk(tmp_path / "top")
    process = subprocess.run([*writer, "-c", "-f", "-", "-C", top, "."], capture_output=True)
    entries = entries_of(process.stdout)
    assert len(entries) > 50
    first: dict[int, bytes] = {}
    for entry in entries:
        assert_is_on_disk(entry, top / os.fsdecode(entry.path), first)
    everything = {os.fsencode(path.relative_to(top)) for path in top.rglob("*")} | {b""}
    missing = everything - {entry.path for entry in entries}
    assert not missing or process.stderr, "only what the writer itself complained about may be missing"


def test_extended_headers_may_not_be_huge() -> None:
    block = bytearray(random_layer(3)[:BLOCK_SIZE])
    block[124:136], block[156:157] = b"%011o\0" % (1 << 30), b"x"
    with pytest.raises(LayerError, match="extended header claims") as caught:
        entries_of(resealed(bytes(block)))
    assert caught.value.offset == 0


@pytest.mark.parametrize("seed", range(20))
def test_any_cut_is_an_error_or_harmless(seed: int) -> None:
    data = random_layer(seed, members=5)
    whole = entries_of(data)
    for size in range(1, len(data), 97):
        try:
            entries = entries_of(data[:size])
        except LayerError as error:
            assert error.offset is not None and error.offset <= size
        else:
            assert entries == whole[: len(entries)]
            assert not entries or entries[-1].end <= size + BLOCK_SIZE - 1


@settings(max_examples=200, deadline=None)
@given(blob=st.binary(max_size=3000))
def test_rubbish_is_refused_cleanly(blob: bytes) -> None:
    try:
        assert entries_of(blob) == []
    except JettisonError as error:
        assert error.exit_code == 4


@given(block=st.binary(min_size=512, max_size=512))
def test_checksum_by_adler_is_the_sum(block: bytes) -> None:
    assert checksum_holds(resealed(block)) and not checksum_holds(resealed(block)[:-1] + bytes([block[-1] ^ 1]))
