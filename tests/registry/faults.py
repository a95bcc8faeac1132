"""A registry that does what it is told: serve, refuse, redirect, drop, lie, hang. And small images to put into it."""

from __future__ import annotations

import gzip
import hashlib
import io
import itertools
import json
import socket
import tarfile
import threading
from collections import defaultdict, deque
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"


def digest(data: bytes) -> str:
    """The sha256 digest."""
    return "sha256:" + hashlib.sha256(data).hexdigest()


def descriptor(data: bytes, media_type: str, **more: Any) -> dict[str, Any]:
    """What a manifest says of `data`."""
    return {"mediaType": media_type, "digest": digest(data), "size": len(data), **more}


def layer(files: dict[str, bytes]) -> bytes:
    """A tar of a few files."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, body in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(body)
            tar.addfile(member, io.BytesIO(body))
    return buffer.getvalue()


@dataclass
class Sample:
    """An image in all its documents."""

    layers: list[bytes]
    architecture: str = "amd64"
    tars: list[bytes] = field(init=False)
    blobs: list[bytes] = field(init=False)
    config: bytes = field(init=False)
    manifest: bytes = field(init=False)

    def __post_init__(self) -> None:
        self.tars = self.layers
        self.blobs = [gzip.compress(tar, 1, mtime=0) for tar in self.tars]
        self.config = json.dumps(
            {
                "architecture": self.architecture,
                "os": "linux",
                "rootfs": {"type": "layers", "diff_ids": [digest(tar) for tar in self.tars]},
            }
        ).encode()
        self.manifest = json.dumps(
            {
                "schemaVersion": 2,
                "mediaType": MANIFEST,
                "config": descriptor(self.config, CONFIG),
                "layers": [descriptor(blob, LAYER) for blob in self.blobs],
            }
        ).encode()


@dataclass
class Seen:
    """One request as it came."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes


class Registry(ThreadingHTTPServer):
    """Serves what is put into it; `on` makes it do something else for a path, so many times (0: always)."""

    daemon_threads = True

    def __init__(self, host: str = "127.0.0.1") -> None:
        super().__init__((host, 0), Handler)
        self.host = f"{host}:{self.server_port}"
        self.blobs: dict[str, bytes] = {}
        self.manifests: dict[str, tuple[str, bytes]] = {}
        self.uploads: dict[str, bytearray] = {}
        self.numbers = itertools.count()
        self.mountable: set[str] = set()
        self.referrers_api = False
        self.resumes = True
        self.piece: int | None = None
        self.cuts: dict[str, deque[int]] = {}
        self.seen: list[Seen] = []
        self.authorize: Callable[[Handler], bool] | None = None
        self.ended = threading.Event()
        self._script: dict[str, deque[tuple[Callable[[Handler], None], int]]] = defaultdict(deque)
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()

    def put(self, sample: Sample, *tags: str, repository: str = "app") -> str:
        """Hold an image; its manifest's digest."""
        for blob in (sample.config, *sample.blobs):
            self.blobs[digest(blob)] = blob
        return self.put_manifest(sample.manifest, *tags, repository=repository)

    def put_manifest(self, data: bytes, *tags: str, repository: str = "app", media_type: str = MANIFEST) -> str:
        """Hold a manifest under its digest and tags; the digest."""
        for selector in (digest(data), *tags):
            self.manifests[f"{repository}/{selector}"] = media_type, data
        return digest(data)

    def on(self, path: str, action: Callable[[Handler], None], times: int = 1) -> None:
        """Do this for the next requests for `path`, before anything else."""
        self._script[path].append((action, times))

    def scripted(self, path: str) -> Callable[[Handler], None] | None:
        """What to do for a path instead of serving it."""
        steps = self._script.get(path)
        if not steps:
            return None
        action, times = steps.popleft()
        if times != 1:
            steps.appendleft((action, max(times - 1, 0)))
        return action

    def take(self, method: str, path: str, body: bytes) -> None:
        """Keep what arrived of an upload."""
        upload = self.uploads.get(path.rpartition("/")[2])
        if upload is not None and method in ("PATCH", "PUT"):
            upload += body

    def cut(self, method: str, *after: int) -> None:
        """Drop the connection of the next requests of a method when so many bytes of the body have come."""
        self.cuts[method] = deque(after)

    def paths(self) -> list[str]:
        """The paths asked for, in order; probing for TLS left out."""
        return [request.path for request in self.seen if request.path != "/v2/"]

    def handle_error(self, request: object, client_address: object) -> None:
        """Clients that hang up are part of the test."""

    def close(self) -> None:
        """End."""
        self.ended.set()
        self.shutdown()
        self.server_close()


class Handler(BaseHTTPRequestHandler):
    """Answers as the distribution specification says, unless told otherwise."""

    server: Registry
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Every method comes here."""
        parts = urlsplit(self.path)
        length = int(self.headers.get("Content-Length") or 0)
        cut = self.server.cuts.get(self.command)
        body = self.rfile.read(length if not cut or length <= cut[0] else cut.popleft())
        if len(body) < length:  # what arrived before the connection broke
            self.server.take(self.command, parts.path, body)
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.server.seen.append(Seen(self.command, parts.path, parts.query, headers, body))
        action = self.server.scripted(parts.path)
        if action is not None:
            action(self)
        elif self.server.authorize is None or parts.path == "/v2/" or self.server.authorize(self):
            if self.command in ("GET", "HEAD"):
                self.serve(parts.path)
            else:
                self.write(parts.path, parts.query, body)

    do_HEAD = do_POST = do_PATCH = do_PUT = do_DELETE = do_GET

    def write(self, path: str, query: str, body: bytes) -> None:
        """What changes the registry: uploads and manifests."""
        words, server = path.removeprefix("/v2/").split("/"), self.server
        asked = {name: values[0] for name, values in parse_qs(query).items()}
        if self.command == "PUT" and words[-2] == "manifests":
            return self.put_manifest("/".join(words[:-2]), words[-1], body)
        if self.command == "POST":
            if asked.get("mount") in server.blobs and asked.get("from") in server.mountable:
                return self.answer(201, Location="/v2/")
            number = str(next(server.numbers))
            server.uploads[number] = bytearray()
            return self.answer(202, Location=f"{path}{number}?state=0", Range="0-0")
        upload = server.uploads.get(words[-1])
        if upload is None:
            return self.fail(404, "BLOB_UPLOAD_UNKNOWN", "blob upload unknown to registry")
        if self.command == "DELETE":
            del server.uploads[words[-1]]
            return self.answer(204)
        start = self.headers.get("Content-Range", f"{len(upload)}-").partition("-")[0]
        if int(start) != len(upload):
            return self.fail(416, "RANGE_INVALID", "invalid content range")
        if server.piece is not None and len(body) > server.piece:
            return self.fail(413)
        server.take(self.command, path, body)
        if self.command == "PATCH":
            here = {"Location": f"{path}?state={len(upload)}", "Range": f"0-{max(0, len(upload) - 1)}"}
            return self.answer(202, **here)
        del server.uploads[words[-1]]
        if digest(bytes(upload)) != asked["digest"]:
            return self.fail(400, "DIGEST_INVALID", "provided digest did not match uploaded content")
        server.blobs[asked["digest"]] = bytes(upload)
        return self.answer(201, Location="/v2/")

    def put_manifest(self, repository: str, selector: str, body: bytes) -> None:
        """A manifest, whose blobs must be there."""
        document = json.loads(body)
        for blob in (document.get("config"), *document.get("layers", [])):
            if blob and blob["digest"] not in self.server.blobs and "urls" not in blob:
                return self.fail(404, "MANIFEST_BLOB_UNKNOWN", "blob unknown to registry")
        for entry in document.get("manifests", []):
            if f"{repository}/{entry['digest']}" not in self.server.manifests:
                return self.fail(400, "MANIFEST_BLOB_UNKNOWN", "manifest unknown to registry")
        tags = [] if ":" in selector else [selector]
        kind = self.headers["Content-Type"]
        headers = {
            "Docker-Content-Digest": self.server.put_manifest(body, *tags, repository=repository, media_type=kind)
        }
        if self.server.referrers_api and "subject" in document:
            headers["OCI-Subject"] = document["subject"]["digest"]
        return self.answer(201, **headers)

    def referrers(self, repository: str, wanted: str) -> None:
        """The referrers API."""
        entries = []
        for name, (kind, data) in self.server.manifests.items():
            document = json.loads(data)
            if name == f"{repository}/{digest(data)}" and document.get("subject", {}).get("digest") == wanted:
                entries.append(descriptor(data, kind, annotations=document.get("annotations", {})))
        body = json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": entries}).encode()
        self.answer(200, body, **{"Content-Type": INDEX})

    def serve(self, path: str) -> None:
        """The content at a path."""
        words = path.removeprefix("/v2/").split("/")
        if path == "/v2/":
            return self.answer(200, b"{}")
        if words[-2:] == ["tags", "list"]:
            repository = "/".join(words[:-2])
            tags = [name.rpartition("/")[2] for name in self.server.manifests if name.startswith(repository + "/")]
            if not tags:
                return self.fail(404, "NAME_UNKNOWN", "repository name not known to registry")
            return self.answer(200, json.dumps({"tags": [tag for tag in tags if ":" not in tag]}).encode())
        if words[-2] == "referrers" and self.server.referrers_api:
            return self.referrers("/".join(words[:-2]), words[-1])
        if words[-2] == "uploads":
            upload = self.server.uploads.get(words[-1])
            if upload is None or not self.server.resumes:
                return self.fail(404, "BLOB_UPLOAD_UNKNOWN", "blob upload unknown to registry")
            return self.answer(204, Location=f"{path}?state={len(upload)}", Range=f"0-{max(0, len(upload) - 1)}")
        if words[-2] == "manifests":
            found = self.server.manifests.get("/".join((*words[:-2], words[-1])))
            if found is None:
                return self.fail(404, "MANIFEST_UNKNOWN", "manifest unknown")
            return self.answer(200, found[1], **{"Content-Type": found[0], "Docker-Content-Digest": digest(found[1])})
        if words[-2] == "blobs" and words[-1] in self.server.blobs:
            return self.blob(self.server.blobs[words[-1]])
        return self.fail(404, "BLOB_UNKNOWN", "blob unknown to registry")

    def blob(self, data: bytes, *, ranges: bool = True) -> None:
        """A blob, or the part that was asked for."""
        start = self.start()
        if start and ranges:
            headers = {"Content-Range": f"bytes {start}-{len(data) - 1}/{len(data)}"}
            return self.answer(206 if start < len(data) else 416, data[start:], **headers)
        return self.answer(200, data)

    def start(self) -> int:
        """The first byte that a Range asks for."""
        return int(self.headers.get("Range", "bytes=0-").removeprefix("bytes=").partition("-")[0])

    def answer(self, status: int, body: bytes = b"", **headers: str) -> None:
        """A whole answer."""
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        if "Content_Length" not in headers:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def fail(self, status: int, code: str = "", message: str = "", **headers: str) -> None:
        """An error as registries word it."""
        body = json.dumps({"errors": [{"code": code, "message": message}]}).encode() if code else b""
        self.answer(status, body, **headers)

    def hang_up(self) -> None:
        """Drop the connection, whatever was said so far."""
        self.close_connection = True
        self.wfile.flush()
        self.connection.shutdown(socket.SHUT_RDWR)

    def log_message(self, format: str, *args: object) -> None:
        """Stay quiet."""


def fails(status: int, code: str = "", message: str = "", **headers: str) -> Callable[[Handler], None]:
    """Answer with an error."""
    return lambda handler: handler.fail(status, code, message, **headers)


def redirects(to: str, status: int = 307) -> Callable[[Handler], None]:
    """Send elsewhere."""
    return lambda handler: handler.answer(status, Location=to)


def drops(after: int) -> Callable[[Handler], None]:
    """Send `after` bytes of what is left of a blob, then drop the connection."""

    def action(handler: Handler) -> None:
        data = handler.server.blobs[handler.path.rpartition("/")[2]]
        start = handler.start()
        handler.send_response(206 if start else 200)
        if start:
            handler.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
        handler.send_header("Content-Length", str(len(data) - start))
        handler.end_headers()
        handler.wfile.write(data[start : start + after])
        handler.hang_up()

    return action


def hangs(handler: Handler) -> None:
    """Say nothing until the end of the test."""
    handler.server.ended.wait(30)
    handler.close_connection = True
