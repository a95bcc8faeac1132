"""Content digests: `algorithm:hex`, the names under which all content is stored."""

from __future__ import annotations

import hashlib
import re

from jettison.errors import ImageError

_LENGTHS = {"sha256": 64, "sha384": 96, "sha512": 128}
_HEX = re.compile(r"[0-9a-f]+")


class Digest(str):
    """A digest as `algorithm:hex`, a string that is known to be well formed."""

    __slots__ = ()

    @classmethod
    def parse(cls, text: object) -> Digest:
        """The digest in `text`. Raises `ImageError` unless it is a known algorithm and lower-case hex of its length."""
        if isinstance(text, Digest):
            return text
        if isinstance(text, str):
            algorithm, _, digits = text.partition(":")
            if len(digits) == _LENGTHS.get(algorithm) and _HEX.fullmatch(digits):
                return cls(text)
        raise ImageError(f"{str(text)[:100]!r} is not a digest; expected sha256: and 64 lower-case hex digits")

    @classmethod
    def of(cls, data: bytes | memoryview) -> Digest:
        """The sha256 digest of `data`."""
        return cls("sha256:" + hashlib.sha256(data).hexdigest())

    def matches(self, data: bytes | memoryview) -> bool:
        """True when this is the digest of `data`, whatever the algorithm."""
        return hashlib.new(self.algorithm, data).hexdigest() == self.hex

    @property
    def algorithm(self) -> str:
        """The algorithm's name, such as `sha256`."""
        return self.partition(":")[0]

    @property
    def hex(self) -> str:
        """The digits after the colon."""
        return self.partition(":")[2]

    @property
    def short(self) -> str:
        """The first twelve digits, as engines show them."""
        return self.hex[:12]
