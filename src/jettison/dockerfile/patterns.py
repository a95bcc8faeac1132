"""Regular expressions that are compiled when first used: a run uses few of the hundreds that rules know."""

from __future__ import annotations

import re
from typing import Any, AnyStr, cast

_METHODS = ("search", "match", "fullmatch", "finditer", "findall", "sub", "subn", "split", "pattern", "flags")


class _Lazy:
    """Stands for a compiled pattern until one of its methods is asked for; then it holds them all."""

    def __init__(self, text: Any, options: int) -> None:
        self._text = text
        self._options = options

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        compiled = re.compile(self._text, self._options)
        for method in _METHODS:
            setattr(self, method, getattr(compiled, method))
        return getattr(compiled, name)


def lazy(text: AnyStr, options: int = 0) -> re.Pattern[AnyStr]:
    """A pattern as `re.compile` gives it, compiled at its first use."""
    return cast("re.Pattern[AnyStr]", _Lazy(text, options))
