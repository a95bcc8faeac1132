from __future__ import annotations

import ssl
import subprocess
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from jettison.errors import ConfigError, DigestMismatch, ImageError, InputError, NotFound, RemoteError, Unauthorized
from jettison.oci.reference import parse_name
from jettison.registry.client import checked_redirect
from jettison.registry.repository import Repository
from registry.faults import Registry, Sample, digest, fails, hangs, redirects

if TYPE_CHECKING:
    from pathlib import Path

Start = Callable[..., Registry]
MANIFEST = "/v2/app/manifests/1"


@pytest.fixture
def app(server: Registry, sample: Sample) -> Repository:
    server.put(sample, "1")
    return Repository(parse_name(f"{server.host}/app:1"))


def test_a_manifest(server: Registry, app: Repository, sample: Sample) -> None:
    document = app.manifest("1")
    assert (document.data, document.digest) == (sample.manifest, digest(sample.manifest))
    accept = next(request.headers["accept"] for request in server.seen if request.path == MANIFEST)
    assert len(accept.split(", ")) == 4
    assert server.seen[-1].headers["user-agent"].startswith("jettison/")


@pytest.mark.parametrize(
    ("status", "kind", "message"),
    [
        (400, RemoteError, "answered 400"),
        (401, Unauthorized, "is refused"),
        (403, Unauthorized, "is forbidden"),
        (404, NotFound, "there is no manifest of 1"),
        (418, RemoteError, "answered 418"),
        (429, RemoteError, "too many requests"),
        (500, RemoteError, "answered 500"),
        (503, RemoteError, "answered 503"),
    ],
)
def test_refusals(server: Registry, app: Repository, status: int, kind: type[InputError], message: str) -> None:
    server.on(MANIFEST, fails(status, "CODE", "its own\x1b[31m words"), times=0)
    with pytest.raises(kind, match=message) as caught:
        app.manifest("1")
    assert type(caught.value) is kind
    assert "its own [31m words" in str(caught.value)
    assert caught.value.where == server.host
    transient = status in (429, 500, 503)
    assert server.paths().count(MANIFEST) == (5 if transient else 1)


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_transient_failures_pass(server: Registry, app: Repository, waits: list[float], status: int) -> None:
    server.on(MANIFEST, fails(status), times=3)
    app.manifest("1")
    assert len(waits) == 3


def test_retry_after_and_the_rate_limit(server: Registry, app: Repository, waits: list[float]) -> None:
    headers = {"RateLimit_Limit": "100;w=21600", "RateLimit_Remaining": "0;w=21600"}
    server.on(MANIFEST, fails(429, "TOOMANYREQUESTS", "slow down", Retry_After="7", **headers))
    app.manifest("1")
    assert waits == [7.0]
    server.on(MANIFEST, fails(429, "TOOMANYREQUESTS", "slow down", Retry_After="9000", **headers))
    with pytest.raises(RemoteError) as caught:
        app.manifest("1")
    assert caught.value.status == 429 and waits == [7.0]
    assert "9,000 s" in (caught.value.hint or "") and "0 of 100 pulls in 6 h" in (caught.value.hint or "")
    assert app.limit is not None and app.limit.limit == 100


def test_a_connection_that_drops(server: Registry, app: Repository, waits: list[float]) -> None:
    server.on(MANIFEST, lambda handler: handler.hang_up(), times=2)
    app.manifest("1")
    server.on(MANIFEST, lambda handler: handler.hang_up(), times=0)
    with pytest.raises(RemoteError, match="connection broke"):
        app.manifest("1")


def test_a_manifest_that_breaks_off(server: Registry, app: Repository, sample: Sample) -> None:
    def half(handler: object) -> None:
        handler.answer(200, sample.manifest[:100], Content_Length=str(len(sample.manifest)))  # type: ignore[attr-defined]
        handler.hang_up()  # type: ignore[attr-defined]

    server.on(MANIFEST, half, times=2)
    assert app.manifest("1").data == sample.manifest
    server.on(MANIFEST, half, times=0)
    with pytest.raises(RemoteError, match="connection broke"):
        app.manifest("1")


def test_a_server_that_hangs(server: Registry, app: Repository) -> None:
    server.on(MANIFEST, hangs, times=0)
    began = time.monotonic()
    with pytest.raises(RemoteError, match="fallen silent"):
        app.manifest("1")
    assert time.monotonic() - began < 5


def test_nobody_listens(start: Start, waits: list[float]) -> None:
    server = start()
    server.close()
    with pytest.raises(RemoteError, match="cannot be reached"):
        Repository(parse_name(f"{server.host}/app:1")).manifest("1")


def test_no_such_host(waits: list[float]) -> None:
    with pytest.raises(RemoteError, match="no such host"):
        Repository(parse_name("registry.invalid/app:1")).manifest("1")


def test_bytes_that_are_not_http(server: Registry, app: Repository) -> None:
    def garbage(handler: object) -> None:
        handler.wfile.write(b"\x15\x03\x01\x00\x02\x02\n" * 3)  # type: ignore[attr-defined]
        handler.hang_up()  # type: ignore[attr-defined]

    server.on(MANIFEST, garbage, times=0)
    with pytest.raises(RemoteError):
        app.manifest("1")


def test_a_manifest_without_end(server: Registry, app: Repository) -> None:
    server.on(MANIFEST, lambda handler: handler.answer(200, bytes(20 << 20)))
    with pytest.raises(ImageError, match="more than"):
        app.manifest("1")


def test_digests_that_lie(server: Registry, app: Repository, sample: Sample) -> None:
    other = sample.manifest + b" "
    server.on(MANIFEST, lambda handler: handler.answer(200, other, Docker_Content_Digest=digest(sample.manifest)))
    with pytest.raises(DigestMismatch, match="another manifest"):
        app.manifest("1")
    path = f"/v2/app/manifests/{digest(sample.manifest)}"
    server.on(path, lambda handler: handler.answer(200, other))
    with pytest.raises(DigestMismatch, match="another manifest"):
        app.manifest(digest(sample.manifest))
    server.on(MANIFEST, lambda handler: handler.answer(200, other, Docker_Content_Digest="nonsense"))
    with pytest.raises(ImageError, match="not a digest"):
        app.manifest("1")


@pytest.mark.parametrize(
    "kind", ["application/vnd.docker.distribution.manifest.v1+prettyjws", "application/json", "text/html"]
)
def test_schema_1_is_refused(server: Registry, app: Repository, kind: str) -> None:
    old = b'{"schemaVersion": 1, "name": "app", "tag": "1", "fsLayers": [], "history": []}'
    server.put_manifest(old, "1", media_type=kind)
    with pytest.raises(ImageError, match="schema 1") as caught:
        app.manifest("1")
    assert "push the image again" in (caught.value.hint or "")


def test_tags_come_in_pages(server: Registry, app: Repository, start: Start) -> None:
    path = "/v2/app/tags/list"
    pages = ([b"a", b"b"], [b"c"], [b"d"])

    def page(number: int) -> Callable[..., None]:
        body = b'{"tags": [' + b",".join(b'"%s"' % tag for tag in pages[number]) + b"]}"
        link = {"Link": f'<{path}?last={number}&n=2>; rel="next"'} if number < 2 else {}
        return lambda handler: handler.answer(200, body, **link)

    for number in range(3):
        server.on(path, page(number))
    assert list(app.tags()) == ["a", "b", "c", "d"]
    assert server.seen[-1].query == "last=1&n=2"
    server.on(path, page(0), times=0)
    assert list(app.tags()) == ["a", "b", "a", "b"]
    elsewhere = start("127.0.0.2")
    server._script.clear()
    link = f'<http://{elsewhere.host}{path}>; rel="next"'
    server.on(path, lambda handler: handler.answer(200, b'{"tags": null}', Link=link))
    with pytest.raises(RemoteError, match="elsewhere"):
        list(app.tags())
    assert not elsewhere.seen


def test_referrers(server: Registry, app: Repository, sample: Sample) -> None:
    path = f"/v2/app/referrers/{digest(sample.manifest)}"
    subject = app.manifest("1").digest
    assert app.referrers(subject).manifests == []
    index = b'{"schemaVersion": 2, "manifests": [{"mediaType": "x", "digest": "%s", "size": 1}]}'
    index %= digest(b"cargo").encode()
    oci = "application/vnd.oci.image.index.v1+json"
    server.put_manifest(index, subject.replace(":", "-"), media_type=oci)
    assert [entry.digest for entry in app.referrers(subject).manifests] == [digest(b"cargo")]
    server.on(path, lambda handler: handler.answer(200, b'{"manifests": []}', Content_Type=oci))
    assert app.referrers(subject).manifests == []


def test_no_credentials_for_another_host(
    server: Registry, app: Repository, start: Start, sample: Sample, home: Path
) -> None:
    (home / ".docker").mkdir()
    auths = (
        '{"auths": {"%s": {"username": "u", "password": "secret"}, "127.0.0.2": {"username": "u", "password": "s"}}}'
    )
    (home / ".docker" / "config.json").write_text(auths % server.host)
    storage = start("127.0.0.2")
    blob, path = sample.config, f"/v2/app/blobs/{digest(sample.config)}"
    storage.blobs[digest(blob)] = blob
    server.on(path, fails(401, WWW_Authenticate='Basic realm="x"'), times=1)
    server.on(path, redirects(f"http://{storage.host}{path}?signature=x"), times=0)
    descriptor = app.manifest("1")
    from jettison.oci import manifest

    parsed = manifest.parse(descriptor.data)
    assert app.small_blob(parsed.config, "configuration") == blob
    assert any("authorization" in request.headers for request in server.seen)
    (request,) = storage.seen
    assert request.query == "signature=x"
    assert not {"authorization", "cookie"} & set(request.headers)
    storage.on(path, fails(401, WWW_Authenticate='Basic realm="give me"'), times=0)
    with pytest.raises(Unauthorized):
        app.small_blob(parsed.config, "configuration")
    assert all("authorization" not in request.headers for request in storage.seen)


def test_redirects_on_the_same_host_keep_credentials_and_end(server: Registry, app: Repository) -> None:
    server.on(MANIFEST, redirects("/v2/app/manifests/2"))
    server.on("/v2/app/manifests/2", redirects(MANIFEST))
    app.manifest("1")
    server.on(MANIFEST, redirects(MANIFEST), times=0)
    with pytest.raises(RemoteError, match="circles"):
        app.manifest("1")


@pytest.mark.parametrize(
    ("url", "location", "message"),
    [
        ("https://a.example/x", "http://a.example/y", "plain http"),
        ("https://a.example/x", "https://localhost/y", "this machine"),
        ("https://a.example/x", "https://127.0.0.1:2375/images/json", "this machine"),
        ("https://a.example/x", "file:///etc/passwd", "no web address"),
        ("https://a.example/x", "", "no web address"),
        ("https://a.example/x", "https://[/", "no web address"),
    ],
)
def test_redirects_that_are_refused(url: str, location: str, message: str) -> None:
    with pytest.raises(RemoteError, match=message):
        checked_redirect(url, location)


def test_mirrors_are_asked_first(
    server: Registry, start: Start, sample: Sample, home: Path, waits: list[float]
) -> None:
    mirror, broken = start("127.0.0.2"), start("127.0.0.3")
    server.put(sample, "1")
    mirror.put(sample, repository="cache/app")
    broken.on("/v2/app/manifests/1", lambda handler: handler.answer(200, b"damaged", Docker_Content_Digest="x"), 0)
    (home / "registries.conf").write_text(
        f'[[registry]]\nlocation = "{server.host}"\n[[registry.mirror]]\nlocation = "{broken.host}"\n'
        f'[[registry.mirror]]\nlocation = "{mirror.host}/cache"\npull-from-mirror = "digest-only"\n'
    )
    app = Repository(parse_name(f"{server.host}/app:1"))
    document = app.manifest("1")
    assert document.data == sample.manifest and not mirror.paths()
    assert app.manifest(document.digest).data == sample.manifest
    assert mirror.paths() == [f"/v2/cache/app/manifests/{document.digest}"]
    mirror.close()
    assert app.manifest(document.digest).data == sample.manifest


def test_a_proxy(start: Start, sample: Sample, monkeypatch: pytest.MonkeyPatch) -> None:
    proxy = start()
    proxy.put(sample, "1")
    monkeypatch.setenv("http_proxy", f"http://me:secret@{proxy.host}")
    monkeypatch.setenv("https_proxy", f"http://me:secret@{proxy.host}")
    monkeypatch.setenv("JETTISON_INSECURE_REGISTRIES", "registry.invalid")
    document = Repository(parse_name("registry.invalid/app:1")).manifest("1")
    assert document.data == sample.manifest
    assert proxy.seen[-1].headers["host"] == "registry.invalid"
    assert proxy.seen[-1].headers["proxy-authorization"].startswith("Basic ")
    monkeypatch.setenv("http_proxy", "socks5://127.0.0.1:1")
    monkeypatch.setenv("https_proxy", "socks5://127.0.0.1:1")
    with pytest.raises(ConfigError, match="not supported"):
        Repository(parse_name("registry.invalid/app:1")).manifest("1")


@pytest.fixture
def secure(server: Registry, tmp_path: Path) -> Path:
    """The certificate of a registry that speaks TLS."""
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    names = "subjectAltName=IP:127.0.0.1"
    request = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=test"]
    subprocess.run([*request, "-addext", names, "-keyout", key, "-out", certificate], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    return certificate


def test_tls(
    server: Registry, secure: Path, sample: Sample, home: Path, monkeypatch: pytest.MonkeyPatch, waits: list[float]
) -> None:
    server.put(sample, "1")
    name = parse_name(f"{server.host}/app:1")
    with pytest.raises(RemoteError, match="not to be trusted") as caught:
        Repository(name).manifest("1")
    assert "certs.d" in (caught.value.hint or "") and not waits
    monkeypatch.setenv("JETTISON_INSECURE_REGISTRIES", server.host)
    assert Repository(name).manifest("1").data == sample.manifest
    monkeypatch.delenv("JETTISON_INSECURE_REGISTRIES")
    monkeypatch.setenv("SSL_CERT_FILE", str(secure))
    assert Repository(name).manifest("1").data == sample.manifest
    monkeypatch.delenv("SSL_CERT_FILE")
    folder = home / ".config" / "docker" / "certs.d" / server.host
    folder.mkdir(parents=True)
    (folder / "ca.crt").write_bytes(secure.read_bytes())
    assert Repository(name).manifest("1").data == sample.manifest
    (folder / "ca.crt").write_bytes(b"nonsense")
    with pytest.raises(ConfigError, match="certificate authority"):
        Repository(name).manifest("1")


def test_client_certificates(server: Registry, secure: Path, sample: Sample, home: Path, waits: list[float]) -> None:
    server.put(sample, "1")
    context = server.socket.context  # type: ignore[attr-defined]
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(secure)
    folder = home / ".config" / "containers" / "certs.d" / server.host
    folder.mkdir(parents=True)
    (folder / "ca.crt").write_bytes(secure.read_bytes())
    name = parse_name(f"{server.host}/app:1")
    with pytest.raises(RemoteError):
        Repository(name).manifest("1")
    (folder / "client.cert").write_bytes(secure.read_bytes())
    (folder / "client.key").write_bytes(secure.with_name("key.pem").read_bytes())
    assert Repository(name).manifest("1").data == sample.manifest
