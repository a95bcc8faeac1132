"""Platforms: operating system, architecture and variant, and which of several serves a wish."""

from __future__ import annotations

import platform as _machine

import msgspec

from jettison.errors import UsageError

_ARCHITECTURES = {
    "x86_64": "amd64",
    "x86-64": "amd64",
    "aarch64": "arm64",
    "armv7l": "arm",
    "armv6l": "arm",
    "i386": "386",
    "i686": "386",
}
_DEFAULT_VARIANTS = {"arm64": "v8", "arm": "v7"}


class Platform(msgspec.Struct, frozen=True, omit_defaults=True):
    """What an image runs on, in Go's names, such as linux/arm64/v8."""

    architecture: str = "unknown"
    os: str = "unknown"
    os_version: str | None = msgspec.field(default=None, name="os.version")
    os_features: list[str] | None = msgspec.field(default=None, name="os.features")
    variant: str | None = None

    def __str__(self) -> str:
        return "/".join(part for part in (self.os, self.architecture, self.variant) if part)

    @property
    def known(self) -> bool:
        """False for `unknown/unknown`, which BuildKit gives to attestations."""
        return self.os != "unknown" and self.architecture != "unknown"

    def serves(self, wanted: Platform) -> bool:
        """True when an image of this platform runs where `wanted` is asked for.

        A missing variant means the architecture's default (arm64/v8, arm/v7), on either side.
        """
        if (self.os, self.architecture) != (wanted.os, wanted.architecture):
            return False
        default = _DEFAULT_VARIANTS.get(self.architecture)
        return (self.variant or default) == (wanted.variant or default)


def parse(text: str) -> Platform:
    """The platform in `os/architecture[/variant]` or a lone architecture. Raises `UsageError`."""
    parts = text.strip().lower().split("/")
    if len(parts) == 1:
        parts = ["linux", *parts]
    if len(parts) > 3 or not all(parts):
        raise UsageError(f"{text!r} is not a platform", hint="write it as linux/amd64 or linux/arm/v7")
    return Platform(
        os=parts[0],
        architecture=_ARCHITECTURES.get(parts[1], parts[1]),
        variant=parts[2] if len(parts) == 3 else None,
    )


def host() -> Platform:
    """The platform whose images run on this machine: always Linux, of this machine's architecture."""
    machine = _machine.machine().lower()
    return Platform(os="linux", architecture=_ARCHITECTURES.get(machine, machine))
