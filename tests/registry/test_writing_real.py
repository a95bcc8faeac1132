"""Writing to real registries: with passwords, tokens and TLS, over networks that break, and while the registry dies."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest

from engine import registry as registries
from jettison import stores
from jettison.cli.main import main
from jettison.errors import RemoteError, Unauthorized
from jettison.image.check import check
from jettison.image.compose import compose
from registry.cutting import cutting
from registry.faults import fails, layer
from registry.test_real import log_in

if TYPE_CHECKING:
    from pathlib import Path

    from jettison.image.image import Image

BIG = random.Random(7).randbytes(24 << 20)


@pytest.fixture
def image() -> Image:
    """An image with one layer that takes a while, and some that do not."""
    return compose([layer({"big": BIG}), layer({"a": b"a" * 2_000_000}), layer({"b": b"b"})])


def same(name: str, image: Image) -> None:
    again = stores.open_image(name)
    check(again).demand()
    assert again.manifest_bytes == image.manifest_bytes


def test_open(registry: str, image: Image) -> None:
    name = f"docker://{registry}/written/open:1"
    stores.write_image(image, name)
    same(name, image)


def test_behind_a_password(registry_basic: Any, image: Image, home: Path) -> None:
    name = f"docker://{registry_basic}/app:1"
    with pytest.raises(Unauthorized, match="wants a user name"):
        stores.write_image(image, name)
    log_in(home, registry_basic)
    stores.write_image(image, name)
    same(name, image)


def test_behind_a_token_server(registry_token: Any, image: Image, home: Path) -> None:
    name = f"docker://{registry_token}/public/written:1"
    with pytest.raises(Unauthorized):
        stores.write_image(image, name)
    log_in(home, registry_token)
    stores.write_image(image, name)
    same(name, image)
    source = stores.open_graph(stores.references.parse(name))
    delivery = stores.write_graph(source, f"docker://{registry_token}/private/mounted:1")
    assert {handed.fate for handed in delivery.blobs} == {"mounted"}
    same(f"docker://{registry_token}/private/mounted:1", image)


def test_with_tls(tmp_path: Path, image: Image, home: Path) -> None:
    with registries.running(tmp_path / "registry", "tls") as registry:
        name = f"docker://{registry}/app:1"
        with pytest.raises(RemoteError, match="its certificate is not to be trusted"):
            stores.write_image(image, name)
        trusted = home / ".config" / "containers" / "certs.d" / str(registry)
        trusted.mkdir(parents=True)
        assert registry.certificate is not None
        (trusted / "ca.crt").write_bytes(registry.certificate.read_bytes())
        stores.write_image(image, name)
        same(name, image)


def test_a_network_that_breaks_is_no_matter(registry: str, image: Image) -> None:
    with cutting(registry, 5_000_000, 9_000_000) as host:
        name = f"docker://{host}/broken:1"
        stores.write_image(image, name)
    same(f"docker://{registry}/broken:1", image)


def test_a_registry_that_dies_in_an_upload_leaves_the_tag(
    tmp_path: Path, image: Image, waits: list[float], capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "registry"
    old = compose([layer({"old": b"old"})])
    stores.write_image(image, f"oci:{tmp_path}/new:1")
    with registries.running(folder) as registry, cutting(registry, 6_000_000, then=registry.process.kill) as host:
        stores.write_image(old, f"docker://{host}/app:1")
        assert main(["copy", f"oci:{tmp_path}/new:1", f"docker://{host}/app:1"]) == 4
        error = capsys.readouterr().err
        assert error.count("\n") == 2
        assert "run the same command again" in error
    with registries.running(folder) as registry:
        same(f"docker://{registry}/app:1", old)
        assert main(["copy", f"oci:{tmp_path}/new:1", f"docker://{registry}/app:1"]) == 0
        same(f"docker://{registry}/app:1", image)


def test_squeeze_writes_there(registry: str, image: Image, tmp_path: Path, skopeo: Any) -> None:
    wasteful = compose([layer({"gone": b"g" * 100_000, "kept": b"k"}), layer({".wh.gone": b""})], compression="gzip")
    stores.write_image(wasteful, f"oci:{tmp_path}/in:1")
    name = f"docker://{registry}/squeezed-there:1"
    assert main(["squeeze", f"oci:{tmp_path}/in:1", "-o", name]) == 0
    after = stores.open_image(name)
    check(after).demand()
    assert after.layers[0].stored_size is not None
    skopeo("copy", "--quiet", "--src-tls-verify=false", name, f"oci:{tmp_path}/skopeo:1")
    assert stores.open_image(f"oci:{tmp_path}/skopeo:1").digest == after.digest


def test_a_copy_into_a_layout_goes_on(
    start: Any, tmp_path: Path, image: Image, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jettison.stores.layout_graph.AT_ONCE", 1)
    server, target = start(), f"oci:{tmp_path}/out:1"
    source = f"docker://{server.host}/app:1"
    stores.write_image(image, source)
    last = f"/v2/app/blobs/{image.layers[2].digest}"
    server.on(last, fails(503, **{"Retry-After": "3600"}))
    assert main(["copy", source, target]) == 4
    assert [row.names for row in stores.list_images(f"oci:{tmp_path}/out")] == []  # a layout, with no image in it yet
    server.seen.clear()
    assert main(["copy", source, target]) == 0
    same(target, image)
    big = f"/v2/app/blobs/{image.layers[0].digest}"
    assert last in server.paths()
    assert big not in server.paths()
    server.on(last, fails(404))
    assert main(["copy", source, f"oci:{tmp_path}/other:1"]) == 4
    assert "there is no blob" in capsys.readouterr().err
    assert not (tmp_path / "other").exists()  # there is nothing to go on with


def test_a_killed_copy_leaves_the_old_or_the_new(registry: str, tmp_path: Path, image: Image) -> None:
    old = compose([layer({"old": b"old"})])
    stores.write_image(image, f"oci:{tmp_path}/new:1")
    targets = [f"docker://{registry}/killed:1", f"oci:{tmp_path}/out:1", f"oci-archive:{tmp_path}/out.tar:1"]
    chance = random.Random(11)
    for target in targets:
        stores.write_image(old, target)
        for _ in range(4):
            process = subprocess.Popen(
                [sys.executable, "-m", "jettison.cli.main", "copy", f"oci:{tmp_path}/new:1", target]
            )
            time.sleep(chance.uniform(0.2, 1.6))
            process.kill()
            process.wait()
            found = stores.open_image(target)
            check(found).demand()
            assert found.digest in (old.digest, image.digest)
        assert main(["copy", f"oci:{tmp_path}/new:1", target]) == 0
        same(target, image)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["home", "new", "out", "out.tar"]
