"""What the other tests stand on works: the engine, its bases, the registries and the tools, each by a real use."""

from __future__ import annotations

import io
import json
import tarfile
import urllib.error
import urllib.request
from typing import TYPE_CHECKING

import pytest

from engine.machine import CommandFailed

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from engine.machine import Tool
    from engine.registry import Registry


@pytest.fixture(scope="module")
def small(docker: Tool, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny image, saved as a docker-archive."""
    folder = tmp_path_factory.mktemp("small")
    (folder / "hello").write_text("hello\n")
    (folder / "Dockerfile").write_text("FROM scratch\nCOPY hello /hello\n")
    docker("build", "--tag", "jettison-test/small:1", folder)
    docker("save", "--output", folder / "small.tar", "jettison-test/small:1")
    return folder / "small.tar"


def test_containerd_store_writes_attestations(containerd_docker: Tool, tmp_path: Path) -> None:
    (tmp_path / "hello").write_text("hello\n")
    (tmp_path / "Dockerfile").write_text("FROM scratch\nCOPY hello /hello\n")
    options = ["--provenance", "mode=max", "--tag", "jettison-test/proven:1"]
    containerd_docker("build", *options, tmp_path)
    containerd_docker("build", *options, "--output", f"type=oci,dest={tmp_path / 'oci.tar'}", tmp_path)
    containerd_docker("save", "--output", tmp_path / "saved.tar", "jettison-test/proven:1")
    for name in ("oci.tar", "saved.tar"):
        with tarfile.open(tmp_path / name) as archive:
            index = archive.extractfile("index.json")
            assert index is not None
            outer = json.load(index)["manifests"][0]["digest"].replace(":", "/")
            nested = archive.extractfile(f"blobs/{outer}")
            assert nested is not None
            kinds = [
                entry.get("annotations", {}).get("vnd.docker.reference.type")
                for entry in json.load(nested)["manifests"]
            ]
        assert kinds == [None, "attestation-manifest"], name


def test_engine_builds_with_buildkit(docker: Tool, small: Path) -> None:
    with tarfile.open(small) as archive:
        names = archive.getnames()
    assert "index.json" in names
    assert "buildkit" in docker("history", "--no-trunc", "jettison-test/small:1")


@pytest.mark.parametrize("command", ["python3 --version", "pip --version"])
def test_base_image_runs(docker: Tool, base_image: Callable[[str], str], command: str) -> None:
    name = base_image("python:3.11-slim")
    said = docker("run", "--rm", "--network", "none", name, "sh", "-c", command)
    assert "3.11" in said


def test_base_image_trusts_what_the_machine_trusts(
    docker: Tool, base_image: Callable[[str], str], tmp_path: Path
) -> None:
    name = base_image("python:3.11-slim")
    (tmp_path / "Dockerfile").write_text(f"FROM {name}\nRUN pip download --no-deps --dest /wheels six==1.16.0\n")
    docker("build", "--network", "host", "--tag", "jettison-test/trust:1", tmp_path)


def test_bind_mount_of_a_test_folder(docker: Tool, base_image: Callable[[str], str], tmp_path: Path) -> None:
    (tmp_path / "seen").write_text("seen")
    name = base_image("debian:bookworm-slim")
    volume = f"{tmp_path}:/mnt:ro"
    assert docker("run", "--rm", "--network", "none", "--volume", volume, name, "cat", "/mnt/seen") == "seen"


def test_open_registry_takes_and_gives(skopeo: Tool, registry: Registry, small: Path) -> None:
    skopeo("copy", "--dest-tls-verify=false", f"docker-archive:{small}", f"docker://{registry}/small:1")
    said = json.loads(skopeo("inspect", "--tls-verify=false", f"docker://{registry}/small:1"))
    assert len(said["Layers"]) == 1
    assert status(f"http://{registry}/v2/") == 200


def test_basic_registry_wants_the_password(skopeo: Tool, registry_basic: Registry, small: Path) -> None:
    target = f"docker://{registry_basic}/small:1"
    assert status(f"http://{registry_basic}/v2/") == 401
    with pytest.raises(CommandFailed, match=r"authentication required|unauthorized"):
        skopeo("copy", "--dest-tls-verify=false", f"docker-archive:{small}", target)
    credentials = f"{registry_basic.user}:{registry_basic.password}"
    skopeo("copy", "--dest-tls-verify=false", "--dest-creds", credentials, f"docker-archive:{small}", target)
    assert skopeo("inspect", "--tls-verify=false", "--creds", credentials, target)


def test_token_registry_wants_a_token(skopeo: Tool, registry_token: Registry, small: Path) -> None:
    credentials = f"{registry_token.user}:{registry_token.password}"
    for name in ("private/small", "public/small"):
        target = f"docker://{registry_token}/{name}:1"
        with pytest.raises(CommandFailed, match=r"denied|unauthorized|authentication required"):
            skopeo("copy", "--dest-tls-verify=false", f"docker-archive:{small}", target)
        skopeo("copy", "--dest-tls-verify=false", "--dest-creds", credentials, f"docker-archive:{small}", target)
    assert skopeo("inspect", "--tls-verify=false", f"docker://{registry_token}/public/small:1")
    with pytest.raises(CommandFailed, match=r"denied|unauthorized|authentication required"):
        skopeo("inspect", "--tls-verify=false", f"docker://{registry_token}/private/small:1")


def test_docker_pushes_to_a_registry(docker: Tool, registry: Registry, small: Path) -> None:
    docker("tag", "jettison-test/small:1", f"{registry}/pushed:1")
    docker("push", f"{registry}/pushed:1")
    docker("image", "rm", f"{registry}/pushed:1")
    assert status(f"http://{registry}/v2/pushed/tags/list") == 200


def test_podman_runs_what_buildah_builds(
    buildah: Tool, podman: Tool, skopeo: Tool, docker: Tool, tmp_path: Path
) -> None:
    root = io.BytesIO()
    with tarfile.open(fileobj=root, mode="w") as archive:
        member = tarfile.TarInfo("greeting")
        member.size = 3
        archive.addfile(member, io.BytesIO(b"hi\n"))
    (tmp_path / "root.tar").write_bytes(root.getvalue())
    (tmp_path / "Containerfile").write_text("FROM scratch\nADD root.tar /\nLABEL made.by=buildah\n")
    buildah("bud", "--tag", "localhost/jettison-test/buildah:1", tmp_path)
    label = '{{index .Labels "made.by"}}'
    assert podman("image", "inspect", "--format", label, "localhost/jettison-test/buildah:1").strip() == "buildah"
    skopeo("copy", "containers-storage:localhost/jettison-test/buildah:1", f"oci:{tmp_path / 'layout'}:1")
    assert (tmp_path / "layout" / "index.json").exists()


def test_podman_runs_a_container(
    podman: Tool, skopeo: Tool, docker: Tool, base_image: Callable[[str], str], tmp_path: Path
) -> None:
    name = base_image("debian:bookworm-slim")
    stored = "localhost/jettison-test/debian:1"
    if not podman("image", "ls", "--quiet", stored).strip():
        docker("save", "--output", tmp_path / "debian.tar", name)
        skopeo("copy", f"docker-archive:{tmp_path / 'debian.tar'}", f"containers-storage:{stored}")
    assert podman("run", "--rm", stored, "cat", "/etc/debian_version").startswith("12")


def test_podman_socket_answers_like_docker(podman_socket: str, docker: Tool) -> None:
    from engine.docker import client

    assert "Podman" in client(podman_socket)("version", "--format", "{{json .Server}}")


def test_umoci_unpacks_a_layout(umoci: Tool, skopeo: Tool, small: Path, tmp_path: Path) -> None:
    skopeo("copy", f"docker-archive:{small}", f"oci:{tmp_path / 'layout'}:1")
    umoci("unpack", "--image", f"{tmp_path / 'layout'}:1", tmp_path / "bundle")
    assert (tmp_path / "bundle" / "rootfs" / "hello").read_text() == "hello\n"


def status(url: str) -> int:
    """The status that a plain GET gets."""
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code
