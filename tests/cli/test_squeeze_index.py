"""`jettison squeeze` and indexes: all platforms into an index, one by choice, and none lost by accident."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from cli.multi import graph_of
from jettison import stores
from jettison.cli.main import main
from jettison.image.cache import Cache
from jettison.image.check import check
from jettison.image.compose import compose
from jettison.image.entry import FILE, Entry
from jettison.image.indexer import Indexer
from jettison.image.tar import END, pack
from jettison.image.tree import stack
from jettison.oci.platform import Platform
from jettison.oci.reference import parse
from jettison.proof.same_tree import same_tree

if TYPE_CHECKING:
    from pathlib import Path

    from jettison.image.image import Image
    from jettison.image.tree import Tree

PLATFORMS = (Platform("amd64", "linux"), Platform("arm64", "linux"))


def tar(*members: tuple[str, bytes]) -> bytes:
    entries = [(Entry(name.encode(), FILE, len(body), 0o644, 0, 0, 10**18, 0, 0), [body]) for name, body in members]
    return b"".join([*pack(iter(entries)), END])


def wasteful(platform: Platform) -> Image:
    """An image whose first file a later layer deletes."""
    body = str(platform).encode() * 3000
    lower = tar(("app", body), ("gone", body), ("usr/share/doc/x/manual", b"m" * 9000))
    return compose([lower, tar((".wh.gone", b""))], compression="gzip", platform=platform)


@pytest.fixture
def layout(tmp_path: Path) -> str:
    reference = f"oci:{tmp_path}/in:1"
    stores.write_graph(graph_of(*(wasteful(platform) for platform in PLATFORMS)), reference)
    return reference


def tree(reference: str, platform: Platform) -> Tree:
    image = stores.open_image(reference, platform)
    check(image).demand()
    return stack(Indexer(cache=Cache(None)).image(image))


def test_all_platforms(layout: str, tmp_path: Path, registry: str, capsys: pytest.CaptureFixture[str]) -> None:
    for target in (f"docker://{registry}/squeezed-index:1", f"oci:{tmp_path}/out:1"):
        assert main(["squeeze", layout, "-o", target, "--all-platforms"]) == 0
        out = capsys.readouterr().out
        assert out.count("0 differences") == 2
        assert "2 attestations left out" in out
        graph = stores.open_graph(parse(target))
        assert [platform for platform, _ in graph.images()] == list(PLATFORMS)
        for platform in PLATFORMS:
            assert same_tree(tree(layout, platform), tree(target, platform)).holds
            before, after = (stores.open_image(name, platform) for name in (layout, target))
            assert len(after.layers) < len(before.layers)


def test_cargo_of_all_platforms(layout: str, tmp_path: Path, registry: str) -> None:
    target = f"docker://{registry}/squeezed-cargo:1"
    words = ["--all-platforms", "--drop", "docs", "--cargo", "attach"]
    assert main(["squeeze", layout, "-o", target, *words]) == 0
    for platform in PLATFORMS:
        assert b"usr/share/doc/x/manual" not in tree(target, platform).nodes
        again = f"oci:{tmp_path}/again:{platform.architecture}"
        assert main(["restore", target, "--platform", str(platform), "-o", again]) == 0
        assert same_tree(tree(layout, platform), tree(again, platform)).holds


def test_json_and_dry_run(layout: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = f"oci:{tmp_path}/out:1"
    assert main(["squeeze", layout, "-o", target, "--all-platforms", "--format", "json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [row["platform"] for row in told["platforms"]] == [str(platform) for platform in PLATFORMS]
    assert all(row["report"]["proof"]["unexpected_differences"] == 0 for row in told["platforms"])
    assert told["index"]["after"] == stores.open_graph(parse(target)).root.digest
    assert main(["squeeze", layout, "--all-platforms", "--dry-run"]) == 0
    assert capsys.readouterr().out.count("would save") == 2
    assert main(["squeeze", layout, "-o", target, "--all-platforms", "--format", "markdown"]) == 0
    assert capsys.readouterr().out.count("###") == 2


def test_a_squeezed_index_stays_as_it_is(layout: str, tmp_path: Path) -> None:
    once, twice = f"oci:{tmp_path}/once:1", f"oci:{tmp_path}/twice:1"
    for source, target in ((layout, once), (once, twice)):
        assert main(["squeeze", source, "-o", target, "--all-platforms"]) == 0
    assert stores.open_graph(parse(once)).root.data == stores.open_graph(parse(twice)).root.data


def test_no_platform_is_lost_by_accident(
    layout: str, tmp_path: Path, registry: str, capsys: pytest.CaptureFixture[str]
) -> None:
    remote = f"docker://{registry}/accident:1"
    assert main(["copy", layout, remote]) == 0
    for place in (layout, remote):
        assert main(["squeeze", place, "-o", place]) == 2
        assert "it would lose all platforms but one: linux/amd64, linux/arm64" in capsys.readouterr().err
        assert len(stores.open_graph(parse(place)).images()) == 2
    assert main(["squeeze", remote, "-o", remote, "--all-platforms"]) == 0
    assert len(stores.open_graph(parse(remote)).images()) == 2
    assert main(["squeeze", remote, "-o", remote, "--platform", "linux/arm64"]) == 0
    assert stores.open_image(remote).config.architecture == "arm64"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--platform", "arm64"], "exclude each other"),
        (["--cargo", "oci:{tmp}/cargo:1"], "each platform has a cargo of its own"),
        (["-o", "docker-archive:{tmp}/out.tar:app:1"], "docker-archive holds images of one platform"),
    ],
)
def test_what_is_refused(
    layout: str, tmp_path: Path, words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    target = ["-o", f"oci:{tmp_path}/out:1", *(word.format(tmp=tmp_path) for word in words)]
    assert main(["squeeze", layout, "--all-platforms", *target]) == 2
    assert said in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["in"]
