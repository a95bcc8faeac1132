"""Numbers for people: decimal units, as registries and engines print them (1 MB is 10^6 bytes)."""

from __future__ import annotations

from jettison.errors import UsageError

_UNITS = (("TB", 10**12), ("GB", 10**9), ("MB", 10**6), ("kB", 10**3))
_BINARY = {"k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40}


def size(count: int | None) -> str:
    """Bytes with a unit and at most one decimal; `unknown` for None."""
    if count is None:
        return "unknown"
    for unit, factor in _UNITS:
        if abs(count) >= factor:
            value = count / factor
            return f"{value:.0f} {unit}" if value >= 999.5 else f"{value:.1f} {unit}"
    return f"{count} B"


def percent(share: float) -> str:
    """A share of 1 in per cent, with one decimal where that says something."""
    value = share * 100
    return f"{value:.0f} %" if value >= 99.95 or value == 0 else f"{value:.1f} %"


def parse_size(text: str) -> int:
    """Bytes from text such as `20MB`, `1.5GiB`, `4096`, `20Mb` (dive's spelling). Raises `UsageError`.

    kB, MB, GB are decimal; KiB, MiB, GiB binary; a lone letter is decimal.
    """
    stripped = text.strip().replace("_", "").replace(",", "")
    digits = stripped.rstrip("bBiIkKmMgGtT ").strip()
    suffix = stripped[len(digits) :].strip().lower()
    try:
        value = float(digits)
    except ValueError:
        raise UsageError(f"{text!r} is not a size", hint="write it as 20MB, 1.5GiB or a number of bytes") from None
    letter = suffix[:1]
    if suffix in ("", "b"):
        return int(value)
    if suffix in (f"{letter}ib", f"{letter}i") and letter in _BINARY:
        return int(value * _BINARY[letter])
    decimal = {"k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12}
    if letter in decimal and suffix in (letter, letter + "b"):
        return int(value * decimal[letter])
    raise UsageError(f"{text!r} is not a size", hint="write it as 20MB, 1.5GiB or a number of bytes")


def parse_share(text: str) -> float:
    """A share from `0.9`, `90%` or `90 %`. Raises `UsageError`."""
    stripped = text.strip()
    try:
        value = float(stripped.rstrip("% ")) / (100 if stripped.endswith("%") else 1)
    except ValueError:
        raise UsageError(f"{text!r} is not a share", hint="write it as 0.9 or 90%") from None
    if not 0 <= value <= 1:
        raise UsageError(f"{text!r} is not between 0 and 1 (0 % and 100 %)")
    return value
