"""Fixtures that start what the integration tests run against (tests/engine).

Each is started once a test run, when the first test asks for it. What cannot be started skips the tests that ask, with
the reason; with JETTISON_TEST_REQUIRE=1, as `scripts/test` sets it where everything must run, it fails them instead.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from engine import bases, containers, images, registry
from engine import docker as engine_docker
from engine.machine import Tool, Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator
    from contextlib import AbstractContextManager

T = TypeVar("T")
STARTED = {
    *(
        "docker_host",
        "docker",
        "docker_env",
        "base_image",
        "built_image",
        "registry",
        "registry_basic",
        "registry_token",
    ),
    *("skopeo", "buildah", "podman", "podman_socket", "umoci"),
}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what needs any of these fixtures, so that `pytest -m 'not engine'` is quick and starts nothing."""
    for item in items:
        if STARTED & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.engine)


def obtain(make: Callable[[], T]) -> T:
    """Start something; what cannot be had skips the test, or fails it where it must be had."""
    try:
        return make()
    except Unavailable as error:
        if os.environ.get("JETTISON_TEST_REQUIRE"):
            pytest.fail(str(error), pytrace=False)
        pytest.skip(str(error))


def held(context: AbstractContextManager[T]) -> Generator[T, None, None]:
    """Start something that ends with the test run."""
    value = obtain(context.__enter__)
    yield value
    context.__exit__(None, None, None)


@pytest.fixture(scope="session")
def docker_host() -> Iterator[str]:
    """The address of a running Docker engine (26 with BuildKit where the tests start it): `unix://…`."""
    session = engine_docker.Session()
    yield obtain(session.enter)
    session.leave()


@pytest.fixture(scope="session")
def containerd_host() -> Iterator[str]:
    """The address of a second engine, which keeps images in containerd's store."""
    session = engine_docker.Session(engine_docker.CONTAINERD)
    yield obtain(session.enter)
    session.leave()


@pytest.fixture(scope="session")
def containerd_docker(containerd_host: str) -> Tool:
    """The docker command line, speaking to the engine with containerd's store: it writes provenance."""
    return obtain(lambda: engine_docker.client(containerd_host))


@pytest.fixture(scope="session")
def docker(docker_host: str) -> Tool:
    """The docker command line, speaking to the engine: `docker("build", "--network", "host", folder)`."""
    return obtain(lambda: engine_docker.client(docker_host))


@pytest.fixture
def docker_env(docker_host: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """The engine's address, which stands in DOCKER_HOST during the test."""
    monkeypatch.setenv("DOCKER_HOST", docker_host)
    monkeypatch.delenv("DOCKER_CONTEXT", raising=False)
    return docker_host


@pytest.fixture(scope="session")
def base_image(docker: Tool) -> Callable[[str], str]:
    """`base_image("debian:bookworm-slim")` makes sure that the engine has it, and returns the name."""
    return lambda name: obtain(lambda: bases.ensure(docker, name))


@pytest.fixture(scope="session")
def built_image(docker: Tool) -> Callable[[str], images.BuiltImage]:
    """`built_image("apt-three-runs")` is a pair of real images from tests/images, built or from the cache."""
    return lambda name: obtain(lambda: images.build(docker, name))


@pytest.fixture(scope="session")
def registry_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the registries of this run keep their blobs."""
    return tmp_path_factory.mktemp("registries")


@pytest.fixture(scope="session", name="registry")
def open_registry(registry_folder: Path) -> Iterator[registry.Registry]:
    """`127.0.0.1:PORT` of a real registry that asks for nothing."""
    yield from held(registry.running(registry_folder / "open"))


@pytest.fixture(scope="session")
def registry_basic(registry_folder: Path) -> Iterator[registry.Registry]:
    """A registry behind a password: `.user`, `.password`."""
    yield from held(registry.running(registry_folder / "basic", "basic"))


@pytest.fixture(scope="session")
def registry_token(registry_folder: Path) -> Iterator[registry.Registry]:
    """A registry behind a token server: `.user`, `.password`; anybody may pull `public/…`."""
    yield from held(registry.running(registry_folder / "token", "token"))


@pytest.fixture(scope="session")
def skopeo() -> Tool:
    """`skopeo("copy", "docker-archive:a.tar", "oci:b:latest")`; the registries want `--dest-tls-verify=false`."""
    return obtain(containers.skopeo)


@pytest.fixture(scope="session")
def buildah() -> Tool:
    """`buildah("bud", folder)`, with the storage that `podman` and `skopeo`'s containers-storage also see."""
    return obtain(containers.buildah)


@pytest.fixture(scope="session")
def podman() -> Tool:
    """`podman("run", "--rm", image, command)`."""
    return obtain(containers.podman)


@pytest.fixture(scope="session")
def podman_socket(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """`unix://…` of podman's API service."""
    yield from held(containers.podman_service(tmp_path_factory.mktemp("podman")))


@pytest.fixture(scope="session")
def umoci() -> Tool:
    """`umoci("unpack", "--image", "layout:tag", folder)`: an independent judge of layers."""
    return obtain(containers.umoci)
