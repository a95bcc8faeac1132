"""Weights: read off blobs, and sampled from plain tars."""

from __future__ import annotations

import random
import zlib
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jettison.image import index, weight
from jettison.image.codec import compress
from jettison.image.layer import Layer
from jettison.image.probe import NO_PROBES
from jettison.image.random import random_layer
from jettison.image.source import BytesSource, FileSource
from jettison.image.weight import SAMPLE, WHOLE, Sampler, Weights
from jettison.oci.digest import Digest

if TYPE_CHECKING:
    from pathlib import Path


def mixture(seed: int, size: int) -> bytes:
    """Bytes as layers have them: text, noise, zeros, machine words."""
    dice = random.Random(seed)
    words = [dice.randbytes(dice.randint(2, 9)).hex().encode() for _ in range(400)]
    parts: list[bytes] = []
    left = size
    while left > 0:
        kind, length = dice.randrange(4), min(left, dice.randint(1, 200_000))
        if kind == 0:
            part = b" ".join(dice.choices(words, k=length // 8 + 1))[:length]
        elif kind == 1:
            part = dice.randbytes(length)
        elif kind == 2:
            part = bytes(length)
        else:
            part = b"".join(dice.choices([b"\x48\x89\xe5\0", b"\xe8\0\0\0", b"\x0f\x1f\x44\0"], k=length // 4 + 1))[
                :length
            ]
        parts.append(part.ljust(length, b"."))
        left -= length
    return b"".join(parts)


def fed(data: bytes, step: int) -> Weights:
    """The weights of a stream that comes in pieces of `step` bytes."""
    sampler = Sampler()
    for start in range(0, len(data), step):
        sampler.feed(data[start : start + step])
    return sampler.weights()


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 99), size=st.integers(0, 900_000), step=st.sampled_from([997, 4096, 65_536, 1 << 20]))
def test_pieces_and_files_weigh_the_same(
    seed: int, size: int, step: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    data = mixture(seed, size)
    path = tmp_path_factory.getbasetemp() / "weighed"
    path.write_bytes(b"before" + data + b"after")
    sampler = Sampler()
    sampler.read(FileSource(str(path), 6, size))
    weights = sampler.weights()
    assert weights == fed(data, step)
    assert weights.raw[-1] == size and not weights.exact
    assert list(weights.raw) == sorted(weights.raw) and list(weights.compressed) == sorted(weights.compressed)


@pytest.mark.parametrize("size", [1, SAMPLE - 1, SAMPLE, SAMPLE + 1, 100_000, WHOLE])
def test_small_layers_are_packed_whole(size: int) -> None:
    data = mixture(size, size)
    packer = zlib.compressobj(6, zlib.DEFLATED, 31)
    assert fed(data, 1 << 20).total == len(packer.compress(data) + packer.flush())


def test_an_empty_layer_weighs_nothing() -> None:
    assert fed(b"", 1).total == 0


@pytest.mark.parametrize("seed", range(3))
def test_samples_come_close_to_zlib(seed: int) -> None:
    data = mixture(seed, 24 << 20)
    truth = len(zlib.compress(data, 6))
    assert abs(fed(data, 1 << 20).total / truth - 1) < 0.1  # a hundred stretches of four kinds; layers have thousands


@pytest.mark.parametrize("name", ["gzip", "zstd"])
@pytest.mark.parametrize("seed", range(4))
def test_files_of_a_blob_weigh_what_it_does(name: str, seed: int) -> None:
    tar = random_layer(seed, 60) + mixture(seed, 0)
    blob = b"".join(compress([tar], name))
    made = index.build(Layer(Digest(""), BytesSource(blob)), NO_PROBES)
    weights = weight.read_off(made)
    assert weights is not None and weights.exact and weights.total == len(blob)
    ends = [0, *(entry.end for entry in made.entries), made.raw]
    parts = [weights.between(start, end) for start, end in pairwise(ends)]
    assert all(part >= 0 for part in parts)
    assert sum(parts) == pytest.approx(len(blob))


def test_a_plain_tar_has_nothing_to_read_off() -> None:
    assert weight.read_off(index.build(Layer(Digest(""), BytesSource(random_layer(1))), NO_PROBES)) is None


def test_positions_outside_are_clamped(tmp_path: Path) -> None:
    weights = Weights((0, 100), (0.0, 10.0), exact=True)
    assert (weights.at(-5), weights.at(50), weights.at(500)) == (0.0, 5.0, 10.0)
