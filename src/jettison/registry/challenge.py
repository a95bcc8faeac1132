"""`WWW-Authenticate`: what a registry wants to see (RFC 9110, 11.6.1; distribution's "Token Authentication")."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_SCHEME = re.compile(r"\s*,?\s*([A-Za-z][A-Za-z0-9!#$%&'*+.^_`|~-]*)(?=\s|,|$)(?!\s*=)\s*")
_PARAMETER = re.compile(r'\s*,?\s*([A-Za-z0-9_-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))')


@dataclass(frozen=True, slots=True)
class Challenge:
    """One way to authorise: the scheme in lower case, and its parameters, names in lower case."""

    scheme: str
    parameters: Mapping[str, str]

    @property
    def scopes(self) -> frozenset[str]:
        """The scopes that a Bearer challenge names."""
        return frozenset(self.parameters.get("scope", "").split())


def parse(headers: Iterable[str]) -> list[Challenge]:
    """All challenges, in the order given; what cannot be understood ends the header it stands in."""
    found: list[Challenge] = []
    for text in headers:
        position = 0
        while match := _SCHEME.match(text, position):
            position = match.end()
            parameters: dict[str, str] = {}
            while pair := _PARAMETER.match(text, position):
                quoted, token = pair.group(2), pair.group(3)
                parameters[pair.group(1).lower()] = token if quoted is None else re.sub(r"\\(.)", r"\1", quoted)
                position = pair.end()
            found.append(Challenge(match.group(1).lower(), parameters))
    return found


def repository_scope(repository: str, actions: str = "pull") -> str:
    """The scope of some actions (`pull`, `pull,push`) on a repository."""
    return f"repository:{repository}:{actions}"


def union(scopes: Iterable[str]) -> tuple[str, ...]:
    """Scopes with the actions of each resource joined, sorted: what one token must allow."""
    actions: dict[str, set[str]] = {}
    for scope in scopes:
        resource, _, allowed = scope.rpartition(":")
        actions.setdefault(resource, set()).update(part for part in allowed.split(",") if part)
    return tuple(f"{resource}:{','.join(sorted(allowed))}" for resource, allowed in sorted(actions.items()))
