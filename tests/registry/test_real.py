"""The same image through a real registry and through the layout it was pushed from."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from jettison import stores
from jettison.errors import NotFound, Unauthorized
from jettison.image import tree
from jettison.image.cache import Cache
from jettison.image.indexer import Indexer
from registry.faults import CONFIG, LAYER, MANIFEST, Sample, descriptor, digest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture
def layout(tmp_path: Path, sample: Sample) -> Path:
    """The sample as an OCI layout."""
    folder = tmp_path / "layout"
    blobs = folder / "blobs" / "sha256"
    blobs.mkdir(parents=True)
    for data in (sample.config, sample.manifest, *sample.blobs):
        (blobs / digest(data).partition(":")[2]).write_bytes(data)
    (folder / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
    entry = descriptor(sample.manifest, MANIFEST, annotations={"org.opencontainers.image.ref.name": "1"})
    (folder / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [entry]}))
    assert CONFIG and LAYER
    return folder


@pytest.fixture
def push(layout: Path, skopeo: Any) -> Callable[..., str]:
    """Pushes the sample to a registry; its reference there."""

    def pushing(registry: Any, repository: str = "app") -> str:
        login = ["--dest-creds", f"{registry.user}:{registry.password}"] if registry.user else []
        name = f"docker://{registry}/{repository}:1"
        skopeo("copy", "--quiet", "--dest-tls-verify=false", *login, f"oci:{layout}:1", name)
        return name

    return pushing


def same(left: str, right: str) -> None:
    images, indexes = [], []
    for reference in (left, right):
        indexer = Indexer(cache=Cache(None))
        images.append(stores.open_image(reference, None, indexer))
        indexes.append(indexer.image(images[-1]))
    assert images[0].config_bytes == images[1].config_bytes
    assert images[0].manifest_bytes == images[1].manifest_bytes
    assert [index.diff_id for index in indexes[0]] == [index.diff_id for index in indexes[1]]
    assert [index.entries for index in indexes[0]] == [index.entries for index in indexes[1]]
    assert list(tree.stack(indexes[0]).nodes) == list(tree.stack(indexes[1]).nodes)


def log_in(home: Path, registry: Any, *, password: str | None = None) -> None:
    words = f"{registry.user}:{password or registry.password}"
    encoded = subprocess.run(["base64"], input=words, capture_output=True, text=True, check=True).stdout.strip()
    (home / ".docker").mkdir(exist_ok=True)
    (home / ".docker" / "config.json").write_text(json.dumps({"auths": {str(registry): {"auth": encoded}}}))


def test_open(registry: Any, push: Callable[..., str], layout: Path) -> None:
    name = push(registry)
    same(name, f"oci:{layout}:1")
    (row,) = stores.list_images(name)
    assert row.platform == "linux/amd64" and row.compressed
    with pytest.raises(NotFound, match="manifest unknown"):
        stores.open_image(name[:-1] + "2")
    with pytest.raises(NotFound, match="repository name not known"):
        stores.list_images(f"docker://{registry}/nothing")


def test_behind_a_password(registry_basic: Any, push: Callable[..., str], layout: Path, home: Path) -> None:
    name = push(registry_basic)
    with pytest.raises(Unauthorized, match="wants a user name"):
        stores.open_image(name)
    log_in(home, registry_basic, password="wrong")
    with pytest.raises(Unauthorized, match="refuses the user name and password"):
        stores.open_image(name)
    log_in(home, registry_basic)
    same(name, f"oci:{layout}:1")


def test_behind_a_token_server(registry_token: Any, push: Callable[..., str], layout: Path, home: Path) -> None:
    public, private = push(registry_token, "public/app"), push(registry_token, "private/app")
    same(public, f"oci:{layout}:1")
    with pytest.raises(Unauthorized):
        stores.open_image(private)
    log_in(home, registry_token, password="wrong")
    with pytest.raises(Unauthorized, match="were refused"):
        stores.open_image(private)
    log_in(home, registry_token)
    same(private, f"oci:{layout}:1")
    assert [row.names for row in stores.list_images(private)] == [(private.removeprefix("docker://"),)]
