"""HTTP over a unix socket: urllib3's pool, with connections that go to a path."""

from __future__ import annotations

import socket
from typing import Any

from urllib3.connection import HTTPConnection
from urllib3.connectionpool import HTTPConnectionPool
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError


class UnixConnection(HTTPConnection):
    """A connection to the socket at `path`."""

    def __init__(self, path: str, **settings: Any) -> None:
        super().__init__("localhost", **settings)
        self._path = path

    def _new_conn(self) -> socket.socket:
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            if isinstance(self.timeout, (int, float)):
                connection.settimeout(self.timeout)
            connection.connect(self._path)
        except TimeoutError as error:
            connection.close()
            raise ConnectTimeoutError(self, "connecting took too long") from error
        except OSError as error:
            connection.close()
            raise NewConnectionError(self, error.strerror or str(error)) from error
        return connection


class UnixPool(HTTPConnectionPool):
    """Connections to the socket at `path`; give requests paths, not addresses."""

    def __init__(self, path: str, **settings: Any) -> None:
        super().__init__("localhost", **settings)
        self._path = path

    def _new_conn(self) -> UnixConnection:
        self.num_connections += 1
        return UnixConnection(self._path, timeout=self.timeout.connect_timeout, **self.conn_kw)
