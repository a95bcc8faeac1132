"""A token server for tests: the part of a registry's login that a big registry runs as a service of its own.

It speaks the distribution token protocol: `GET /token?service=…&scope=repository:NAME:ACTIONS` with a password or
without, and the OAuth2 `POST` form of the same. Anybody may pull what stands under `public/`; the rest needs the user.
Tokens are RS256 JWTs whose certificate goes with them (`x5c`), signed with `openssl`.
"""

from __future__ import annotations

import base64
import json
import secrets
import subprocess
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

from .machine import run

if TYPE_CHECKING:
    from pathlib import Path

USER, PASSWORD = "sailor", "overboard"
ISSUER, SERVICE = "jettison-test", "test-registry"
LIFETIME = 300
"""Seconds that a token is good for."""


class TokenServer(ThreadingHTTPServer):
    """Listens on a free loopback port; `issued` keeps the access lists of all tokens it gave out."""

    daemon_threads = True

    def __init__(self, folder: Path) -> None:
        """Make a key and a certificate in `folder`, and bind."""
        super().__init__(("127.0.0.1", 0), Handler)
        self.key, self.certificate = folder / "token.key", folder / "token.crt"
        self.issued: list[list[dict[str, Any]]] = []
        request = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={ISSUER}"]
        run(*request, "-keyout", self.key, "-out", self.certificate)

    def registry_settings(self) -> dict[str, str]:
        """What the registry must know to send its callers here."""
        return {
            "realm": f"http://127.0.0.1:{self.server_port}/token",
            "service": SERVICE,
            "issuer": ISSUER,
            "rootcertbundle": str(self.certificate),
        }

    def token(self, subject: str, scopes: list[str]) -> dict[str, Any]:
        """The answer to a request: a signed token with the access that this subject may have."""
        access = [item for scope in scopes if (item := allowed(subject, scope))]
        self.issued.append(access)
        now = int(time.time())
        der = "".join(line for line in self.certificate.read_text().splitlines() if not line.startswith("-"))
        header = {"typ": "JWT", "alg": "RS256", "x5c": [der]}
        claims = {
            "iss": ISSUER,
            "sub": subject,
            "aud": SERVICE,
            "exp": now + LIFETIME,
            "nbf": now - 10,
            "iat": now,
            "jti": secrets.token_hex(8),
            "access": access,
        }
        signed = f"{segment(json.dumps(header).encode())}.{segment(json.dumps(claims).encode())}"
        command = ["openssl", "dgst", "-sha256", "-sign", str(self.key)]
        signature = subprocess.run(command, input=signed.encode(), capture_output=True, check=True).stdout
        text = f"{signed}.{segment(signature)}"
        return {"token": text, "access_token": text, "expires_in": LIFETIME, "issued_at": stamp(now)}


class Handler(BaseHTTPRequestHandler):
    """Answers `/token`."""

    server: TokenServer

    def do_GET(self) -> None:
        """Basic credentials or none; wrong ones are refused."""
        query = parse_qs(urlsplit(self.path).query)
        subject = ""
        if authorization := self.headers.get("Authorization"):
            expected = "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
            if authorization != expected:
                self.answer(401, {"details": "incorrect username or password"})
                return
            subject = USER
        self.answer(200, self.server.token(subject, split_scopes(query.get("scope", []))))

    def do_POST(self) -> None:
        """The OAuth2 form, with grant_type=password."""
        form = parse_qs(self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode())
        if form.get("username") != [USER] or form.get("password") != [PASSWORD]:
            self.answer(401, {"details": "incorrect username or password"})
            return
        self.answer(200, self.server.token(USER, split_scopes(form.get("scope", []))))

    def answer(self, status: int, body: dict[str, Any]) -> None:
        """Send JSON."""
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:
        """Stay quiet: pytest shows what matters."""


def allowed(subject: str, scope: str) -> dict[str, Any] | None:
    """The part of `repository:NAME:ACTIONS` that a subject may have."""
    kind, _, rest = scope.partition(":")
    name, _, actions = rest.rpartition(":")
    wanted = [action for action in actions.split(",") if action]
    if subject != USER:
        wanted = [action for action in wanted if action == "pull" and name.startswith("public/")]
    return {"type": kind, "name": name, "actions": wanted} if wanted else None


def split_scopes(values: list[str]) -> list[str]:
    """Scopes come one a parameter or several in one, with spaces."""
    return [scope for value in values for scope in value.split()]


def segment(data: bytes) -> str:
    """Base64url without padding, as JWTs have it."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def stamp(seconds: int) -> str:
    """RFC 3339, UTC."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))
