"""Debian's `docker-registry` on a loopback port: open, behind a password, behind a token server, or with TLS."""

from __future__ import annotations

import contextlib
import json
import subprocess
import threading
from typing import TYPE_CHECKING

from .machine import end, free_port, listens, need, run, wait_for
from .tokens import PASSWORD, SERVICE, USER, TokenServer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

HASH = "$2b$05$jettisontestsaltjettieOHNUPyqXKU9dr1.Pqs0DV8H9FA8W1au"
"""bcrypt of PASSWORD, which is no secret: it opens an empty registry that lives as long as a test run."""


class Registry(str):
    """`127.0.0.1:PORT` of a running registry, speaking plain HTTP but with TLS, with what it takes to get in."""

    user: str | None = None
    password: str | None = None
    root: Path
    log: Path
    certificate: Path | None = None
    process: subprocess.Popen[bytes]

    __slots__ = ("__dict__",)


@contextlib.contextmanager
def running(folder: Path, mode: str = "open") -> Iterator[Registry]:
    """Run a registry in a folder of its own, on what it held before; `mode` is open, basic, token or tls."""
    need("docker-registry", "openssl")
    folder.mkdir(parents=True, exist_ok=True)
    port = free_port()
    registry = Registry(f"127.0.0.1:{port}")
    registry.root, registry.log = folder / "data", folder / "log"
    with contextlib.ExitStack() as stack:
        auth: dict[str, object] = {}
        if mode == "basic":
            (folder / "htpasswd").write_text(f"{USER}:{HASH}\n")
            auth = {"htpasswd": {"realm": "test", "path": str(folder / "htpasswd")}}
        elif mode == "token":
            server = TokenServer(folder)
            threading.Thread(target=server.serve_forever, daemon=True).start()
            stack.callback(server.server_close)
            stack.callback(server.shutdown)
            auth = {"token": server.registry_settings()}
        if auth:
            registry.user, registry.password = USER, PASSWORD
        tls = {}
        if mode == "tls":
            registry.certificate = folder / "tls.crt"
            tls = {"tls": {"certificate": str(registry.certificate), "key": str(folder / "tls.key")}}
            request = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=test"]
            name = ["-addext", "subjectAltName=IP:127.0.0.1"]
            run(*request, *name, "-keyout", folder / "tls.key", "-out", registry.certificate)
        config = {
            "version": "0.1",
            "log": {"level": "warn", "accesslog": {"disabled": False}},
            "storage": {"filesystem": {"rootdirectory": str(registry.root)}, "delete": {"enabled": True}},
            "http": {"addr": str(registry), "secret": "test", **tls},
            **({"auth": auth} if auth else {}),
        }
        (folder / "config.yml").write_text(json.dumps(config))  # JSON is YAML
        with registry.log.open("wb") as output:
            process = registry.process = subprocess.Popen(
                ["docker-registry", "serve", str(folder / "config.yml")], stdout=output, stderr=output
            )
        stack.callback(end, process)
        wait_for(listens(port), 30, "docker-registry", registry.log)
        yield registry


__all__ = ["PASSWORD", "SERVICE", "USER", "Registry", "run", "running"]
