"""A stretch of network that breaks: passes bytes on to a server, and drops connections after so many of them."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@contextlib.contextmanager
def cutting(to: str, *after: int, then: Callable[[], None] | None = None) -> Iterator[str]:
    """`host:port` of a way to `to`; the n-th long upload is cut when `after[n]` bytes have passed.

    `then` is called at each cut. Uploads are those connections on which more bytes go out than the first figure.
    """
    host, _, port = to.rpartition(":")
    with socket.create_server(("127.0.0.1", 0)) as listening:
        cuts = deque(after)
        threading.Thread(target=_accept, args=(listening, (host, int(port)), cuts, then), daemon=True).start()
        yield f"127.0.0.1:{listening.getsockname()[1]}"


def _accept(
    listening: socket.socket, target: tuple[str, int], cuts: deque[int], then: Callable[[], None] | None
) -> None:
    while True:
        try:
            client, _ = listening.accept()
            server = socket.create_connection(target)
        except OSError:
            return
        threading.Thread(target=_pass, args=(client, server, cuts, then), daemon=True).start()
        threading.Thread(target=_pass, args=(server, client, deque(), None), daemon=True).start()


def _pass(source: socket.socket, target: socket.socket, cuts: deque[int], then: Callable[[], None] | None) -> None:
    passed = 0
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            passed += len(data)
            if cuts and passed > cuts[0]:
                cuts.popleft()
                if then is not None:
                    then()
                break
            target.sendall(data)
    for end in (source, target):
        with contextlib.suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
