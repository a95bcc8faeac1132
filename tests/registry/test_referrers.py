"""Cargo beside its result in a registry: listed by the referrers API, or under the tag that stands in for it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from jettison import stores
from jettison.cli.main import main
from jettison.image.check import check
from jettison.image.compose import compose
from jettison.image.tree import stack
from jettison.oci import reference as references
from jettison.proof.same_tree import same_tree
from registry.faults import layer

if TYPE_CHECKING:
    from pathlib import Path

    from jettison.image.image import Image
    from jettison.image.tree import Tree
    from registry.faults import Registry

DOCS = {"usr/share/doc/x/manual": b"m" * 9000}


@pytest.fixture
def archive(tmp_path: Path) -> str:
    """An image with something to drop."""
    image = compose([layer({"bin/app": b"a" * 5000, **DOCS}), layer({"etc/app": b"b"})], compression="gzip")
    stores.write_image(image, f"oci-archive:{tmp_path}/in.tar:1")
    return f"{tmp_path}/in.tar"


def tree(image: Image) -> Tree:
    from jettison.image.cache import Cache
    from jettison.image.indexer import Indexer

    return stack(Indexer(cache=Cache(None)).image(image))


def goes_and_comes_back(archive: str, host: str, tmp_path: Path) -> None:
    result = f"docker://{host}/squeezed:1"
    assert main(["squeeze", archive, "-o", result, "--drop", "docs", "--cargo", "attach"]) == 0
    small = stores.open_image(result)
    check(small).demand()
    assert b"usr/share/doc/x/manual" not in tree(small).nodes
    assert small.digest is not None
    ((where, entry),) = stores.list_referrers(references.parse(result), small.digest)
    cargo = stores.open_image(where)
    assert cargo.manifest is not None and cargo.manifest.subject is not None
    assert cargo.manifest.subject.digest == small.digest
    assert entry.digest == cargo.digest
    assert [shared.digest for shared in cargo.layers[:-1]] == [shared.digest for shared in small.layers]
    assert main(["restore", result, "-o", f"oci:{tmp_path}/again:1"]) == 0
    again = stores.open_image(f"oci:{tmp_path}/again:1")
    check(again).demand()
    assert same_tree(tree(stores.open_image(archive)), tree(again)).holds


@pytest.mark.parametrize("api", [True, False], ids=["referrers API", "tag"])
def test_cargo_is_found_through_the_result(server: Registry, archive: str, tmp_path: Path, api: bool) -> None:
    server.referrers_api = api
    goes_and_comes_back(archive, server.host, tmp_path)
    tags = [name for name in server.manifests if name.startswith("squeezed/") and ":" not in name]
    assert len(tags) == (1 if api else 2)


def test_in_a_real_registry(registry: str, archive: str, tmp_path: Path) -> None:
    goes_and_comes_back(archive, registry, tmp_path)


def test_other_referrers_stay_listed(server: Registry, archive: str) -> None:
    result = f"docker://{server.host}/squeezed:1"
    assert main(["squeeze", archive, "-o", result, "--drop", "docs"]) == 0
    digest = stores.open_image(result).digest
    assert digest is not None
    other = {"mediaType": "application/vnd.x", "digest": "sha256:" + "0" * 64, "size": 1, "x-own": {"kept": True}}
    tag = str(digest).replace(":", "-")
    index = {"schemaVersion": 2, "manifests": [other], "annotations": {"a": "b"}}
    server.manifests[f"squeezed/{other['digest']}"] = "application/vnd.x", b"{}"
    server.put_manifest(
        json.dumps(index).encode(), tag, repository="squeezed", media_type="application/vnd.oci.image.index.v1+json"
    )
    assert main(["squeeze", archive, "-o", result, "--drop", "docs", "--cargo", "attach"]) == 0
    listed = json.loads(server.manifests[f"squeezed/{tag}"][1])
    assert listed["manifests"][0] == other
    assert listed["annotations"] == {"a": "b"}
    assert len(listed["manifests"]) == 2
    before = dict(server.manifests)
    assert main(["squeeze", archive, "-o", result, "--drop", "docs", "--cargo", "attach"]) == 0
    assert server.manifests == before  # the same again changes nothing


def test_a_tagged_cargo_is_a_referrer_too(server: Registry, archive: str, tmp_path: Path) -> None:
    result = f"docker://{server.host}/squeezed:1"
    words = ["--drop", "docs", "--cargo", f"docker://{server.host}/squeezed:cargo"]
    assert main(["squeeze", archive, "-o", result, *words]) == 0
    assert main(["restore", result, "-o", f"oci:{tmp_path}/again:1"]) == 0
    cargo = f"docker://{server.host}/squeezed:cargo"
    assert main(["restore", result, "--cargo", cargo, "-o", f"oci:{tmp_path}/more:1"]) == 0


def test_cargo_beside_its_result_in_a_layout(archive: str, tmp_path: Path) -> None:
    result, cargo = f"oci:{tmp_path}/out:1", f"oci:{tmp_path}/out:cargo"
    assert main(["squeeze", archive, "-o", result, "--drop", "docs", "--cargo", cargo]) == 0
    assert main(["restore", result, "-o", f"oci:{tmp_path}/again:1"]) == 0
    assert same_tree(tree(stores.open_image(archive)), tree(stores.open_image(f"oci:{tmp_path}/again:1"))).holds


def test_what_is_refused(server: Registry, archive: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["squeeze", archive, "-o", f"oci:{tmp_path}/out:1", "--cargo", "attach"]) == 2
    assert "cargo is attached in registries only" in capsys.readouterr().err
    assert main(["squeeze", archive, "-o", f"oci:{tmp_path}/out:1", "--drop", "docs", "--cargo", "name"]) == 2
    assert "say how to write it" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
    result = f"docker://{server.host}/squeezed:1"
    assert main(["squeeze", archive, "-o", result, "--cargo", "attach"]) == 0
    assert "nothing was removed, so there is no cargo" in capsys.readouterr().err
    assert main(["restore", result, "-o", f"oci:{tmp_path}/again:1"]) == 4
    assert "nothing there says that it is its cargo" in capsys.readouterr().err
    assert main(["restore", archive, "-o", f"oci:{tmp_path}/again:1"]) == 2
    assert "does not tell where its cargo is" in capsys.readouterr().err
