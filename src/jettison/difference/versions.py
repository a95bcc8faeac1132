"""Which of two versions is newer, where that is certain: by dpkg's and rpm's own orders, else by leading numbers.

Sources: deb-version(7), "Sorting algorithm"; rpm-version(7), "COMPARISON". Elsewhere two versions whose leading numbers
differ are in the order of these numbers, by every scheme there is; where only what follows differs, nothing is said.
"""

from __future__ import annotations

import re
from itertools import zip_longest

_PARTS = re.compile(r"\d+|\D+")
_RPM_PARTS = re.compile(r"\d+|[A-Za-z]+|~|\^")
_NUMBERS = re.compile(r"(v?)(\d+(?:\.\d+)*)(?!\d*!)")


def newer(kind: str, old: str, new: str) -> int:
    """1 where `new` is the newer version, -1 where `old` is, 0 where they are equal or nobody can say."""
    if kind == "deb":
        return compare_deb(new, old)
    if kind == "rpm":
        return compare_rpm(new, old)
    numbers = _leading(kind, old), _leading(kind, new)
    if not numbers[0] or not numbers[1]:
        return 0
    for a, b in zip_longest(*numbers, fillvalue=0):
        if a != b:
            return 1 if b > a else -1
    return 0


def _leading(kind: str, version: str) -> list[int]:
    """The numbers that a version starts with; none where they may not mean what they seem to (1!2.0, 4.09, v1)."""
    found = _NUMBERS.match(version)
    if found is None or (found.group(1) and kind == "maven"):
        return []
    numbers = found.group(2).split(".")
    return [] if kind == "apk" and any(len(n) > 1 and n[0] == "0" for n in numbers) else [int(n) for n in numbers]


def compare_deb(a: str, b: str) -> int:
    """1, 0 or -1 as dpkg --compare-versions orders a and b."""
    left, right = _epoch(a), _epoch(b)
    if left[0] != right[0]:
        return 1 if left[0] > right[0] else -1
    upstream = left[1].rpartition("-") if "-" in left[1] else (left[1], "", "")
    other = right[1].rpartition("-") if "-" in right[1] else (right[1], "", "")
    return _deb_part(upstream[0], other[0]) or _deb_part(upstream[2], other[2])


def _epoch(version: str) -> tuple[int, str]:
    number, colon, rest = version.partition(":")
    return (int(number), rest) if colon and number.isdigit() else (0, version)


def _deb_part(a: str, b: str) -> int:
    """Runs of other characters and numbers in turn; `~` before the end, the end before letters, these before others."""
    for left, right in zip_longest(_pairs(a), _pairs(b), fillvalue=("", 0)):
        if left != right:
            texts = [_weights(left[0]), _weights(right[0])]
            if texts[0] != texts[1]:
                return 1 if texts[0] > texts[1] else -1
            if left[1] != right[1]:
                return 1 if left[1] > right[1] else -1
    return 0


def _pairs(text: str) -> list[tuple[str, int]]:
    parts = _PARTS.findall(text)
    if parts and parts[0].isdigit():
        parts.insert(0, "")
    return [(parts[i], int(parts[i + 1]) if i + 1 < len(parts) else 0) for i in range(0, len(parts), 2)]


def _weights(text: str) -> list[int]:
    return [-1 if c == "~" else ord(c) if c.isalpha() else ord(c) + 256 for c in text] + [0]


def compare_rpm(a: str, b: str) -> int:
    """1, 0 or -1 as rpm orders a and b: epoch, version, and the release where both have one."""
    left, right = _epoch(a), _epoch(b)
    if left[0] != right[0]:
        return 1 if left[0] > right[0] else -1
    (version_a, dash_a, release_a), (version_b, dash_b, release_b) = left[1].partition("-"), right[1].partition("-")
    found = _rpm_part(version_a, version_b)
    return found or (_rpm_part(release_a, release_b) if dash_a and dash_b else 0)


def _rpm_part(a: str, b: str) -> int:
    for left, right in zip_longest(_RPM_PARTS.findall(a), _RPM_PARTS.findall(b), fillvalue=""):
        if left == right:
            continue
        # `~` comes before everything, the end included; `^` after the end, before everything else; numbers after words.
        ranks = [_rpm_rank(left), _rpm_rank(right)]
        if ranks[0] != ranks[1]:
            return 1 if ranks[0] > ranks[1] else -1
        if left.isdigit():
            if int(left) != int(right):
                return 1 if int(left) > int(right) else -1
            continue
        return 1 if left > right else -1
    return 0


def _rpm_rank(part: str) -> int:
    if part in ("~", "", "^"):
        return ("~", "", "^").index(part)
    return 4 if part.isdigit() else 3
