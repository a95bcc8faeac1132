"""Foreign layers: blobs that a manifest gives web addresses for, because the registry may not hold them.

Such an address is the manifest author's word, so it is trusted with nothing: https only, public addresses only (looked
up once and then connected to as they are, so that a name cannot change its mind), no credentials, redirects judged
the same way. Source: the OCI image specification, "urls" of a descriptor.
"""

from __future__ import annotations

import ipaddress
import socket
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import urllib3

from jettison.errors import InputError, RemoteError
from jettison.registry import names
from jettison.registry.certificates import trust
from jettison.registry.client import REDIRECTS
from jettison.registry.failure import failure
from jettison.registry.transport import AGENT, explained

if TYPE_CHECKING:
    from collections.abc import Callable

    from urllib3 import BaseHTTPResponse

    from jettison.oci.descriptor import Descriptor
    from jettison.registry.retry import Patience

_MAX_REDIRECTS = 4


def addresses(host: str, port: int) -> list[str]:
    """The addresses of a host, as the system resolves it. Raises `OSError`."""
    return [str(found[4][0]) for found in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]


def open_foreign(
    descriptor: Descriptor,
    start: int,
    patience: Patience,
    where: str,
    resolve: Callable[[str, int], list[str]] = addresses,
) -> BaseHTTPResponse:
    """The answer of the first of the descriptor's addresses that serves. Raises `InputError` where none may or does."""
    refusal: InputError = RemoteError("the layer is kept elsewhere, and its manifest says not where", where=where)
    for url in descriptor.urls or []:
        try:
            return _open(url, start, patience, where, resolve)
        except InputError as error:
            refusal = error
    raise refusal


def _open(
    url: str, start: int, patience: Patience, where: str, resolve: Callable[[str, int], list[str]]
) -> BaseHTTPResponse:
    for _ in range(_MAX_REDIRECTS):
        host, port, address = checked(url, where, resolve)
        pool = urllib3.HTTPSConnectionPool(
            address,
            port,
            ssl_context=trust(host).context(),
            server_hostname=host,
            assert_hostname=host,
            timeout=urllib3.Timeout(connect=patience.connect, read=patience.idle),
        )
        parts = urlsplit(url)
        headers = {"Host": parts.netloc, "User-Agent": AGENT, "Accept-Encoding": "identity"}
        if start:
            headers["Range"] = f"bytes={start}-"
        try:
            response = pool.request(
                "GET",
                (parts.path or "/") + (f"?{parts.query}" if parts.query else ""),
                headers=headers,
                redirect=False,
                retries=False,
                preload_content=False,
                decode_content=False,
            )
        except (urllib3.exceptions.HTTPError, ValueError, OSError) as error:
            raise explained(error, url) from None
        if response.status in (200, 206, 416):
            return response
        if response.status not in REDIRECTS:
            raise failure(response, url, where=where, what="foreign layer")
        url = names.joined(url, response.headers.get("location", ""))
        response.close()
    raise RemoteError("the foreign layer's address redirects in circles", where=where)


def checked(url: str, where: str, resolve: Callable[[str, int], list[str]]) -> tuple[str, int, str]:
    """Host, port and address to connect to. Raises `RemoteError` for anything but https to a public host."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port or 443
    except ValueError:
        raise RemoteError(f"the foreign layer's address is none: {url[:100]!r}", where=where) from None
    if parts.scheme != "https" or not host or "@" in parts.netloc:
        raise RemoteError(
            f"a foreign layer at {url[:100]!r} is not fetched: only https without user information is", where=where
        )
    try:
        found = resolve(host, port)
    except OSError:
        raise RemoteError(f"the foreign layer's host {host} is not known", where=where) from None
    if not found or not all(ipaddress.ip_address(address.partition("%")[0]).is_global for address in found):
        raise RemoteError(
            f"a foreign layer at {host} is not fetched: that is no public host",
            where=where,
            hint="pull the image with its engine, which may be set up for it, and save it",
        )
    return host, port, found[0]
