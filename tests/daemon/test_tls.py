"""An engine behind TLS, as `DOCKER_TLS_VERIFY` and `DOCKER_CERT_PATH` name it."""

from __future__ import annotations

import ssl
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest

from jettison.engines import endpoint
from jettison.engines.api import Api
from jettison.errors import ConfigError, RemoteError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Api-Version", "1.45")
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"OK")

    def log_message(self, format: str, *args: object) -> None:
        """Stay quiet."""


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """Refused handshakes are part of the test."""


@pytest.fixture
def certificates(tmp_path: Path) -> Path:
    """ca.pem, cert.pem and key.pem, as an engine's client has them; the certificate is its own authority."""
    folder = tmp_path / "certificates"
    folder.mkdir()
    files = ["-keyout", folder / "key.pem", "-out", folder / "cert.pem"]
    subject = ["-subj", "/CN=engine", "-addext", "subjectAltName=IP:127.0.0.1"]
    request = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", *subject, *files]
    subprocess.run(request, check=True, capture_output=True)
    (folder / "ca.pem").write_bytes((folder / "cert.pem").read_bytes())
    return folder


@pytest.fixture
def port(certificates: Path) -> Iterator[int]:
    """The port of an engine that wants to see a client's certificate."""
    server = Server(("127.0.0.1", 0), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates / "cert.pem", certificates / "key.pem")
    context.load_verify_locations(certificates / "ca.pem")
    context.verify_mode = ssl.CERT_REQUIRED
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield server.server_port
    server.shutdown()
    server.server_close()


def test_tls(port: int, certificates: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"tcp://127.0.0.1:{port}")
    with pytest.raises(RemoteError):
        _ = Api(endpoint.docker()).version
    monkeypatch.setenv("DOCKER_TLS_VERIFY", "1")
    with pytest.raises(RemoteError, match="TLS with docker failed") as caught:
        _ = Api(endpoint.docker()).version
    assert "DOCKER_CERT_PATH" in (caught.value.hint or "")
    monkeypatch.setenv("DOCKER_CERT_PATH", str(certificates))
    assert Api(endpoint.docker()).version == (1, 45)
    monkeypatch.delenv("DOCKER_TLS_VERIFY")
    monkeypatch.setenv("DOCKER_TLS", "1")
    (certificates / "ca.pem").unlink()
    assert Api(endpoint.docker()).version == (1, 45)
    (certificates / "key.pem").write_text("nonsense")
    with pytest.raises(ConfigError, match="certificates cannot be used"):
        _ = Api(endpoint.docker())
