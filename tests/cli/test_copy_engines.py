"""What `jettison copy` and `squeeze` put into a registry, as engines see it; and what BuildKit makes, copied on."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest

from jettison import stores
from jettison.cli.main import main
from jettison.image.check import check
from jettison.oci.platform import Platform
from jettison.oci.reference import parse

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from engine.machine import Tool

DOCKERFILE = "FROM scratch\nCOPY gone /gone\nCOPY hello /hello\n"


@pytest.fixture(scope="module")
def built(containerd_docker: Tool, tmp_path_factory: pytest.TempPathFactory) -> str:
    """BuildKit's archive of an image of two platforms with provenance."""
    folder = tmp_path_factory.mktemp("built")
    for name in ("gone", "hello"):
        (folder / name).write_text(name * 1000)
    (folder / "Dockerfile").write_text(DOCKERFILE)
    output = folder / "oci.tar"
    options = ["--platform", "linux/amd64,linux/arm64", "--provenance", "mode=max"]
    containerd_docker("build", *options, "--output", f"type=oci,dest={output}", folder)
    return f"oci-archive:{output}"


def test_attestations_are_carried_over(built: str, registry: str, tmp_path: Path, skopeo: Callable[..., str]) -> None:
    remote, layout = f"docker://{registry}/buildkit:1", f"oci:{tmp_path}/out:1"
    assert main(["copy", built, remote]) == 0
    assert main(["copy", remote, layout]) == 0
    graph = stores.open_graph(parse(built))
    assert len(graph.images()) == 2
    assert len(graph.root.children) == 4
    for place in (remote, layout):
        assert stores.open_graph(parse(place)).root.data == graph.root.data
        for architecture in ("amd64", "arm64"):
            image = stores.open_image(place, Platform(architecture, "linux"))
            check(image).demand()
            assert len(image.attestations) == 1
    raw = skopeo("inspect", "--raw", "--tls-verify=false", remote)
    assert f"sha256:{hashlib.sha256(raw.encode()).hexdigest()}" == graph.root.digest


def test_what_does_not_change_keeps_its_attestations(built: str, tmp_path: Path) -> None:
    target = f"oci:{tmp_path}/out:1"
    assert main(["squeeze", built, "-o", target, "--all-platforms"]) == 0
    assert stores.open_graph(parse(target)).root.data == stores.open_graph(parse(built)).root.data
    assert main(["squeeze", built, "-o", target, "--all-platforms", "--drop-path", "gone"]) == 0
    graph = stores.open_graph(parse(target))
    assert len(graph.root.children) == len(graph.images()) == 2


def test_a_containerd_engine_pulls_an_index(built: str, registry: str, containerd_docker: Tool) -> None:
    name = f"{registry}/pulled-index:1"
    assert main(["copy", built, f"docker://{name}", "--compress", "zstd"]) == 0
    containerd_docker("pull", "--quiet", "--platform", "linux/arm64", name)
    assert "arm64" in containerd_docker("image", "inspect", "--format", "{{.Architecture}}", name)
    containerd_docker("rmi", "--force", name)


def test_docker_pulls_and_runs_what_is_copied_and_squeezed(
    docker: Tool, docker_env: str, base_image: Callable[[str], str], registry: str, tmp_path: Path
) -> None:
    base = base_image("debian:bookworm-slim")
    (tmp_path / "Dockerfile").write_text(
        f"FROM {base}\nRUN head -c 9000000 /dev/urandom > /gone && echo kept > /kept\nRUN rm /gone\n"
    )
    docker("build", "--quiet", "--network", "none", "--tag", "jettison-test/copied:1", tmp_path)
    copied, squeezed = f"{registry}/run/copied:1", f"{registry}/run/squeezed:1"
    assert main(["copy", "docker-daemon:jettison-test/copied:1", f"docker://{copied}"]) == 0
    assert main(["squeeze", f"docker://{copied}", "-o", f"docker://{squeezed}"]) == 0
    for name in (copied, squeezed):
        docker("pull", "--quiet", name)
        assert docker("run", "--rm", "--network", "none", name, "cat", "/kept").strip() == "kept"
        docker("rmi", "--force", name)
    again = "docker-daemon:jettison-test/copied:2"
    assert main(["copy", f"docker://{squeezed}", again]) == 0
    assert docker("run", "--rm", "--network", "none", "jettison-test/copied:2", "cat", "/kept").strip() == "kept"
    docker("rmi", "--force", "jettison-test/copied:1", "jettison-test/copied:2")
