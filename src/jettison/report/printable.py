"""Text that comes from an image, made fit for a terminal: names, commands and labels may hold anything."""

from __future__ import annotations


def printable(text: str) -> str:
    """`text` with control characters written as \\xNN, so that a terminal obeys none; line ends become spaces."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else " " if c in "\n\r\t" else f"\\x{ord(c):02x}" for c in text)
