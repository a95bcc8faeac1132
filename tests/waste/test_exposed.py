"""Files whose names say that they hold secrets: found in every layer, and not cried about where they are samples."""

from __future__ import annotations

import pytest

from waste.layering import GONE, analysis

SECRETS = [
    "root/.ssh/id_rsa",
    "root/.ssh/deploy.pem",
    "etc/ssh/ssh_host_ed25519_key",
    "app/.env",
    "app/.env.production",
    "root/.npmrc",
    "root/.netrc",
    "root/.git-credentials",
    "root/.docker/config.json",
    "root/.aws/credentials",
    "root/.kube/config",
    "root/.config/gcloud/application_default_credentials.json",
    "root/.config/gh/hosts.yml",
    "root/.cargo/credentials.toml",
    "app/config/master.key",
    "app/service-account.json",
    "app/credentials.json",
    "app/secrets.yaml",
    "etc/ssl/private/server.key",
    "etc/letsencrypt/live/x/privkey.pem",
    "app/keystore.jks",
    "app/my-private-key.pem",
    "app/terraform.tfstate",
    "root/.gnupg/private-keys-v1.d/0A.key",
]
HARMLESS = [
    "root/.ssh/id_rsa.pub",
    "root/.ssh/known_hosts",
    "etc/ssh/ssh_host_ed25519_key.pub",
    "app/.env.example",
    "app/.env.sample",
    "app/environment.env",
    "app/.yarnrc.yml",
    "usr/local/lib/node_modules/npm/.npmrc",
    "app/node_modules/x/.env",
    "app/node_modules/agent-base/test/ssl-cert-snakeoil.key",
    "etc/ssl/private/ssl-cert-snakeoil.key",
    "etc/ssl/certs/ca-certificates.crt",
    "etc/ssl/certs/java/cacerts",
    "usr/share/doc/x/examples/server.key",
    "usr/lib/python3/dist-packages/x/private.pem",
    "usr/local/lib/python3.12/test/certdata/ssl_key.passwd.pem",
    "usr/local/go/src/crypto/tls/testdata/example-key.pem",
    "root/go/pkg/mod/google.golang.org/grpc@v1.68.0/testdata/server1.key",
    "app/tests/fixtures/id_rsa",
    "app/monkey.key.js",
    "app/public.pem",
    "app/config/credentials.yml.enc",
]


def paths(found: object) -> list[str]:
    return [exposure.path.decode() for exposure in found.exposures]  # type: ignore[attr-defined]


@pytest.mark.parametrize("path", SECRETS)
def test_told(path: str) -> None:
    assert paths(analysis({path: b"secret"})) == [path]


def test_harmless() -> None:
    assert paths(analysis(dict.fromkeys(HARMLESS, b"no secret"))) == []


def test_a_deleted_secret_is_still_in_its_layer() -> None:
    found = analysis({"bin/x": b"1"}, {"root/.netrc": b"machine x"}, {"root/.netrc": GONE})
    assert [(e.path, e.layer, e.hidden_by) for e in found.exposures] == [(b"root/.netrc", 1, 2)]


def test_an_empty_file_holds_no_secret() -> None:
    assert paths(analysis({"app/.env": b""})) == []


def test_what_a_package_owns_is_no_secret() -> None:
    status = b"Package: x\nStatus: install ok installed\nArchitecture: all\nVersion: 1\n"
    listed = b"/.\n/etc/x/private.key\n"
    layer = {"var/lib/dpkg/status": status, "var/lib/dpkg/info/x.list": listed, "etc/x/private.key": b"sample"}
    assert paths(analysis(layer)) == []
