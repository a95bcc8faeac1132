"""Hostile and broken input: a clear error of ours, within bounded time and memory, and nothing written.

Everything runs through the whole path that a user's image takes: open, index, stack. What could hang or eat memory runs
in a process of its own, which reports its peak.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import zlib
from typing import TYPE_CHECKING

import pytest

from jettison import stores
from jettison.errors import ImageError, InputError, JettisonError
from jettison.image import codec, dialects, tar
from jettison.image.cache import Cache
from jettison.image.compose import compose
from jettison.image.entry import CHARACTER, DIRECTORY, FILE, HARDLINK, SYMLINK, Entry
from jettison.image.indexer import Indexer
from jettison.image.random import random_image
from jettison.image.tree import stack

from .conftest import FORMS
from .making import blobs_of, entry, entry_of, file, index_of, layer, write_layout, write_tar

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MEGABYTE = 1 << 20

READ = """
import json, sys, time
from jettison import stores
from jettison.errors import JettisonError
from jettison.image.cache import Cache
from jettison.image.indexer import Indexer
from jettison.image.tree import stack

def peak():
    # getrusage would count what the process was before it ran this program
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) / 1024 for line in status if line.startswith("VmHWM"))

indexer = Indexer(cache=Cache(None))
before, said, entries = peak(), "", 0
start = time.monotonic()
try:
    image = stores.open_image(sys.argv[1], indexer=indexer)
    entries = len(stack(indexer.image(image)).nodes)
except JettisonError as error:
    said = f"{type(error).__name__}: {error}"
print(json.dumps({"said": said, "entries": entries, "peak": peak() - before, "seconds": time.monotonic() - start}))
"""


def read_apart(where: str, timeout: float = 600, bound: int = 1 << 31) -> tuple[str, float, int]:
    """Read an image in a process of its own: what it said, its peak memory above its start in MB, entries."""
    environment = {**os.environ, "JETTISON_CACHE": "off", "JETTISON_MAX_EXPANSION": str(bound)}
    done = subprocess.run(
        [sys.executable, "-c", READ, where], capture_output=True, timeout=timeout, check=False, env=environment
    )
    assert done.returncode == 0, done.stderr.decode()[-2000:]
    answer = json.loads(done.stdout)
    print(f"{where}: {answer}")
    return answer["said"], answer["peak"], answer["entries"]


def read(where: str) -> JettisonError | None:
    """Read an image whole, here; the error that it gives."""
    indexer = Indexer(cache=Cache(None))
    try:
        stack(indexer.image(stores.open_image(where, indexer=indexer)))
    except JettisonError as error:
        return error
    return None


@pytest.fixture(scope="module", params=list(FORMS))
def written(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """A small image in one form: how to open it, and its one file (of a layout: its largest)."""
    folder = tmp_path_factory.mktemp("form")
    where = FORMS[request.param](random_image(4, layers=2, members=12), folder)
    files = [path for path in folder.rglob("*") if path.is_file()]
    named = [path for path in files if str(path) in where]
    return where, (named or [max(files, key=lambda path: path.stat().st_size)])[0]


def offsets(size: int, count: int) -> list[int]:
    """Offsets all over a file of that size, block boundaries among them."""
    dice = random.Random(size)
    edges = [at for block in range(0, min(size, 8192), 512) for at in (block, block + 1, block + 511)]
    return sorted({at for at in (*edges, *(dice.randrange(size) for _ in range(count))) if at < size})


def test_cut_off_anywhere(written: tuple[str, Path]) -> None:
    where, path = written
    whole = path.read_bytes()
    try:
        for at in offsets(len(whole), 40):
            path.write_bytes(whole[:at])
            error = read(where)
            harmless = path.suffix != "" and not any(whole[at:])  # zeros at the end of a tar
            assert isinstance(error, InputError) or harmless, at
            assert error is None or path.name in str(error) or path.parent.parent.parent.name in str(error)
    finally:
        path.write_bytes(whole)


def test_a_bit_turned_anywhere(written: tuple[str, Path]) -> None:
    """Found, or it stands where nothing is kept: in an archive's own headers (owners, times) or padding."""
    where, path = written
    whole = path.read_bytes()
    dice = random.Random(1)
    expected = [index.entries for index in indexes(where)]
    try:
        for at in offsets(len(whole), 60):
            damaged = bytearray(whole)
            damaged[at] ^= 1 << dice.randrange(8)
            path.write_bytes(damaged)
            error = read(where)
            assert error is None or isinstance(error, InputError)
            if error is None:
                assert [index.entries for index in indexes(where)] == expected, at
    finally:
        path.write_bytes(whole)


def indexes(where: str) -> list[stores.LayerIndex]:  # type: ignore[name-defined]
    indexer = Indexer(cache=Cache(None))
    return indexer.image(stores.open_image(where, indexer=indexer))


def written_layout(folder: Path, *tars: bytes, compression: str | None = None) -> str:
    image = compose(tars, compression=compression)
    return f"oci:{write_layout(folder / 'layout', {**blobs_of(image), 'index.json': index_of(entry_of(image))})}"


def raw(path: bytes, kind: int, link: bytes = b"", **more: object) -> bytes:
    """A member by any name, `..` and all."""
    return dialects.member(Entry(path, kind, 0, 0o644, 0, 0, 0, 0, 0, link=link, **more))  # type: ignore[arg-type]


@pytest.mark.parametrize("name", [b"../etc/passwd", b"a/../../b", b"..", b"./../x", b"a/b/../../../c"])
def test_names_that_lead_out_of_the_image(name: bytes, tmp_path: Path) -> None:
    error = read(written_layout(tmp_path, layer(file("ok", b"ok"), raw(name, FILE))))
    assert isinstance(error, ImageError)
    assert "leads out of the image" in str(error)
    assert "layer 0" in str(error)
    assert "at byte 1,024" in str(error)


def test_absolute_names_and_devices_are_read_below_the_root(tmp_path: Path) -> None:
    members = [raw(b"/etc/passwd", FILE), raw(b"//etc//shadow", FILE), raw(b"mem", CHARACTER, device=(1, 1))]
    indexer = Indexer(cache=Cache(None))
    tree = stack(indexer.image(stores.open_image(written_layout(tmp_path, layer(*members)))))
    assert {b"etc/passwd", b"etc/shadow", b"mem"} < set(tree.nodes)


def test_links_out_of_the_root_and_in_cycles(tmp_path: Path) -> None:
    members = [
        raw(b"out", SYMLINK, b"../../../../etc/passwd"),
        raw(b"absolute", SYMLINK, b"/etc/passwd"),
        raw(b"a", SYMLINK, b"b"),
        raw(b"b", SYMLINK, b"a"),
        raw(b"self", SYMLINK, b"self/self"),
        raw(b"hard", HARDLINK, b"nowhere"),
        raw(b"loop1", HARDLINK, b"loop2"),
        raw(b"loop2", HARDLINK, b"loop1"),
        raw(b"me", HARDLINK, b"me"),
        raw(b"dir", DIRECTORY),
        raw(b"dirlink", HARDLINK, b"dir"),
    ]
    indexer = Indexer(cache=Cache(None))
    tree = stack(indexer.image(stores.open_image(written_layout(tmp_path, layer(*members)))))
    for name in (b"out", b"absolute", b"a", b"self", b"hard/x", b"loop1"):
        assert tree.resolve(name) is None or tree.resolve(name) is tree.nodes[name]
    assert tree.resolve(b"out") is None
    error = read(written_layout(tmp_path / "2", layer(raw(b"x", HARDLINK, b"../../etc/passwd"))))
    assert isinstance(error, ImageError)


def test_deep_names_do_not_exhaust_the_stack(tmp_path: Path) -> None:
    deep = b"/".join([b"d"] * 2000)
    said, _, entries = read_apart(written_layout(tmp_path, layer(file("a", b""), raw(deep, FILE), raw(deep, FILE))))
    assert said == ""
    assert entries == 2002


def zeros(size: int) -> Iterator[bytes]:
    piece = bytes(MEGABYTE)
    for _ in range(size // MEGABYTE):
        yield piece


@pytest.mark.parametrize("how", ["gzip", "zstd"])
def test_decompression_bombs(how: str, tmp_path: Path) -> None:
    """Zeros, as the body of a member of a layer, and of a whole archive."""
    size = 300 * MEGABYTE
    head = tar.header(Entry(b"big", FILE, size, 0o644, 0, 0, 0, 0, 0))
    bomb = b"".join(codec.compress(_chain(head, size), how, 1))
    image = compose([layer(file("f", b"x"))], compression="gzip")
    document = json.loads(image.manifest_bytes or b"")
    from jettison.image.compose import describe
    from jettison.oci import media_types

    from .making import blobs

    kind = media_types.OCI_LAYER_GZIP if how == "gzip" else media_types.OCI_LAYER_ZSTD
    document["layers"] = [json.loads(_encoded(describe(bomb, kind)))]
    manifest = json.dumps(document).encode()
    files = {
        **blobs(bomb, manifest, image.config_bytes),
        "index.json": index_of(describe(manifest, media_types.OCI_MANIFEST)),
    }
    where = write_layout(tmp_path / "bomb", files)
    said, peak, _ = read_apart(f"oci:{where}", bound=64 * MEGABYTE)
    assert "a decompression bomb" in said
    assert "layer 0" in said
    assert peak < 100
    whole = tmp_path / "bomb.tar"
    whole.write_bytes(bomb)
    said, peak, _ = read_apart(str(whole), bound=64 * MEGABYTE)
    assert "a decompression bomb" in said
    assert "bomb.tar" in said
    assert peak < 100


def _chain(head: bytes, size: int) -> Iterator[bytes]:
    yield head
    yield from zeros(size)


def _encoded(document: object) -> bytes:
    import msgspec

    return msgspec.json.encode(document)


def test_a_bomb_in_many_gzip_members(tmp_path: Path) -> None:
    """An empty gzip member costs 20 bytes; 100,000 of them are read without recursion or growth."""
    empty = zlib.compressobj(9, zlib.DEFLATED, 31).flush()
    path = tmp_path / "many.tar"
    path.write_bytes(empty * 100_000)
    said, peak, _ = read_apart(str(path))
    assert said
    assert peak < 60


def test_a_sparse_file_of_exabytes(tmp_path: Path) -> None:
    """A hole is hashed, so a huge one must be refused or cost nothing."""
    huge = dialects.sparse_pax(entry(b"sparse", size=1 << 60), [(0, b"x" * 512)])
    said, peak, _ = read_apart(written_layout(tmp_path, layer(huge)))
    assert peak < 60
    assert said == "" or "sparse" in said


def test_many_sparse_files(tmp_path: Path) -> None:
    """Holes that are each of a size to be hashed, and together are not."""
    files = [dialects.sparse_pax(entry(b"s%d" % number, size=MEGABYTE), [(0, b"x" * 512)]) for number in range(500)]
    said, peak, _ = read_apart(written_layout(tmp_path, layer(*files)), bound=64 * MEGABYTE)
    assert "sparse files claim" in said
    assert "layer 0" in said
    assert peak < 20


def test_a_million_tiny_entries(tmp_path: Path) -> None:
    block = bytearray(tar.header(Entry(b"dir/f0000000", FILE, 0, 0o644, 0, 0, 0, 0, 0)))
    base = int(block[148:154], 8) - sum(b"0000000")
    parts = []
    for number in range(1_000_000):
        digits = b"%07d" % number
        block[5:12] = digits
        block[148:154] = b"%06o" % (base + sum(digits))
        parts.append(bytes(block))
    where = written_layout(tmp_path, b"".join([*parts, tar.END]), compression="zstd")
    del parts
    said, peak, entries = read_apart(where)
    assert said == ""
    assert entries == 1_000_002
    assert peak < 900


def test_an_archive_of_a_million_members(tmp_path: Path) -> None:
    path = tmp_path / "many.tar"
    path.write_bytes(file("x", b"") * 300_000 + tar.END)
    for where in (path, tmp_path / "many.tar.zst"):
        if where != path:
            where.write_bytes(b"".join(codec.compress([path.read_bytes()], "zstd")))
        said, peak, _ = read_apart(str(where))
        assert "more than 100,000 members" in said
        assert where.name in said
        assert peak < 60


def test_extended_headers_that_never_end(tmp_path: Path) -> None:
    long = dialects.gnu_long(entry(b"n" * 5000))[:-512]
    error = read(written_layout(tmp_path, long * 2000 + file("f", b"") + tar.END))
    assert error is None or isinstance(error, ImageError)
    claimed = dialects.patched(tar.file_header(b"x", 1 << 40), 156, b"x")
    error = read(written_layout(tmp_path / "2", claimed + tar.END))
    assert isinstance(error, ImageError)
    assert "at most" in str(error)


def test_documents_of_no_sane_size(tmp_path: Path) -> None:
    with (tmp_path / "big.tar").open("wb") as out:
        out.write(tar.file_header(b"manifest.json", 1 << 34))
        out.seek((1 << 34) + 512)
        out.write(tar.END)
    said, peak, _ = read_apart(str(tmp_path / "big.tar"))
    assert "manifest.json has more than" in said
    assert peak < 40
    folder = write_layout(tmp_path / "layout", {})
    with (folder / "index.json").open("wb") as out:
        out.truncate(1 << 34)
    said, peak, _ = read_apart(f"oci:{folder}")
    assert "index.json has more than" in said
    assert peak < 40


def test_names_that_are_not_utf_8(tmp_path: Path) -> None:
    names = [b"caf\xe9", b"\xff\xfe\x00"[:2], b"a\xf0\x28\x8c\x28", b"new\nline", b"\x1b[31mred"]
    where = written_layout(tmp_path, layer(*[raw(name, FILE) for name in names]))
    indexer = Indexer(cache=Cache(None))
    tree = stack(indexer.image(stores.open_image(where)))
    assert set(names) < set(tree.nodes)
    odd = write_tar(tmp_path / "odd.tar", *[raw(name, FILE) for name in names])
    assert isinstance(read(str(odd)), InputError)


def test_json_that_is_deep_or_many(tmp_path: Path) -> None:
    for text in (b"[" * 1_000_000, b'{"a":' * 500_000, b'[{"Config":"c","Layers":[' + b'"l",' * 500_000 + b'"l"]}]'):
        path = write_tar(tmp_path / "deep.tar", file("manifest.json", text), file("c", b"{}"), file("l", b""))
        said, peak, _ = read_apart(str(path))
        assert said
        assert "deep.tar" in said
        assert peak < 200


def test_nothing_is_written_but_in_the_cache(tmp_path: Path) -> None:
    image = random_image(9)
    where = written_layout(tmp_path, *[b"".join(one.source.chunks()) for one in image.layers])
    cache = tmp_path / "cache"
    before = set(tmp_path.rglob("*"))
    indexer = Indexer(cache=Cache(cache))
    indexer.image(stores.open_image(where, indexer=indexer))
    added = set(tmp_path.rglob("*")) - before
    assert added
    assert all(cache in (path, *path.parents) for path in added)
