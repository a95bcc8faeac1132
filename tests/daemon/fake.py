"""An engine made of canned answers, listening on a unix socket; and what engines of all ages save."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import socketserver
import tarfile
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar"


def digest(data: bytes) -> str:
    """The sha256 digest."""
    return "sha256:" + hashlib.sha256(data).hexdigest()


def blob_path(data: bytes) -> str:
    """Where a blob stands in a layout."""
    return "blobs/" + digest(data).replace(":", "/")


def tar(files: dict[str, bytes | str]) -> bytes:
    """A tar of files, in this order; a text is a link's target."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, body in files.items():
            member = tarfile.TarInfo(name)
            if isinstance(body, str):
                member.type, member.linkname = tarfile.SYMTYPE, body
                archive.addfile(member)
            else:
                member.size = len(body)
                archive.addfile(member, io.BytesIO(body))
    return buffer.getvalue()


LAYERS = [tar({"etc/os-release": b"ID=test\n" * 100}), tar({"app/data": b"data" * 90_000}), tar({"{odd": b"json?"})]
CONFIGURATION = json.dumps(
    {
        "architecture": "amd64",
        "os": "linux",
        "rootfs": {"type": "layers", "diff_ids": [digest(layer) for layer in LAYERS]},
        "history": [{"created_by": f"step {number}"} for number in range(len(LAYERS))],
    }
).encode()
ID = digest(CONFIGURATION)


def described(data: bytes, media_type: str, **more: Any) -> dict[str, Any]:
    """A descriptor."""
    return {"mediaType": media_type, "digest": digest(data), "size": len(data), **more}


def manifest(layers: list[bytes], media_type: str) -> bytes:
    """The image's manifest with its layers in some form."""
    entries = [described(layer, media_type) for layer in layers]
    document = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": described(CONFIGURATION, CONFIG),
        "layers": entries,
    }
    return json.dumps(document).encode()


def saved_legacy() -> bytes:
    """Docker up to 24: a folder a layer, with documents of version 1, and a link for a layer that occurs twice."""
    files: dict[str, bytes | str] = {}
    paths = []
    for number, layer in enumerate(LAYERS):
        folder = f"{number:064x}"
        files[f"{folder}/VERSION"] = b"1.0"
        files[f"{folder}/json"] = b'{"id": "%d"}' % number
        files[f"{folder}/layer.tar"] = layer
        paths.append(f"{folder}/layer.tar")
    files[f"{ID[7:]}.json"] = CONFIGURATION
    files["manifest.json"] = json.dumps([{"Config": f"{ID[7:]}.json", "RepoTags": None, "Layers": paths}]).encode()
    files["repositories"] = b"{}"
    return tar(files)


def saved_25(*, first: bool = False) -> bytes:
    """Docker 25 and later: blobs, in the order of their digests, with the documents last, or first."""
    document = manifest(LAYERS, LAYER)
    index = {"schemaVersion": 2, "manifests": [described(document, MANIFEST)]}
    entry = {"Config": blob_path(CONFIGURATION), "RepoTags": None, "Layers": [blob_path(layer) for layer in LAYERS]}
    documents: dict[str, bytes | str] = {
        "index.json": json.dumps(index).encode(),
        "manifest.json": json.dumps([entry]).encode(),
        "oci-layout": b'{"imageLayoutVersion": "1.0.0"}',
    }
    blobs: dict[str, bytes | str] = {blob_path(data): data for data in (*LAYERS, CONFIGURATION, document)}
    blobs = dict(sorted(blobs.items()))
    return tar({**documents, **blobs} if first else {**blobs, **documents})


@dataclass
class Containerd:
    """Docker 29 with a containerd store: layers as they were pulled, a nested index, other platforms left out."""

    layers: list[bytes] = field(default_factory=lambda: [gzip.compress(layer, 1, mtime=0) for layer in LAYERS])
    statement: bytes = b'{"predicateType": "https://slsa.dev/provenance/v1"}'

    def __post_init__(self) -> None:
        self.manifest = manifest(self.layers, LAYER + "+gzip")
        about = {
            "vnd.docker.reference.type": "attestation-manifest",
            "vnd.docker.reference.digest": digest(self.manifest),
        }
        statements = [described(self.statement, "application/vnd.in-toto+json")]
        self.attestation = json.dumps(
            {"schemaVersion": 2, "config": described(b"{}", CONFIG), "layers": statements}
        ).encode()
        entries = [
            described(self.manifest, MANIFEST, platform={"os": "linux", "architecture": "amd64"}),
            {
                "mediaType": MANIFEST,
                "digest": digest(b"absent"),
                "size": 9,
                "platform": {"os": "linux", "architecture": "arm64"},
            },
            described(
                self.attestation, MANIFEST, annotations=about, platform={"os": "unknown", "architecture": "unknown"}
            ),
        ]
        self.index = json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": entries}).encode()

    def saved(self) -> bytes:
        """What it saves."""
        blobs = (*self.layers, CONFIGURATION, self.manifest, self.index, self.attestation, self.statement)
        entry = {"Config": blob_path(CONFIGURATION), "RepoTags": ["app:1"]}
        layers = [blob_path(layer) for layer in self.layers]
        root = {"schemaVersion": 2, "manifests": [described(self.index, INDEX)]}
        return tar(
            {
                **dict(sorted((blob_path(data), data) for data in blobs)),
                "index.json": json.dumps(root).encode(),
                "manifest.json": json.dumps([{**entry, "Layers": layers}]).encode(),
                "oci-layout": b'{"imageLayoutVersion": "1.0.0"}',
            }
        )


class Engine(socketserver.ThreadingUnixStreamServer):
    """Answers `inspect` and `save` for one image, `app:1`."""

    daemon_threads = True

    def __init__(self, path: Path, saved: bytes, identity: str = ID, version: str = "1.45") -> None:
        super().__init__(str(path), _Handler)
        self.address = f"unix://{path}"
        self.version = version
        self.paths: list[str] = []
        self.answers: dict[str, Any] = {}
        self.chunks: list[int] = []
        self.loaded: bytes | None = None
        self.told = b'{"stream":"Loaded image: app:1\\n"}\r\n'
        self.ended = threading.Event()
        self.save: Callable[[_Handler], None] = lambda handler: handler.chunked(saved)
        self.inspected: dict[str, Any] = {
            "Id": identity,
            "RepoTags": ["app:1"],
            "RootFS": {"Type": "layers", "Layers": [digest(layer) for layer in LAYERS]},
        }
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()

    @property
    def saves(self) -> int:
        """How often the image was packed."""
        return sum(path.endswith("/get") for path in self.paths)

    def handle_error(self, request: object, client_address: object) -> None:
        """Clients that hang up are part of the test."""

    def close(self) -> None:
        """End."""
        self.ended.set()
        self.shutdown()
        self.server_close()


class _Handler(BaseHTTPRequestHandler):
    server: Engine
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        path = unquote(parts.path).removeprefix(f"/v{self.server.version}")
        self.server.paths.append(path)
        if path == "/_ping":
            return self.answer(200, b"OK", Api_Version=self.server.version)
        if path in self.server.answers:
            return self.answer(200, json.dumps(self.server.answers[path]).encode())
        if path in ("/images/app:1/json", f"/images/{self.server.inspected['Id']}/json"):
            return self.answer(200, json.dumps(self.server.inspected).encode())
        if path == f"/images/{self.server.inspected['Id']}/get":
            return self.server.save(self)
        name = path.removeprefix("/images/").removesuffix("/json")
        return self.answer(404, json.dumps({"message": f"No such image: {name}"}).encode())

    def do_POST(self) -> None:
        path = self.path.removeprefix(f"/v{self.server.version}")
        self.server.paths.append(path)
        body = bytearray()
        while size := int(self.rfile.readline(), 16):
            self.server.chunks.append(size)
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        self.server.loaded = bytes(body)
        return self.answer(200, self.server.told)

    def answer(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def chunked(self, data: bytes, *, end: bool = True) -> None:
        """A body in chunks of 32 KiB, as Go sends it; without its end, the connection drops."""
        self.send_response(200)
        self.send_header("Content-Type", "application/x-tar")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for start in range(0, len(data), 32 << 10):
            piece = data[start : start + (32 << 10)]
            self.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece))
        if end:
            self.wfile.write(b"0\r\n\r\n")
        else:
            self.close_connection = True

    def address_string(self) -> str:
        return "socket"

    def log_message(self, format: str, *args: object) -> None:
        """Stay quiet."""
