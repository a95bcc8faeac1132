"""dnf: why it installed which rpm package.

Source of the formats: libdnf's transaction database, schema 1 (`var/lib/dnf/history.sqlite`, reasons numbered as in
TransactionItemReason.hpp), and dnf5's system state (`packages.toml`, dnf5-system-state(7)).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from jettison.image.probe import Probe
from jettison.packages import sqlite

if TYPE_CHECKING:
    from jettison.packages.package import InstalledBy
    from jettison.packages.reader import Reader

HISTORY = b"var/lib/dnf/history.sqlite"
STATES = (b"usr/lib/sysimage/libdnf5/packages.toml", b"var/lib/dnf/system-state/packages.toml")

_NAMES = {0: "none", 1: "dependency", 2: "user", 3: "clean", 4: "weak dependency", 5: "group", 6: "external user"}
_REASONS: dict[str, InstalledBy] = {
    "dependency": "dependency",
    "user": "manual",
    "group": "manual",
    "external user": "manual",
    "weak dependency": "recommends",
    "clean": "orphan",
}
_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(dict[str, str])
_LATEST = (
    "SELECT rpm.name, rpm.arch, trans_item.reason FROM trans_item JOIN rpm ON rpm.item_id = trans_item.item_id "
    "ORDER BY trans_item.id"
)


def _read_history(data: memoryview) -> bytes | None:
    """`NAME.ARCH` → the last reason that was noted."""
    try:
        with sqlite.opened(data, "trans_item", "rpm") as connection:
            rows = connection.execute(_LATEST).fetchmany(1_000_000)
    except ValueError:
        return None
    return _ENCODER.encode({f"{name}.{arch}": _NAMES.get(reason, "none") for name, arch, reason in rows})


def _read_state(data: memoryview) -> bytes | None:
    import tomllib  # few images need it

    try:
        listed = tomllib.loads(bytes(data).decode()).get("packages")
    except (ValueError, RecursionError):
        return None
    if not isinstance(listed, dict):
        return None
    reasons = {key: item.get("reason") for key, item in listed.items() if isinstance(item, dict)}
    return _ENCODER.encode({key: text.lower() for key, text in reasons.items() if isinstance(text, str)})


PROBES = (
    Probe("dnf-history", rb"/dnf/history\.sqlite\Z", read=_read_history, limit=64 << 20),
    Probe("dnf-state", rb"/packages\.toml\Z", read=_read_state, limit=16 << 20),
)


def reasons(reader: Reader) -> dict[str, InstalledBy]:
    """`NAME.ARCH` → why dnf installed it, as far as it says. dnf5's word counts more than dnf's."""
    found: dict[str, InstalledBy] = {}
    for path, probe in ((HISTORY, "dnf-history"), *((path, "dnf-state") for path in STATES)):
        fact = reader.content(path, probe)
        if fact is not None:
            found.update({key: _REASONS[text] for key, text in _DECODER.decode(fact).items() if text in _REASONS})
    return found
