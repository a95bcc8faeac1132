"""What TLS trusts and presents, for a host: the system's authorities, and `certs.d/HOST/` as docker and podman read it.

In such a directory `*.crt` are authorities, and `NAME.cert` with `NAME.key` is what the client shows. `SSL_CERT_FILE`
and `SSL_CERT_DIR` replace the system's authorities, as in every OpenSSL program. Sources: Docker's "Verify repository
client with certificates", containers-certs.d(5).
"""

from __future__ import annotations

import os
import ssl
from dataclasses import dataclass

from jettison.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Trust:
    """The files that matter for one host, and whether its certificate must hold at all."""

    authorities: tuple[str, ...] = ()
    client: tuple[str, str] | None = None
    verify: bool = True

    def context(self) -> ssl.SSLContext:
        """The TLS context. Raises `ConfigError` naming the file that cannot be used."""
        context = ssl.create_default_context()
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        for file in self.authorities:
            try:
                context.load_verify_locations(cafile=file)
            except (OSError, ssl.SSLError) as error:
                raise ConfigError(f"no usable certificate authority: {error}", where=file) from None
        if self.client is not None:
            try:
                context.load_cert_chain(*self.client, password=lambda: b"")
            except (OSError, ssl.SSLError) as error:
                raise ConfigError(f"no usable client certificate and key: {error}", where=self.client[0]) from None
        if not self.verify:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        return context


def config_home() -> str:
    """The user's directory of configuration: `XDG_CONFIG_HOME`, else `~/.config`."""
    return os.environ.get("XDG_CONFIG_HOME") or os.path.expanduser("~/.config")


def directories() -> list[str]:
    """Where `certs.d` is looked for, the user's first."""
    home = config_home()
    return [f"{home}/{tool}/certs.d" for tool in ("containers", "docker")] + [
        "/etc/containers/certs.d",
        "/etc/docker/certs.d",
    ]


def trust(host: str, *, verify: bool = True) -> Trust:
    """What is to be trusted and shown when talking to `host[:port]`. Files of all directories count."""
    authorities: list[str] = []
    client: tuple[str, str] | None = None
    for directory in directories():
        folder = os.path.join(directory, host)
        try:
            names = sorted(os.listdir(folder))
        except OSError:
            continue
        authorities += [os.path.join(folder, name) for name in names if name.endswith(".crt")]
        for name in names:
            key = name.removesuffix(".cert") + ".key"
            if client is None and name.endswith(".cert") and key in names:
                client = os.path.join(folder, name), os.path.join(folder, key)
    return Trust(tuple(authorities), client, verify)
