"""The cache: what is kept, what is a miss, its bound, and several processes at once."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from jettison.errors import ConfigError
from jettison.image import cache as caches
from jettison.image.cache import Cache, default_bound, default_directory
from jettison.image.compose import compose
from jettison.image.entry import Entry
from jettison.image.index import LayerIndex
from jettison.image.indexer import Indexer
from jettison.image.probe import Probe, ProbeSet
from jettison.image.random import random_image, random_layer

if TYPE_CHECKING:
    from pathlib import Path

DIGEST = "sha256:" + "5" * 64


def an_index(entries: int = 3) -> LayerIndex:
    """An index of a layer that is nowhere."""
    made = [Entry(b"caf\xe9%d" % n, 0, n, 0o644, 0, 0, -n, 0, 512, xattrs={"user.x": b"\0"}) for n in range(entries)]
    return LayerIndex(DIGEST, 10, made, {1: {"elf": b"\xff"}}, "gzip", 5, DIGEST, [(0, 0), (5, 10)], ["a note"])


def only_file(directory: Path) -> Path:
    """The one file of a cache."""
    (file,) = (directory / "layers").iterdir()
    return file


def test_what_is_put_is_got(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    assert cache.get(DIGEST, "index", LayerIndex) is None
    cache.put(DIGEST, "index", an_index())
    assert Cache(tmp_path).get(DIGEST, "index", LayerIndex) == an_index()
    assert cache.get(DIGEST, "other", LayerIndex) is None
    assert only_file(tmp_path).stat().st_mode & 0o077 == 0


def test_any_damage_is_a_miss(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    cache.put(DIGEST, "index", an_index())
    file = only_file(tmp_path)
    whole = file.read_bytes()
    for at in range(len(whole)):
        file.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        assert cache.get(DIGEST, "index", LayerIndex) is None
        file.write_bytes(whole[:at])
        assert cache.get(DIGEST, "index", LayerIndex) is None
    file.write_bytes(whole)
    assert cache.get(DIGEST, "index", LayerIndex) == an_index()
    assert cache.get(DIGEST, "index", Entry) is None


def test_another_version_is_a_miss(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Cache(tmp_path).put(DIGEST, "index", an_index())
    monkeypatch.setattr(caches, "_STAMP", b"jettison 9.9.9 1\n")
    assert Cache(tmp_path).get(DIGEST, "index", LayerIndex) is None


def test_a_digest_never_leads_out(tmp_path: Path) -> None:
    Cache(tmp_path / "cache").put("sha256:../../../escaped", "index", an_index())
    assert [path.name for path in tmp_path.iterdir()] == ["cache"]
    assert Cache(tmp_path / "cache").get("sha256:../../../escaped", "index", LayerIndex) == an_index()


def test_the_bound_holds_and_the_least_used_goes(tmp_path: Path) -> None:
    size = len(caches._ENCODER.encode(an_index(1000)))
    cache = Cache(tmp_path, bound=10 * size)
    for number in range(40):
        cache.put(f"sha256:{number:064x}", "index", an_index(1000))
        os.utime(tmp_path / "layers" / f"{number:064x}-index", (number, number))
        assert cache.get(f"sha256:{0:064x}", "index", LayerIndex) is not None, "it was used a moment ago"
    files = list((tmp_path / "layers").iterdir())
    assert sum(file.stat().st_size for file in files) <= 12 * size
    assert cache.get(f"sha256:{39:064x}", "index", LayerIndex) is not None
    assert cache.get(f"sha256:{5:064x}", "index", LayerIndex) is None


def test_a_cache_that_cannot_be_written_still_serves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Cache(tmp_path).put(DIGEST, "index", an_index())

    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(caches, "write_atomically", refuse)
    monkeypatch.setattr(os, "utime", refuse)
    Cache(tmp_path).put(DIGEST, "other", an_index())
    assert Cache(tmp_path).get(DIGEST, "index", LayerIndex) == an_index()


def test_no_directory_no_cache(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for cache in (Cache(None), Cache(tmp_path / "file")):
        cache.put(DIGEST, "index", an_index())
        assert cache.get(DIGEST, "index", LayerIndex) is None


def test_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("JETTISON_CACHE", "off")
    assert default_directory() is None
    monkeypatch.setenv("JETTISON_CACHE", str(tmp_path))
    assert default_directory() == tmp_path
    monkeypatch.setenv("JETTISON_CACHE_BYTES", "1000")
    assert default_bound() == 1000
    monkeypatch.setenv("JETTISON_CACHE_BYTES", "plenty")
    with pytest.raises(ConfigError, match="plenty"):
        Cache(tmp_path)


HAMMER = """
import sys
from jettison.image.cache import Cache
from jettison.image.index import LayerIndex
from pathlib import Path
cache = Cache(Path(sys.argv[1]), bound=300_000)
for turn in range(150):
    for number in range(4):
        digest = f"sha256:{number:064x}"
        found = cache.get(digest, "index", LayerIndex)
        assert found is None or (len(found.entries) == 500 and found.raw == number), found
        cache.put(digest, "index", LayerIndex(digest, number, [ENTRY] * 500, {}, None, 0, digest, [], []))
"""


def test_several_processes_at_once(tmp_path: Path) -> None:
    entry = "from jettison.image.entry import Entry\nENTRY = Entry(b'path', 0, 1, 2, 3, 4, 5, 6, 7)\n"
    command = [sys.executable, "-c", entry + HAMMER, str(tmp_path)]
    processes = [subprocess.Popen(command, stderr=subprocess.PIPE) for _ in range(4)]
    for process in processes:
        assert process.wait(120) == 0, process.stderr.read() if process.stderr else b""
    assert not list((tmp_path / "layers").glob(".tmp-*"))


class Counting(Indexer):
    """An indexer that counts the layers that it had to read."""

    built = 0

    def _remember(self, index: LayerIndex) -> None:
        self.built += 1
        super()._remember(index)


def counting(path: Path, probes: ProbeSet | None = None) -> Counting:
    """A new one over a cache."""
    return Counting(probes or ProbeSet(()), Cache(path))


@pytest.mark.parametrize("compression", [None, "gzip", "zstd"])
def test_a_second_run_reads_nothing(compression: str | None, tmp_path: Path) -> None:
    image = random_image(7, layers=4, compression=compression)
    first, second = counting(tmp_path), counting(tmp_path)
    indexes = first.image(image)
    assert second.image(image) == indexes and (first.built, second.built) == (4, 0)
    assert second.weigh(image, indexes) == first.weigh(image, indexes)


def test_other_probes_are_another_question(tmp_path: Path) -> None:
    image = random_image(7, layers=2)
    counting(tmp_path).image(image)
    again = counting(tmp_path, ProbeSet([Probe("all", pattern=b"")]))
    assert any(index.facts for index in again.image(image)) and again.built == 2


def test_a_layer_is_read_once_in_each_form(tmp_path: Path) -> None:
    tars = [random_layer(3), random_layer(4)]
    forms = {name: compose(tars, compression=name) for name in (None, "gzip", "zstd")}
    for name in ("gzip", "zstd", None):
        counting(tmp_path).image(forms[name])
    for name, image in forms.items():
        again = counting(tmp_path)
        indexes = again.image(image)
        assert again.built == 0 and {index.compression for index in indexes} == {name}
        assert [index.blob for index in indexes] == [layer.digest for layer in image.layers]
        if name:
            assert [weights.total for weights in again.weigh(image, indexes)] == [
                layer.stored_size for layer in image.layers
            ]
