"""What a user may set about rules. Plain data; reading configuration files is the command line's business."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

    from jettison.finding import Severity


_NONE: Final = MappingProxyType[str, Any]({})


class Settings(NamedTuple):
    """`select` and `ignore` take codes, names, aliases, families (`APT`), `ALL`; `extend_select` adds to the default.

    `options` holds per-rule settings by rule name, for what the fields here do not cover.
    """

    select: tuple[str, ...] = ()
    extend_select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    severity: Mapping[str, Severity] = _NONE
    allowed_registries: tuple[str, ...] = ()
    label_schema: Mapping[str, str] = _NONE
    strict_labels: bool = False
    pragmas: bool = True
    build_args: Mapping[str, str] = _NONE
    options: Mapping[str, Mapping[str, Any]] = _NONE
