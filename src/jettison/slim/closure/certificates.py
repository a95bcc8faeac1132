"""Certificates: the bundles of trusted authorities, and OpenSSL's links to them, where something speaks TLS."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from jettison.slim.kept import SPARE, Need
from jettison.slim.view import below

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jettison.image.tree import Node
    from jettison.slim.view import View

_TLS = re.compile(
    rb"(?:.*/)?(?:lib(?:ssl|gnutls|nss3|mbedtls|wolfssl|s2n|curl|git2)[^/]*\.so[^/]*|_ssl\.[^/]+\.so|node(?:js)?|deno|bun)\Z"
)
_BUNDLES = (
    *(b"etc/ssl/certs/ca-certificates.crt", b"etc/ssl/cert.pem", b"etc/ssl/ca-bundle.pem", b"etc/ssl/openssl.cnf"),
    *(b"etc/pki/tls/certs/ca-bundle.crt", b"etc/pki/tls/cert.pem", b"etc/pki/tls/openssl.cnf"),
    *(b"etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem", b"etc/pki/tls/certs"),
    *(b"usr/lib/ssl/cert.pem", b"usr/lib/ssl/certs", b"usr/lib/ssl/openssl.cnf", b"usr/lib/ssl/private"),
    *(b"usr/local/share/certs/ca-root-nss.crt", b"usr/share/pki/ca-trust-source/ca-bundle.trust.p11-kit"),
)
_FOLDERS = (b"etc/ssl/certs", b"etc/pki/tls/certs")
_VARIABLES = (
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "REQUESTS_CA_BUNDLE",
    "CURL_CA_BUNDLE",
    "NODE_EXTRA_CA_CERTS",
    "PIP_CERT",
)


def follow(view: View, fresh: list[Node]) -> Iterator[Need]:
    """The certificates, once a TLS library, or a Go program, which brings its own, is kept."""
    by = next((node.entry.path for node in fresh if _speaks(view, node)), None)
    if by is None:
        return
    for path in _BUNDLES:
        if view.tree.get(path) is not None:
            yield Need(path, "whoever speaks TLS looks for it", by)
    for name in _VARIABLES:
        value = view.environment.get(name, "").encode("utf-8", "surrogateescape").strip(b"/")
        if value and view.tree.resolve(value) is not None:
            yield Need(value, f"${name} names it", by)
    for folder in _FOLDERS if view.whole else ():
        directory = view.directory(folder)
        for node in below(directory) if directory is not None else ():
            yield Need(node.entry.path, "a trusted authority", by, SPARE)


def _speaks(view: View, node: Node) -> bool:
    if node.children is not None or not view.kept.used(node.entry.path):
        return False
    if _TLS.match(node.entry.path):
        return True
    elf = view.elf(node)
    return elf is not None and elf.go
