"""What a registry's refusal means: its answer, whatever it is, as one of our errors with the registry's own words."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from jettison.errors import InputError, NotFound, RemoteError, Unauthorized
from jettison.registry.retry import retry_after

if TYPE_CHECKING:
    from collections.abc import Mapping

    from urllib3 import BaseHTTPResponse

_MAX_BODY = 64 << 10


class _Error(msgspec.Struct):
    code: str = ""
    message: str = ""


class _Body(msgspec.Struct):
    errors: list[_Error] | None = None
    message: str = ""
    details: str = ""
    error_description: str = ""


@dataclass(frozen=True, slots=True)
class RateLimit:
    """How many pulls the registry allows in `window` seconds, and how many are left (Docker Hub's `ratelimit-*`)."""

    limit: int
    remaining: int | None
    window: int | None

    def __str__(self) -> str:
        left = "" if self.remaining is None else f"{self.remaining:,} of "
        return f"{left}{self.limit:,} pulls" + (f" in {self.window / 3600:g} h" if self.window else "")


def rate_limit(headers: Mapping[str, str]) -> RateLimit | None:
    """The rate limit that an answer's headers tell of, if they do."""
    limit = re.match(r"(\d{1,12})(?:;w=(\d{1,9}))?", headers.get("ratelimit-limit", ""))
    if limit is None:
        return None
    left = re.match(r"\d{1,12}", headers.get("ratelimit-remaining", ""))
    return RateLimit(int(limit[1]), int(left[0]) if left else None, int(limit[2]) if limit[2] else None)


def failure(
    response: BaseHTTPResponse, url: str, *, where: str, what: str, limit: RateLimit | None = None
) -> InputError:
    """The error to raise for an answer that is no success; its body is read, the connection closed.

    `what` was asked for, `limit` is the last known rate limit.
    """
    said = _words(response)
    status = response.status
    tail = f": {said}" if said else ""
    if status == 404:
        return NotFound(f"there is no {what}{tail}", where=where)
    if status == 401:
        return Unauthorized(
            f"the {what} is refused{tail}",
            where=where,
            status=status,
            hint="it may not exist, or need a login: docker login, podman login",
        )
    if status == 403:
        return Unauthorized(
            f"the {what} is forbidden{tail}", where=where, status=status, hint="these credentials do not suffice for it"
        )
    if status == 429:
        return _too_many(response, where, tail, limit or rate_limit(response.headers))
    return RemoteError(
        f"the server answered {status} {_clean(response.reason or '')}".rstrip() + f" to the {what}{tail}",
        where=where,
        status=status,
    )


def _too_many(response: BaseHTTPResponse, where: str, tail: str, limit: RateLimit | None) -> RemoteError:
    wait = retry_after(response.headers.get("retry-after"))
    hint = f"it asks to wait {wait:,.0f} s" if wait else "try again later"
    if limit is not None:
        hint += f"; it allows {limit}, more for those who log in"
    return RemoteError(f"the server has had too many requests{tail}", where=where, status=429, hint=hint)


def _words(response: BaseHTTPResponse) -> str:
    """What the body says, for people; empty for HTML and other pages."""
    try:
        data = response.read(_MAX_BODY, decode_content=False)
    except Exception:  # the status is what counts; a body that breaks off adds nothing
        data = b""
    finally:
        response.close()
    try:
        body = msgspec.json.decode(data, type=_Body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return ""
    told = [error.message or error.code for error in body.errors or []]
    return _clean("; ".join(told) or body.message or body.details or body.error_description)


def _clean(text: str) -> str:
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())[:300]
