from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from jettison.errors import ConfigError, RemoteError
from jettison.oci.reference import parse_name
from jettison.registry import names
from jettison.registry.sites import Site, sites
from jettison.registry.transport import proxy_for

if TYPE_CHECKING:
    from pathlib import Path


def found(name: str) -> list[Site]:
    return sites(parse_name(name))


def test_docker_hub_is_elsewhere() -> None:
    (site,) = found("alpine")
    assert (site.host, site.key, site.repository) == ("registry-1.docker.io", "docker.io", "library/alpine")
    assert site.scheme == "https"


@pytest.mark.parametrize(
    ("host", "scheme"),
    [
        ("registry.example", "https"),
        ("10.0.0.1:5000", "https"),
        ("192.168.1.1", "https"),
        ("localhost:5000", None),
        ("registry.localhost", None),
        ("127.8.9.1:80", None),
        ("[::1]:5000", None),
        ("localhost:443", "https"),
        ("localhost.example:5000", "https"),
    ],
)
def test_plain_http_is_for_this_machine(host: str, scheme: str | None) -> None:
    assert found(f"{host}/app")[0].scheme == scheme


def test_plain_http_where_the_user_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JETTISON_INSECURE_REGISTRIES", "10.0.0.1:5000, Registry.example")
    assert found("10.0.0.1:5000/app")[0].insecure
    assert not found("10.0.0.1:5001/app")[0].insecure
    assert found("registry.example:8443/app")[0].insecure
    assert not found("example/app")[0].insecure


def test_registries_conf(home: Path) -> None:
    (home / "registries.conf").write_text(
        """
        unqualified-search-registries = ["docker.io"]
        [[registry]]
        location = "docker.io"
        [[registry.mirror]]
        location = "mirror.example/hub"
        pull-from-mirror = "digest-only"
        [[registry.mirror]]
        location = "localhost:5000"
        [[registry]]
        prefix = "registry.example/team"
        location = "new.example/squad"
        [[registry]]
        prefix = "*.blocked.example"
        blocked = true
        """
    )
    hub = found("alpine")
    assert [(site.host, site.repository) for site in hub] == [
        ("mirror.example", "hub/library/alpine"),
        ("localhost:5000", "library/alpine"),
        ("registry-1.docker.io", "library/alpine"),
    ]
    assert [(site.by_digest, site.by_tag) for site in hub] == [(True, False), (True, True), (True, True)]
    (moved,) = found("registry.example/team/app")
    assert (moved.host, moved.repository) == ("new.example", "squad/app")
    assert found("registry.example/teams/app")[0].host == "registry.example"
    with pytest.raises(RemoteError, match="blocked"):
        found("a.blocked.example/app")


def test_registries_conf_in_parts(home: Path) -> None:
    folder = home / "registries.conf.d"
    folder.mkdir()
    (folder / "10.conf").write_text('[[registry]]\nlocation="a.example"\n[[registry.mirror]]\nlocation="one.example"')
    (folder / "20.conf").write_text('[[registry]]\nlocation="a.example"\n[[registry.mirror]]\nlocation="two.example"')
    (folder / "README").write_text("not read")
    assert [site.host for site in found("a.example/app")] == ["two.example", "a.example"]


def test_hosts_toml(home: Path) -> None:
    folder = home / ".config" / "containerd" / "certs.d" / "docker.io"
    folder.mkdir(parents=True)
    (folder / "hosts.toml").write_text(
        """
        server = "https://registry-1.docker.io"
        [host."http://mirror.example:8080"]
        capabilities = ["pull"]
        [host."https://proxy.example/v2/cache"]
        capabilities = ["pull", "resolve"]
        override_path = true
        skip_verify = true
        """
    )
    first, second, last = found("alpine:3")
    assert (first.scheme, first.host, first.base, first.namespace) == (
        "http",
        "mirror.example:8080",
        "/v2",
        "docker.io",
    )
    assert (first.by_tag, first.by_digest) == (False, True)
    assert (second.base, second.insecure, second.by_tag) == ("/v2/cache", True, True)
    assert (last.host, last.namespace) == ("registry-1.docker.io", None)


def test_a_broken_configuration_is_named(home: Path) -> None:
    (home / "registries.conf").write_text("[[registry")
    with pytest.raises(ConfigError) as caught:
        found("alpine")
    assert caught.value.where == str(home / "registries.conf")


def test_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "proxy.example:3128")
    monkeypatch.setenv("NO_PROXY", "internal.example,.corp.example")
    assert proxy_for("registry.example", "https") == "http://proxy.example:3128"
    assert proxy_for("registry.example", "http") is None
    assert proxy_for("internal.example:5000", "https") is None
    assert proxy_for("a.corp.example", "https") is None
    assert proxy_for("localhost:5000", "https") is None


def test_internal_hosts() -> None:
    internal = ["localhost", "a.localhost:80", "127.0.0.2", "[::1]:5000", "10.1.2.3", "169.254.169.254", "100.64.0.1"]
    assert all(map(names.is_internal, internal))
    assert not any(map(names.is_internal, ["registry.example", "1.1.1.1:443", "[2606:4700::1111]"]))
