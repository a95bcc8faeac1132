"""What a user may set about rules. Plain data; reading configuration files is the command line's business."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from jettison.finding import Severity


@dataclass(frozen=True, slots=True)
class Settings:
    """`select` and `ignore` take codes, names, aliases, families (`APT`), `ALL`; `extend_select` adds to the default.

    `options` holds per-rule settings by rule name, for what the fields here do not cover.
    """

    select: tuple[str, ...] = ()
    extend_select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    severity: Mapping[str, Severity] = field(default_factory=dict)
    allowed_registries: tuple[str, ...] = ()
    label_schema: Mapping[str, str] = field(default_factory=dict)
    strict_labels: bool = False
    pragmas: bool = True
    build_args: Mapping[str, str] = field(default_factory=dict)
    options: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
