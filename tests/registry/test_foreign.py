from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from jettison.errors import InputError, RemoteError
from jettison.oci.descriptor import Descriptor
from jettison.oci.reference import parse_name
from jettison.registry.foreign import checked
from jettison.registry.repository import Repository
from registry.faults import Registry, digest

if TYPE_CHECKING:
    from collections.abc import Callable

DATA = b"foreign"
PUBLIC = ["1.1.1.1"]


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("http://files.example/layer", "only https"),
        ("file:///etc/passwd", "only https"),
        ("https://user:password@files.example/layer", "user information"),
        ("https://:99999/", "is none"),
        ("https:///x", "only https"),
    ],
)
def test_addresses_that_are_refused(url: str, message: str) -> None:
    with pytest.raises(RemoteError, match=message):
        checked(url, "here", lambda host, port: PUBLIC)


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "10.0.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "::1", "fe80::1%eth0", "fd00::1"],
)
def test_hosts_that_are_not_public(address: str) -> None:
    with pytest.raises(RemoteError, match="no public host"):
        checked("https://files.example/layer", "here", lambda host, port: [*PUBLIC, address])


def test_a_public_host_is_looked_up_once() -> None:
    asked: list[tuple[str, int]] = []

    def resolve(host: str, port: int) -> list[str]:
        asked.append((host, port))
        return PUBLIC

    assert checked("https://files.example:8443/layer", "here", resolve) == ("files.example", 8443, "1.1.1.1")
    assert asked == [("files.example", 8443)]


def test_the_registry_is_asked_first(server: Registry, start: Callable[..., Registry]) -> None:
    elsewhere = start("127.0.0.2")
    app = Repository(parse_name(f"{server.host}/app:1"))
    urls = [f"https://{elsewhere.host}/layer"]
    blob = app.blob(Descriptor(digest=digest(DATA), size=len(DATA), urls=urls))
    with pytest.raises(InputError, match="no public host"):
        list(blob.chunks())
    server.blobs[digest(DATA)] = DATA
    assert b"".join(blob.chunks()) == DATA
    assert not elsewhere.seen
